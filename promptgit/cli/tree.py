"""A folder of prompts as files, and what was pulled into it.

`support/greeting` is the file `support/greeting.md`, a UUID lies in a folder of its first two digits: as in the
repository. `.promptgit/pulled.json` records the server, and the version that each file was.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import unicodedata
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from promptgit.cli.base import Refusal
from promptgit.domain import names
from promptgit.domain.formats import SUFFIXES
from promptgit.errors import InvalidName

_OWN = ".promptgit"


@dataclass(frozen=True, slots=True)
class Pulled:
    """A version that a file had; *digest* is SHA-256 of its bytes."""

    version: int
    digest: str

    @classmethod
    def of(cls, version: int, content: bytes) -> Pulled:
        """The record of a version with this content."""
        return cls(version, hashlib.sha256(content).hexdigest())

    def is_of(self, content: bytes) -> bool:
        """True if *content* is that of the version."""
        return self.digest == hashlib.sha256(content).hexdigest()


@dataclass
class PulledState:
    """Where a folder comes from: the server's address, and the label, prefix and format that were asked for."""

    source: str = ""
    label: str = ""
    prefix: str = ""
    format: str = ""
    prompts: dict[str, Pulled] = field(default_factory=dict)


class Tree:
    """The folder *root*. No name of a prompt leads out of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._file = root / _OWN / "pulled.json"
        self.state = self._load()

    def path(self, name: str) -> Path:
        """The file of a prompt.

        Raises:
            Refusal: the name cannot be that of a file here, or a symbolic link is in the way.
        """
        try:
            allowed = names.check(name) == name
        except InvalidName:
            allowed = False
        if not allowed:
            raise Refusal(f"{name!r} cannot be the name of a file here.")
        below = names.path_of(name)[len(names.ROOT) :]
        if self.state.format:
            below = below.removesuffix(names.SUFFIX) + SUFFIXES[self.state.format]
        path = self._place(below)
        for part in [path, *path.parents[: below.count("/")]]:
            if part.is_symlink():
                raise Refusal(f"{part} is a symbolic link, which could lead anywhere.")
        return path

    def _place(self, below: str) -> Path:
        """The path of a file, which may exist in another Unicode form (macOS writes NFD)."""
        path = self.root
        for segment in below.split("/"):
            here = path / segment
            if not segment.isascii() and not os.path.lexists(here) and path.is_dir():
                twins = (one for one in sorted(os.listdir(path)) if unicodedata.normalize("NFC", one) == segment)
                here = path / next(twins, segment)
            path = here
        return path

    def read(self, name: str) -> bytes | None:
        """What a prompt's file holds; None where there is none."""
        try:
            return self.path(name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(self, name: str, content: bytes) -> None:
        """Replace a prompt's file as a whole."""
        _replace(self.path(name), content)

    def remove(self, name: str) -> None:
        """Remove a prompt's file, and the folders that are empty then."""
        path = self.path(name)
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty
            for folder in path.parents[: names.path_of(name).count("/") - 1]:
                folder.rmdir()

    def names(self) -> Iterator[str]:
        """The names of the prompts whose files are here, sorted; files and folders that begin with a dot do not count.

        Names are in Unicode's NFC form, whatever form the files' have.

        Raises:
            Refusal: no prompt can have the name of a file, or the names of two files differ in the form alone.
        """
        seen: dict[str, str] = {}
        for folder, folders, files in os.walk(self.root):
            folders[:] = sorted(one for one in folders if not one.startswith("."))
            for file in sorted(files):
                if file.endswith(names.SUFFIX) and not file.startswith("."):
                    below = Path(folder, file).relative_to(self.root).as_posix()
                    name = names.name_of(names.ROOT + unicodedata.normalize("NFC", below))
                    if name is None:
                        raise Refusal(f"{below} is not where the prompt of that name lies. Move it, or rename it.")
                    if name in seen:
                        raise Refusal(
                            f"{seen[name]!a} and {below!a} are the same name in two Unicode forms (NFC and "
                            "NFD), and can be one prompt only. Remove or rename one of them."
                        )
                    seen[name] = below
                    yield name

    def save(self) -> None:
        """Write the state into its file."""
        _replace(self._file, json.dumps(asdict(self.state), ensure_ascii=True, indent=1, sort_keys=True).encode())

    def _load(self) -> PulledState:
        try:
            kept = json.loads(self._file.read_bytes())
            prompts = {str(name): Pulled(**pulled) for name, pulled in kept.pop("prompts").items()}
            return PulledState(**kept, prompts=prompts)
        except (FileNotFoundError, NotADirectoryError):
            return PulledState()
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise Refusal(f"{self._file} is damaged ({error}). Remove it, and pull again.") from error


def _replace(path: Path, content: bytes) -> None:
    """Replace a file as a whole; the new one keeps the permissions of the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".promptgit-{secrets.token_hex(8)}")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
        if path.exists():
            temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
