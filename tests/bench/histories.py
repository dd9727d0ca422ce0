"""Repositories with long histories or many prompts, made by `git fast-import` in seconds."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from promptgit.names import id_of
from promptgit.store.store import Store
from tests.bench.floors import timed
from tests.bench.samples import text
from tests.bench.server import PROMPTGIT, environment

HISTORY = "bench/history"
HISTORY_PATH = f"prompts/{HISTORY}.md"
HISTORY_URL = f"/api/prompts/{id_of(HISTORY)}"

_FIRST_SECOND = 1_700_000_000
_AUTHORS = 20


@dataclass(frozen=True, slots=True)
class Save:
    """One version of one prompt to be made; its number decides its text, author and time."""

    name: str
    number: int

    @property
    def author(self) -> tuple[str, str]:
        """Name and address."""
        who = self.number % _AUTHORS
        return f"Author {who}", f"author{who}@example.org"

    @property
    def description(self) -> str:
        """Why."""
        return f"Reword {self.name}, step {self.number}"

    @property
    def seconds(self) -> int:
        """When, since 1970."""
        return _FIRST_SECOND + self.number


def one_long(versions: int) -> Iterator[Save]:
    """All versions of one prompt."""
    return (Save(HISTORY, number) for number in range(versions))


def many_prompts(prompts: int, versions: int = 1) -> Iterator[Save]:
    """Prompts in folders of a hundred, their versions in turn."""
    for number in range(prompts * versions):
        prompt = number % prompts
        yield Save(f"team-{prompt // 100:04d}/prompt-{prompt:06d}", number)


def make(folder: Path, saves: Iterable[Save]) -> None:
    """Make a data folder that has this history, with a current index."""
    Store(folder, lock_timeout=10).open()
    command = ["git", f"--git-dir={folder / 'prompts.git'}", "fast-import", "--quiet"]
    with subprocess.Popen(command, env=environment(), stdin=subprocess.PIPE) as child:
        assert child.stdin is not None
        write_stream(child.stdin, saves, onto_main=True)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    timed([PROMPTGIT, "reindex", "--data", folder])
    os.sync()  # else these pages go to disk beside the measurements that follow


def write_stream(file: IO[bytes], saves: Iterable[Save], *, onto_main: bool) -> None:
    """Write a fast-import stream, a commit each; *onto_main* continues what main has."""
    start = b"from refs/heads/main^0\n" if onto_main else b""
    for save in saves:
        name, email = save.author
        who = f"{name} <{email}> {save.seconds} +0000"
        message, content = f"{save.description}\n".encode(), text(save.number).encode()
        file.write(
            f"commit refs/heads/main\nauthor {who}\ncommitter {who}\ndata {len(message)}\n".encode()
            + message
            + start
            + f"M 100644 inline prompts/{save.name}.md\ndata {len(content)}\n".encode()
            + content
        )
        start = b""
