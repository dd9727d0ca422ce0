"""So many of something at once, in however many processes."""

from __future__ import annotations

import time
from pathlib import Path

from filelock import FileLock, Timeout

from promptgit.store.files import failure

_POLL_SECONDS = 0.01


class Slots:
    """*most* slots of a *kind*, shared by all processes that use *folder*.

    A slot is a locked file, which the kernel frees when its process dies.
    """

    def __init__(self, folder: Path, kind: str, most: int) -> None:
        self.most = most
        self._paths = [folder / f"{kind}-{number}.lock" for number in range(1, most + 1)]

    def take(self, seconds: float = 0.0) -> FileLock | None:
        """Take a slot, which any thread may release; None: all slots stayed taken for *seconds*.

        A slot whose file cannot be opened is passed over.

        Raises:
            StorageFull, StorageFailed: the file of no slot can be opened.
        """
        deadline = time.monotonic() + seconds
        while True:
            errors: list[OSError] = []
            for path in self._paths:
                lock = FileLock(path, thread_local=False)
                try:
                    lock.acquire(blocking=False)
                except Timeout:
                    continue
                except OSError as error:
                    errors.append(error)
                    continue
                return lock
            if len(errors) == len(self._paths):
                raise failure(errors[0]) or errors[0]
            if time.monotonic() >= deadline:
                return None
            time.sleep(_POLL_SECONDS)
