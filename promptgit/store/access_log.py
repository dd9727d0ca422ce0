"""`access.log` of a data folder: who was given access, who used it, one JSON object a line.

Lines are appended and never rewritten, by several processes at the same time. The entry of a token is on disk before
the token is; where its making fails after that, the entry stays.
"""

from __future__ import annotations

import json
import logging
import os
import pwd
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from promptgit.domain.models import Author
from promptgit.domain.rights import Rights
from promptgit.errors import PromptgitError
from promptgit.store.files import fsync_folder, storage_errors, write_durably
from promptgit.store.locks import WriteLock

log = logging.getLogger(__name__)

NAME = "access.log"

Who = Mapping[str, str | None]
"""Who did it: `{"token", "id", "owner"}`, `{"person", "id", "owner"}` of a person who has signed in with an account, or
`{"local": <user name>}` for a process that has the folder."""

_LOCK_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the file; *number* counts lines from 1, *time* is UTC (RFC 3339)."""

    number: int
    time: str
    action: str
    by: dict[str, Any]
    what: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The entry as the API and the command show it."""
        return asdict(self)


def who(rights: Rights, committer: Author | None) -> Who:
    """Who acts with these rights: the credential that is the committer, or without one the user of this process."""
    if rights.credential is None or committer is None:
        return {"local": _user()}
    kind = "person" if rights.is_person else "token"
    return {kind: committer.name, "id": rights.credential, "owner": rights.owner}


class AccessLog:
    """The file in a data folder. *clock* gives seconds since 1970.

    Where the folder has none, the copy of a backup that was restored takes its place.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = folder / NAME
        self._copy = folder / "prompts.git" / NAME
        self._lock = WriteLock(self._path.with_suffix(".lock"), _LOCK_SECONDS)
        self._clock = clock

    def append(self, action: str, /, *, by: Who, **what: object) -> None:
        """Add an entry, which is on disk when this returns.

        Raises:
            LockTimeout: others kept the lock for ten seconds.
            StorageFull, StorageFailed: it could not be written; what it tells of must not be done.
        """
        moment = datetime.fromtimestamp(int(self._clock()), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        entry = {"time": moment, "action": action, "by": dict(by), "what": what}
        # A lone surrogate becomes the escape that JSON has for it.
        line = json.dumps(entry, ensure_ascii=False).encode(errors="backslashreplace") + b"\n"
        with self._lock.held(), storage_errors():
            self._take_over()
            file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                size = os.fstat(file).st_size
                if size and os.pread(file, 1, size - 1) != b"\n":
                    line = b"\n" + line  # a crash has torn the last line, which is left as it is
                rest = memoryview(line)
                while rest:
                    rest = rest[os.write(file, rest) :]
                os.fsync(file)
            finally:
                os.close(file)
            if not size:
                fsync_folder(self._path.parent)

    def note(self, action: str, /, *, by: Who, **what: object) -> None:
        """The same for what is done in any case: that an entry could not be written is only logged."""
        try:
            self.append(action, by=by, **what)
        except PromptgitError as error:
            log.error("%s has no entry for %s %s by %s: %s", NAME, action, what, dict(by), error)

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """The entries after the line *after*, oldest first; lines that a crash has torn are left out.

        Raises:
            StorageFailed: the file cannot be read.
        """
        path = self._path if self._path.exists() else self._copy
        with storage_errors(), suppress(FileNotFoundError), open(path, "rb") as file:
            for number, line in enumerate(file, 1):
                if number > after and (entry := _entry(number, line)) is not None:
                    yield entry

    def copy_into(self, backup: Path) -> None:
        """Copy the access log into *backup*, a backup of the repository; without an access log nothing is copied.

        Raises:
            LockTimeout, StorageFull, StorageFailed
        """
        with self._lock.held(), storage_errors():
            self._take_over()
            if self._path.exists():
                write_durably(backup / NAME, self._path.read_bytes(), 0o600)

    def _take_over(self) -> None:
        if not self._path.exists() and self._copy.exists():
            os.rename(self._copy, self._path)
            fsync_folder(self._path.parent)


def _entry(number: int, line: bytes) -> Entry | None:
    """The entry in a line; None: it is torn, or another process is writing it now."""
    if not line.endswith(b"\n"):
        return None
    try:
        found = json.loads(line)
        return Entry(number, str(found["time"]), str(found["action"]), dict(found["by"]), dict(found["what"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _user() -> str:
    """The operating system's name of the user that this process runs as; $USER could be set to any text."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # as in a container
        return str(os.geteuid())
