"""The key that signs cookies and forms: one for all workers, kept over restarts."""

from __future__ import annotations

import secrets
from pathlib import Path

from filelock import FileLock

from promptgit.store.files import write_durably

_NAME = "web.key"
_BYTES = 32


def secret_key(folder: Path, distributed: str = "") -> bytes:
    """The key in *folder*, readable by its owner alone; made if it is missing, or has been cut short.

    Processes that make it at the same time get the same one. A file that is *distributed* to all nodes takes its place.

    Raises:
        ValueError: that file holds less than a key.
        OSError: it cannot be read.
    """
    if distributed:
        key = Path(distributed).read_bytes()
        if len(key) < _BYTES:
            raise ValueError(f"PROMPTGIT_WEB_KEY: {distributed} has {len(key)} bytes; put at least {_BYTES} there.")
        return key
    path = folder / _NAME
    with FileLock(folder / "web.lock"):
        if not path.exists() or path.stat().st_size < _BYTES:
            write_durably(path, secrets.token_bytes(_BYTES), 0o600)
        return path.read_bytes()
