"""Prompts in a folder on disk, for the time when the server is away."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import tempfile
from pathlib import Path

from promptgit.client.cache import Key
from promptgit.client.values import Prompt

log = logging.getLogger(__name__)


class Folder:
    """One file for each key that was read from the server at *url*; only the owner of the file can read it."""

    def __init__(self, path: Path, url: str) -> None:
        self._path, self._url = path, url

    def put(self, key: Key, prompt: Prompt) -> None:
        """Keep a prompt; its file is replaced atomically. If the disk fails, the log says so, and nothing is raised."""
        path, text = self._file(key), json.dumps(prompt.json(), ensure_ascii=True, indent=1)
        try:
            if path.exists() and path.read_text() == text:
                return
            self._path.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._path, suffix=".new")
            try:
                with os.fdopen(handle, "w") as file:
                    file.write(text)
                os.replace(temporary, path)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
                raise
        except (OSError, ValueError) as error:
            log.warning("%s cannot be kept in %s: %s", key.prompt, self._path, error)

    def get(self, key: Key) -> Prompt | None:
        """The prompt that was kept; None: there is no file, or it cannot be read."""
        try:
            return Prompt.of(json.loads(self._file(key).read_text()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("%s cannot be read from %s: %s", key.prompt, self._path, error)
            return None

    def drop(self, key: Key) -> None:
        """Forget a prompt that no longer exists."""
        with contextlib.suppress(OSError):
            self._file(key).unlink(missing_ok=True)

    def _file(self, key: Key) -> Path:
        parts = (
            key if key.resolve else key[: 4 if key.at else 3]
        )  # the files of what is asked for now are called as they always were
        digest = hashlib.sha256(json.dumps([self._url, *parts]).encode()).hexdigest()
        return self._path / f"{digest[:40]}.json"
