"""`promptgit export`, and `import` of what it wrote."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import random
import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
import pytest

from promptgit.domain.models import Author, LabelMove, Prompt
from promptgit.errors import BadLine, PromptgitError
from promptgit.exchange import checker, exporter, lines
from promptgit.exchange.importer import Import
from promptgit.service.service import Service
from promptgit.service.writes import Attribution
from promptgit.store.index import queries
from promptgit.store.store import Store
from tests.support import (
    Http,
    Server,
    assert_sound,
    command,
    foreign_commit,
)
from tests.test_import import line, take

SOME_UUID = "0190a6b2-3c4d-7e8f-9a0b-1c2d3e4f5a6b"
NAMES = ["a", "b", "c/d", "c/e", "A", "c", SOME_UUID]
ADA = Attribution("Why\n\n\tbecause", Author("Ada L.", "ada@example.org"))


def exported(store: Store) -> bytes:
    return b"".join(orjson.dumps(entry) + b"\n" for entry in exporter.export(store))


def copy(data: bytes, folder: Path) -> Store:
    """Another store, with nothing but an import of *data*."""
    other = Store(folder, lock_timeout=5)
    other.open()
    assert run(other, data).refused == []
    return other


def run(store: Store, data: bytes) -> Import:
    """An import of *data*."""
    taken = Import(store, 1 << 20, skip_invalid=False)
    for _ in taken.take(lambda: BytesIO(data)):
        pass
    return taken


def told(store: Store) -> dict[str, object]:
    """All that a store tells of its living prompts, but for ids of commits, by name."""
    service = Service(store, 1 << 20)
    return {prompt.name: _told(service, prompt) for prompt in service.list(limit=10_000)}


def _told(service: Service, prompt: Prompt) -> object:
    def move(made: LabelMove) -> object:
        return made.before, made.number, made.timestamp, made.description, made.author

    return (
        prompt.path,
        prompt.created_at,
        prompt.labels,
        [
            (v.number, v.timestamp, v.description, v.author, v.labels, service.content(v))
            for v in service.versions(prompt)
        ],
        {label: [move(made) for made in service.labels.history(prompt.id, label)] for label in prompt.labels},
    )


def ids(store: Store) -> dict[str, str]:
    return {prompt.name: prompt.id for prompt in Service(store, 1).list(limit=10_000)}


def nasty(service: Service, repository: Path) -> None:
    """What the API makes, and what git makes beside it."""
    one = service.create("1", name="a", attribution=ADA)
    service.save(one.id, "", attribution=ADA)
    service.save(one.id, "\ufeff\r\n a \u2028\x1e\x85 \n", attribution=ADA)
    service.labels.point(one.id, "production", 1, attribution=ADA)
    service.labels.point(one.id, "production", 3, attribution=ADA)
    service.labels.point(one.id, "old", 1, attribution=ADA)
    service.labels.remove(one.id, "old", attribution=ADA)
    service.rename(one.id, "b/c", attribution=ADA)
    service.rename(one.id, "b/d", attribution=ADA)
    service.create("another", name="a")
    gone = service.create("x", prompt_id=SOME_UUID)
    service.labels.point(gone.id, "production", 1, attribution=ADA)
    service.delete(gone.id, attribution=ADA)
    service.revert(gone.id, 1)
    service.create("y", name="removed")
    service.delete(service.list(name="removed", limit=1)[0].id)
    service.publishing.publish("p", lambda _: "p", ["x", "y"], attribution=ADA)
    foreign_commit(
        repository,
        {
            "prompts/latin.md": b"caf\xe9",
            "prompts/zero.md": b"a\0b",
            "prompts/a.md": b"changed",
            "prompts/CON.txt": b"no prompt",
            "labels/z/latin": b"1\n",
            "labels/nonsense/a": b"one\n",
            "labels/early/a": b"3\n",
        },
        message="By hand\x1b,\rwith\tall\r\nkinds\n of signs \n\n",
    )
    foreign_commit(repository, {"prompts/a.md": b"third"}, message="")
    files: dict[str, bytes | None] = {"prompts/p.md": None, "prompts/moved.md": b"p", "prompts/new.md": b"n"}
    foreign_commit(repository, files, message="A move without its labels, and something new")


def test_what_comes_out_goes_in_again(store: Store, service: Service, repository: Path, tmp_path: Path) -> None:
    """Contents, authors, dates, descriptions, numbers, labels; and ids, but of names that were used again."""
    nasty(service, repository)
    data = exported(store)
    other = copy(data, tmp_path / "other")
    before = told(store)
    for name in ("latin", "zero", "a"):  # whose message had what a description cannot have
        versions = before[name][3]
        at = next(at for at, version in enumerate(versions) if version[2].startswith("By hand"))
        versions[at] = (*versions[at][:2], "By hand,\nwith\tall\nkinds\n of signs", *versions[at][3:])
    assert told(other)["b/d"] == before["b/d"]
    after = told(other)
    assert {name: entry[3] for name, entry in after.items()} == {name: entry[3] for name, entry in before.items()}
    assert {name: entry[2] for name, entry in after.items()} == {name: entry[2] for name, entry in before.items()}
    assert {name for name, prompt_id in ids(store).items() if ids(other)[name] != prompt_id} == {"a"}
    removed = other.index.read(queries.removed_by_name, "removed")
    assert removed is not None and removed.newest.number == 1
    again = [json.loads(raw) | {"commit": ""} for raw in exported(other).splitlines()]
    assert again == [json.loads(raw) | {"commit": ""} for raw in data.splitlines()]
    assert list(checker.differences(other)) == []
    assert_sound(tmp_path / "other" / "prompts.git")


def test_taking_it_in_again_adds_nothing(store: Store, service: Service, repository: Path, tmp_path: Path) -> None:
    """Neither into the copy, however far it got, nor where it came from, nor after somebody moved a label by hand."""
    nasty(service, repository)
    data = exported(store)
    whole = data.splitlines(keepends=True)
    assert run(store, data).added == 0
    other = copy(b"".join(whole[:9]), tmp_path / "other")
    assert run(other, data).present == 9
    moved = Service(other, 1 << 20)
    moved.labels.point(ids(other)["b/d"], "production", 2, attribution=ADA)
    moved.rename(ids(other)["new"], "renamed")
    head = other.repository.main()
    taken = run(other, data)
    assert (taken.added, taken.present) == (0, len(whole))
    assert other.repository.main() == head


@pytest.mark.parametrize("seed", range(15))
def test_any_history_comes_out_and_goes_in_again(tmp_path: Path, seed: int) -> None:
    """Whatever was renamed to what, deleted and brought back; broken off anywhere, and taken up again."""
    chance = random.Random(seed)
    clock = itertools.count(1_700_000_000)
    store = Store(tmp_path / "data", lock_timeout=5, clock=lambda: next(clock))
    store.open()
    wander(Service(store, 1_000), chance)
    data = exported(store)
    assert run(store, data).added == 0
    lines = data.splitlines(keepends=True)
    other = copy(b"".join(lines[: chance.randrange(len(lines) + 1)]), tmp_path / "other")
    run(other, data)
    assert run(other, data).added == 0
    assert told(other) == told(store)
    again = [json.loads(raw) | {"commit": ""} for raw in exported(other).splitlines()]
    assert again == [json.loads(raw) | {"commit": ""} for raw in lines]


def wander(service: Service, chance: random.Random) -> None:
    """Some dozens of writes, those that are refused among them."""
    made = [service.create("x", name="a").id]
    for _ in range(chance.randrange(5, 40)):
        prompt_id, text, name = chance.choice(made), chance.choice("xyz"), chance.choice(NAMES)
        with contextlib.suppress(PromptgitError):
            match chance.choice([0, 1, 2, 2, 2, 3, 4, 5, 6]):
                case 0:
                    made.append(service.create(text, name=name).id)
                case 1:
                    service.save(prompt_id, text)
                case 2:
                    service.rename(prompt_id, name)
                case 3:
                    service.delete(prompt_id)
                case 4:
                    service.revert(prompt_id, 1)
                case 5:
                    service.labels.point(
                        prompt_id, chance.choice("pq"), chance.randrange(1, 4), attribution=Attribution()
                    )
                case 6:
                    service.publishing.publish(
                        name, saying(text), "pq"[: chance.randrange(3)], attribution=Attribution()
                    )


def saying(text: str) -> Callable[[bytes | None], str]:
    def make(_: bytes | None) -> str:
        return text

    return make


def test_a_rename_keeps_the_prompt_and_its_labels(store: Store, service: Service) -> None:
    """Where it is not there, the line is a write."""
    rename = line("b", "1", op="rename", renamed_from="a")
    take(store, line("a", "1"), line("a", op="label", label="x", version_number=1), line("a", "2"), rename)
    (prompt,) = service.list(limit=9)
    assert (prompt.name, prompt.newest.number, prompt.labels) == ("b", 2, {"x": 1})
    taken = take(store, line("c", "3"), line("d", "4", op="rename", renamed_from="nothing"))
    assert (taken.added, [prompt.name for prompt in service.list(limit=9)]) == (2, ["b", "c", "d"])


def test_a_label_without_a_number_points_at_the_newest(store: Store, service: Service) -> None:
    label = line("a", op="label", label="x", description="Point")
    take(store, line("a", "1"), line("a", "2"), label)
    assert service.list(limit=1)[0].labels == {"x": 2}
    take(store, line("a", op="label", label="x", version_number=None, description="Away"))
    assert service.list(limit=1)[0].labels == {}
    assert take(store, label).present == 1


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (line("b", op="label", label="x", version_number=1), "No prompt has the name 'b'"),
        (line("a", op="label", label="x", version_number=2), "has no version 2"),
        (line("a", op="label", label="x", version_number="1"), "version_number"),
        (line("a", op="label", label="x", version_number=True), "version_number"),
        (line("a", op="label", label="latest", version_number=1), "latest"),
        (line("a", op="label", version_number=1), "'label' is missing"),
        (line("a", op="rename"), "'renamed_from' is missing"),
        (line("a", None, op="write", content_base64="?"), "base64"),
        (line("a", None, op="write", content_base64="eHh4" * 500), "1,500 bytes"),
        (line("a", op="move"), "none of 'write', 'delete', 'rename' and 'label'"),
    ],
)
def test_what_a_line_cannot_say_is_told(store: Store, bad: dict[str, Any], said: str) -> None:
    take(store, line("a", "1"))
    with pytest.raises(BadLine, match=re.escape(said)):
        take(store, bad)


def test_what_git_allows_and_a_line_does_not_is_mended() -> None:
    made = lines.entry("delete", "a", "a\r\nb\rc\x1b\x85" + "x" * 20_000, Author(" <\x7f> ", "<a@b>\n"), -5)
    assert lines.parse(1, orjson.dumps(made), 1).author == Author("a@b", "a@b")
    assert made["description"].startswith("a\nb\ncxx") and len(made["description"]) == 10_000
    assert made["timestamp"] == "1970-01-01T00:00:00Z"
    assert lines.entry("delete", "a", "", Author("", ""), 0)["author_name"] == "unknown"


@pytest.mark.parametrize("name", ["history.jsonl", "history.jsonl.gz"])
def test_the_commands_write_and_read_a_file(tmp_path: Path, name: str) -> None:
    with Server(tmp_path / "data") as server:
        Http(server.url)("POST", "/api/prompts", {"name": "a", "content": "1"})
        file = str(tmp_path / name)
        done = command("export", file, "--data", str(tmp_path / "data"))  # beside the running server
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "1 lines exported.\n")
    assert Path(file).read_bytes().startswith(b"\x1f\x8b") == name.endswith(".gz")
    done = command("import", file, "--data", str(tmp_path / "other"))
    assert done.stdout == "1 commits added, 0 lines there already, 0 skipped.\n"
    printed = command("export", "--data", str(tmp_path / "other")).stdout
    raw = Path(file).read_bytes()
    first = json.loads(gzip.decompress(raw) if name.endswith(".gz") else raw)
    assert json.loads(printed) | {"commit": ""} == first | {"commit": ""}
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["data", "other", name])


def test_an_export_of_nothing_makes_nothing(tmp_path: Path) -> None:
    done = command("export", str(tmp_path / "x"), "--data", str(tmp_path / "nowhere"))
    assert (done.returncode, "no repository" in done.stderr) == (1, True)
    assert list(tmp_path.iterdir()) == []
