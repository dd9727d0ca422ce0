"""Files of the repository are damaged under a running server."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.faults import LONG, ROUNDS
from tests.faults.damage import flip, truncate
from tests.support import Http, Server, assert_sound, command, git

_PROMPTS = 30
_letters = random.Random(5)
TEXTS = {
    f"p{at}": "".join(_letters.choice("abcdefghijk lmnop\n") for _ in range(20_000)) for at in range(_PROMPTS)
}  # too long to be kept in memory


def pack_of(repository: Path) -> Path:
    return max((repository / "objects/pack").glob("*.pack"), key=lambda pack: pack.stat().st_size)


def flipping(seed: int) -> Callable[[Path], None]:
    """Flips ten bits of the largest pack, for one seed always at the same places of a pack of one size."""

    def flip_some(repository: Path) -> None:
        pack, chance = pack_of(repository), random.Random(seed)
        for _ in range(10):
            flip(pack, chance.randrange(pack.stat().st_size * 8))

    return flip_some


DAMAGES: list[Callable[[Path], None]] = [
    lambda repository: truncate(pack_of(repository)),
    lambda repository: truncate(pack_of(repository), pack_of(repository).stat().st_size // 2),
    lambda repository: pack_of(repository).unlink(),
    lambda repository: pack_of(repository).with_suffix(".idx").unlink(),
    *[flipping(seed) for seed in range(ROUNDS)],
    lambda repository: truncate(repository / "HEAD"),
    lambda repository: truncate(repository / "config"),
]


@pytest.mark.parametrize("warm", [False, True] if LONG else [True])
@pytest.mark.parametrize("damage", DAMAGES if LONG else DAMAGES[1:2])
def test_no_wrong_text_is_served_and_nothing_acknowledged_is_lost(
    damage: Callable[[Path], None], warm: bool, tmp_path: Path
) -> None:
    """A server that has the files open, or not yet. With the files back, all is there that was said to be there."""
    folder = tmp_path / "data"
    repository = folder / "prompts.git"
    known: dict[str, str] = {}  # newest contents, by the address
    with Server(folder, "--workers", "1") as server:
        http = Http(server.url)
        for name, text in TEXTS.items():
            known[http("POST", "/api/prompts", {"name": name, "content": text}).headers["Location"]] = text
    git(repository, "repack", "-adq")
    shutil.copytree(repository, tmp_path / "before")
    addresses = list(known)
    with Server(folder, "--workers", "1") as server:
        if warm:
            for address in addresses[::2]:
                assert Http(server.url)("GET", address).json["content"] == known[address]
        damage(repository)
        for at, address in enumerate(addresses):
            body = None if at % 3 else {"content": f"new {at}"}
            try:
                answer = Http(server.url)("GET" if body is None else "PUT", address, body)
            except (OSError, HTTPException):
                continue  # the kernel ends a process that reads a mapped page which is not there any more
            assert answer.status in (200, 503)
            if answer.status == 200:
                known[address] = known[address] if body is None else body["content"]
                assert answer.json["content"] == known[address]
    # promptgit-main is a second name of the file of main.
    since = shutil.ignore_patterns("refs", "promptgit-main")
    shutil.copytree(tmp_path / "before", repository, dirs_exist_ok=True, ignore=since)
    assert_sound(repository)
    with Server(folder, "--workers", "1") as server:
        for address, text in known.items():
            assert Http(server.url)("GET", address).json["content"] == text
    assert command("check", "--data", str(folder)).returncode == 0
