"""Repositories with long histories or many prompts, made by `git fast-import` in seconds."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from uuid import UUID

from promptgit.domain.names import id_of, path_of
from promptgit.store.store import Store
from tests.bench.floors import timed
from tests.bench.samples import text
from tests.bench.server import PROMPTGIT, environment

HISTORY = "bench/history"
HISTORY_PATH = path_of(HISTORY)
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


def named_by_uuid(prompts: int) -> Iterator[Save]:
    """Prompts that have no name but a UUID, of one version each."""
    return (Save(uuid_name(number), number) for number in range(prompts))


def uuid_name(number: int) -> str:
    """The name of one of them."""
    return str(UUID(int=random.Random(number).getrandbits(128), version=4))


def make(folder: Path, saves: Iterable[Save], *, at_once: bool = False) -> None:
    """Make a data folder that has this history, a commit for each save or *at_once*, with a current index."""
    Store(folder, lock_timeout=10).open()
    command = ["git", f"--git-dir={folder / 'prompts.git'}", "fast-import", "--quiet"]
    with subprocess.Popen(command, env=environment(), stdin=subprocess.PIPE) as child:
        assert child.stdin is not None
        write_stream(child.stdin, saves, onto_main=True, at_once=at_once)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    timed([PROMPTGIT, "reindex", "--data", folder])
    os.sync()  # else these pages go to disk beside the measurements that follow


def write_stream(file: IO[bytes], saves: Iterable[Save], *, onto_main: bool, at_once: bool = False) -> None:
    """Write a fast-import stream, a commit for each save or *at_once*; *onto_main* continues what main has."""
    start = b"from refs/heads/main^0\n" if onto_main else b""
    for place, save in enumerate(saves):
        if place == 0 or not at_once:
            file.write(_commit(save) + start)
            start = b""
        content = text(save.number).encode()
        file.write(f"M 100644 inline {path_of(save.name)}\ndata {len(content)}\n".encode() + content)


def _commit(save: Save) -> bytes:
    """What a commit's files follow."""
    name, email = save.author
    who = f"{name} <{email}> {save.seconds} +0000"
    message = f"{save.description}\n".encode()
    return f"commit refs/heads/main\nauthor {who}\ncommitter {who}\ndata {len(message)}\n".encode() + message
