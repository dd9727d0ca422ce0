"""A damaged index is neither served nor in the way: the read or the write that meets the damage has it built anew."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from promptgit.domain.models import Author
from promptgit.errors import PromptgitError
from promptgit.service.catalogue import Catalogue
from promptgit.service.feed import Feed
from promptgit.service.service import Service
from promptgit.service.writes import Attribution
from promptgit.store.index.selections import Selection
from promptgit.store.store import Store
from tests.faults import LONG, damage
from tests.support import foreign_commit

ADA = Attribution("Why", Author("Ada", "ada@example.org"))
PROMPTS = 45  # so that tables and indexes have more than one page


class History(NamedTuple):
    """A folder with a sound index in one file, and what its service answers."""

    folder: Path
    answers: dict[str, Any]
    deleted: str


def opened(folder: Path) -> tuple[Store, Service]:
    store = Store(folder, lock_timeout=5, clock=lambda: 1_700_000_000.0)
    return store, Service(store, max_content=1 << 20)


def answers(store: Store, service: Service) -> dict[str, Any]:
    """All that can be read, but for what is found by a search."""
    told: dict[str, Any] = {"list": service.list(limit=1_000), "label": service.list(label="production", limit=1_000)}
    told["feed"] = [Feed(store).page(None, 1_000)]
    catalogue = Catalogue(store)
    told["folders"] = catalogue.folders("")
    for chosen in (Selection(), Selection(label="production", author=ADA.author.name), Selection(prefix="many/")):
        told[f"{chosen}"] = [catalogue.by_name(chosen, limit=1_000), catalogue.by_change(chosen, limit=1_000)]
    told["removed"] = catalogue.removed(limit=100)
    prompts = [*told["list"], *(prompt for prompt, _ in told["removed"])]
    for prompt in prompts:
        told[prompt.id] = [service.find(prompt.id)]
        if prompt.name.startswith("many/"):
            continue
        told[prompt.id] += [
            list(service.versions(prompt)),
            list(service.versions_json(prompt)),
            list(service.versions_json(prompt, newest_first=True, limit=2)),
            [service.version(prompt.id, number) for number in range(1, prompt.newest.number + 1)],
            service.labels.all(prompt.id),
            [service.labels.history(prompt.id, label) for label in sorted(prompt.labels)],
            service.diff(prompt.id, 1, prompt.newest.number) if prompt.newest.number > 1 else b"",
            catalogue.history(prompt, limit=10),
            service.publishing.find(prompt.name),
        ]
    told["now"] = service.as_of(2_000_000_000).commit
    for commit in {change.commit: None for change in told["feed"][0].changes[::4]}:
        past = service.as_of(commit)
        told[commit] = [past.list(limit=1_000), past.list(label="production", limit=1_000)]
        told[commit] += [past.labels.all(prompt.id) for prompt in told[commit][0] if prompt.labels]
    return told


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    folder = tmp_path_factory.mktemp("damage") / "data"
    store, service = opened(folder)
    store.open()
    foreign_commit(store.repository.path, {f"prompts/many/p{at:02}.md": b"%d" % at for at in range(PROMPTS)})
    made = {name: service.create("1", name=name, attribution=ADA) for name in ("a", "b/c", "gone", "d")}
    for at in range(2, 5):
        service.save(made["a"].id, f"{at}", attribution=ADA)
    service.save(made["a"].id, "1", attribution=ADA)
    for label, number in (("production", 1), ("staging", 2), ("production", 3)):
        service.labels.point(made["a"].id, label, number, attribution=ADA)
    service.labels.point(made["b/c"].id, "production", 1, attribution=ADA)
    service.labels.remove(made["a"].id, "staging", attribution=ADA)
    service.rename(made["a"].id, "e/a", attribution=ADA)
    service.save(made["a"].id, "5", attribution=ADA)
    service.rename(made["a"].id, "f", attribution=ADA)
    service.delete(made["gone"].id, attribution=ADA)
    service.list(q="2", limit=1)
    store.index.rebuild()
    told = answers(store, service)
    store.close()
    return History(folder, told, made["gone"].id)


@pytest.fixture
def spoiled(history: History, tmp_path: Path) -> Iterator[Callable[[Callable[[Path], None]], tuple[Store, Service]]]:
    """Opens a copy of the history whose index somebody has damaged."""
    folder = tmp_path / "data"
    shutil.copytree(history.folder, folder)
    sound = folder / "sound"
    shutil.copy(history.folder / "index.sqlite3", sound)
    stores: list[Store] = []

    def spoil(how: Callable[[Path], None]) -> tuple[Store, Service]:
        for store in stores:
            store.close()
        index = folder / "index.sqlite3"
        for file in folder.glob("index.sqlite3*"):
            file.unlink()
        shutil.copy(sound, index)
        how(index)
        store, service = opened(folder)
        stores[:] = [store]
        return store, service

    yield spoil
    for store in stores:
        store.close()


def pages(index: Path) -> dict[str, int]:
    """The number of each table's and index's first page, counted from 1 (sqlite.org/schematab.html)."""
    with closing(sqlite3.connect(index)) as connection:
        rows = connection.execute("SELECT name, rootpage FROM sqlite_master WHERE rootpage > 0").fetchall()
    return dict(rows)


def size_of_page(index: Path) -> int:
    return int.from_bytes(index.read_bytes()[16:18], "big")


def write_everything(service: Service, history: History) -> None:
    """Every kind of write, none of which stumbles."""
    made = service.create("new", name="new", attribution=ADA)
    assert service.save(made.id, "newer", attribution=ADA).newest.number == 2
    service.labels.point(made.id, "production", 1, attribution=ADA)
    assert service.rename(made.id, "newest", attribution=ADA).labels == {"production": 1}
    service.revert(made.id, 1, attribution=ADA)
    service.delete(made.id, attribution=ADA)
    assert service.create("back", name="gone", attribution=ADA).id == history.deleted


def test_writes_mend_what_only_writes_touch(history: History, spoiled: Any) -> None:
    """Whichever page is zeroed: the write succeeds, and the index is whole again."""
    index = history.folder / "index.sqlite3"
    size = size_of_page(index)
    # What a search, a deletion, a label, a request with a key, a check, a release, a reference or another committer
    # touches.
    others = (
        *("search", "tags", "sqlite_autoindex_tags", "removals", "changes", "label", "requests", "unsearched"),
        *("checks", "release", "commits_author", "commits_committer", "versions_committer", "authors_"),
        *("refers", "unreferred"),
    )
    for name, page in pages(index).items():
        if name.startswith(others):
            continue
        store, service = spoiled(lambda path, page=page: damage.zero(path, (page - 1) * size, size))
        assert service.create(name, name="once/" + name, attribution=ADA).newest.number == 1, name
        with closing(sqlite3.connect(store.index.path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)], name


def test_every_write_succeeds_on_a_damaged_index(history: History, spoiled: Any) -> None:
    index = history.folder / "index.sqlite3"
    size = size_of_page(index)
    page = pages(index)["prompts_living_folded"]
    _, service = spoiled(lambda path: damage.zero(path, (page - 1) * size, size))
    write_everything(service, history)


def bits(index: Path, each: int) -> Iterator[int]:
    """One bit in every *each* bytes of the rows of all tables and indexes, but for those of the search."""
    data, size = index.read_bytes(), size_of_page(index)
    found = pages(index)
    skipped = {page for name, page in found.items() if name.startswith(("search", "tags"))}
    at = 0
    for page in sorted(set(found.values()) - skipped):
        start = (page - 1) * size
        content = int.from_bytes(data[start + 5 : start + 7], "big")  # sqlite.org/fileformat2.html, "B-tree Pages"
        if data[start] in (0x0A, 0x0D) and content:
            for byte in range(start + content, start + size, each):
                at += 1
                yield byte * 8 + at * 3 % 8


def test_a_flipped_bit_is_never_served(history: History, spoiled: Any) -> None:
    """In a row or in a key of an index: every answer is as before."""
    flipped = list(bits(history.folder / "index.sqlite3", each=53 if LONG else 997))
    assert len(flipped) >= 12
    for bit in flipped:
        store, service = spoiled(lambda path, bit=bit: damage.flip(path, bit))
        assert answers(store, service) == history.answers, f"bit {bit}"


def swap(path: Path, one: int, other: int) -> None:
    data, size = bytearray(path.read_bytes()), size_of_page(path)
    first, second = ((page - 1) * size for page in (one, other))
    data[first : first + size], data[second : second + size] = data[second : second + size], data[first : first + size]
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("prompts", "authors"),
        ("prompts", "commits"),
        ("head", "totals"),
        ("prompts_living", "prompts_living_folded"),
        ("sqlite_autoindex_prompts_1", "prompts_removed"),
        ("prompts_living", "labels_by_label"),
        ("versions", "label_moves"),
        ("places", "removals"),
    ],
)
def test_swapped_pages_are_noticed(history: History, spoiled: Any, one: str, other: str) -> None:
    """A page that can be read, but is another's: nothing is missing, and the service starts."""
    found = pages(history.folder / "index.sqlite3")
    store, service = spoiled(lambda path: swap(path, found[one], found[other]))
    store.open()
    assert answers(store, service) == history.answers
    store, service = spoiled(lambda path: swap(path, found[one], found[other]))
    store.open()
    write_everything(service, history)


def test_a_fault_of_ours_is_no_damage(history: History, spoiled: Any, caplog: pytest.LogCaptureFixture) -> None:
    """What fails on a sound index is the change's own error, and builds nothing anew."""
    store, service = spoiled(lambda _: None)
    inode = store.index.path.stat().st_ino

    def stumble(*_: object) -> None:
        raise AssertionError("a fault")

    with pytest.raises(AssertionError, match="a fault"):
        store.index.read(stumble)
    assert store.index.path.stat().st_ino == inode
    with pytest.raises(PromptgitError):
        service.create("x", name="f", attribution=ADA)
