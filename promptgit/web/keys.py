"""The key that signs cookies and forms: one for all workers, kept over restarts."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

_NAME = "web.key"
_BYTES = 32


def secret_key(folder: Path) -> bytes:
    """The key in *folder*, readable by its owner alone; made if it is missing.

    Whoever makes it at the same time gets the same one: a whole file is linked into place, once.
    """
    path = folder / _NAME
    if not path.exists():
        handle, temporary = tempfile.mkstemp(prefix=f"{_NAME}.", dir=folder)  # with mode 0600
        try:
            with open(handle, "wb") as file:
                file.write(secrets.token_bytes(_BYTES))
                file.flush()
                os.fsync(file.fileno())
            os.link(temporary, path)
        except FileExistsError:
            pass  # another worker was first
        finally:
            os.unlink(temporary)
    return path.read_bytes()
