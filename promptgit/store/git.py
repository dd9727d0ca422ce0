"""The git command, for what it does faster than libgit2, or alone: long histories and differences."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import cast

from promptgit.errors import UnusableRepository
from promptgit.store import gitlog
from promptgit.store.history import Commit

_CHUNK = 1 << 18
# What a clone without settings has, whatever an administrator has set here.
_PLAIN = [
    word
    for setting in (
        "core.abbrev=auto",
        "diff.algorithm=default",
        "diff.context=3",
        "diff.indentHeuristic=true",
        "diff.interHunkContext=0",
        "diff.mnemonicPrefix=false",
        "diff.noprefix=false",
        "diff.orderFile=/dev/null",
        "diff.renames=true",
        "diff.suppressBlankEmpty=false",
    )
    for word in ("-c", setting)
]


class Git:
    """Runs git on one bare repository, with nobody's settings. Only ids and paths of ours reach it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def log(self, after: str | None, upto: str) -> Iterator[Commit]:
        """The commits after *after* (None: all) up to *upto*, along first parents, oldest first.

        The first one's parent is *after* only if that is in the first-parent history of *upto*.
        """
        revisions = [upto] if after is None else [f"^{after}", upto]
        with subprocess.Popen(
            self._command(*_PLAIN, *gitlog.ARGUMENTS, *revisions, "--"),
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as child:
            output, errors = cast(BufferedReader, child.stdout), cast(BufferedReader, child.stderr)
            try:
                yield from gitlog.parse(iter(lambda: output.read1(_CHUNK), b""))
            except GeneratorExit:
                child.kill()
                raise
            if child.wait() != 0:
                raise UnusableRepository(str(self._path), errors.read().decode(errors="replace").strip())

    def is_on_main(self, commit: str) -> bool:
        """Whether a commit is in the first-parent history of `main`."""
        command = self._command("rev-list", "--first-parent", "refs/heads/main", "--")
        with subprocess.Popen(command, env=_environment(), stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            found = any(line.strip() == commit.encode() for line in child.stdout)
            child.kill()
        return found

    def diff(self, old: tuple[str, str], new: tuple[str, str]) -> bytes:
        """What `git diff` prints from one (commit, path) to another."""
        if old[1] == new[1]:
            arguments = [old[0], new[0], "--", old[1]]
        else:
            arguments = [f"{old[0]}:{old[1]}", f"{new[0]}:{new[1]}", "--"]
        return subprocess.run(
            self._command(*_PLAIN, "diff", "--no-ext-diff", "--no-textconv", "--no-color", *arguments),
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        ).stdout

    def _command(self, *arguments: str) -> list[str]:
        return [
            "git",
            "--no-replace-objects",
            "--literal-pathspecs",
            f"--git-dir={self._path}",
            "-c",
            "safe.directory=*",  # libgit2 has opened it already
            *arguments,
        ]


def _environment() -> dict[str, str]:
    """Nobody's settings and nobody's language: what git prints is parsed."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "LC_", "LANG"))}
    return kept | {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C"}
