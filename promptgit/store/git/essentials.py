"""The two files without which git opens no repository, HEAD and config; libgit2 goes on without either."""

from __future__ import annotations

import re
from pathlib import Path

from promptgit.errors import UnusableRepository

_HEAD = re.compile(rb"ref: ?refs/[^\0\n]+\n?|[0-9a-f]{40}\n?")
_CORE = re.compile(rb"^[ \t]*\[core\]", re.MULTILINE | re.IGNORECASE)
NOT_BARE = "it is not bare. Make it one with 'git clone --mirror'."
_MEND_HEAD = "Bring it back with 'echo \"ref: refs/heads/main\" > HEAD' in that folder."
MEND_CONFIG = "Bring it back from a backup, or remove it and run 'git config -f config core.bare true' in that folder."


class Essentials:
    """HEAD and config of the repository at *path*; looked at anew only when a file has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: list[tuple[int, int, int, int]] = []

    def expect_whole(self) -> None:
        """Refuse a repository that git could not open.

        Raises:
            UnusableRepository: it says which file is to be repaired, and how.
        """
        files = {"HEAD": (_HEAD.fullmatch, _MEND_HEAD), "config": (_CORE.search, MEND_CONFIG)}
        try:
            stats = [(self._path / name).stat() for name in files]
            seen = [(stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) for stat in stats]
            if seen == self._seen:
                return
            for name, (is_whole, repair) in files.items():
                if not is_whole((self._path / name).read_bytes()):
                    raise UnusableRepository(str(self._path), f"its file {name} is damaged. {repair}")
        except (FileNotFoundError, NotADirectoryError) as error:
            if (self._path / ".git").exists():
                raise UnusableRepository(str(self._path), NOT_BARE) from error
            if not (self._path / "objects").is_dir():
                raise UnusableRepository(str(self._path), "it is no git repository.") from error
            name = Path(error.filename).name
            raise UnusableRepository(str(self._path), f"its file {name} is missing. {files[name][1]}") from error
        except OSError as error:
            name, why = Path(error.filename or ".").name, error.strerror
            raise UnusableRepository(str(self._path), f"its file {name} cannot be read: {why}.") from error
        self._seen = seen
