"""`promptgit import`: a history becomes commits, once."""

from __future__ import annotations

import gzip
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from promptgit.domain import front_matter
from promptgit.domain.inputs import Input
from promptgit.errors import BadLine
from promptgit.exchange import checker
from promptgit.exchange.importer import Import
from promptgit.exchange.past import Past
from promptgit.service.service import Service
from promptgit.store.index import search
from promptgit.store.store import Store
from tests.conftest import Clock
from tests.support import assert_sound, command, git, git_text


def line(name: str = "a", content: str | None = "x", **changed: Any) -> dict[str, Any]:
    entry = {
        "name": name,
        "op": "delete" if content is None else "write",
        "content": content,
        "description": f"Say {content}",
        "author_name": "Ada L.",
        "author_email": "ada@example.org",
        "timestamp": "2023-01-01T12:00:00Z",
    }
    return entry | changed


def parts(**changed: Any) -> dict[str, Any]:
    return {key: value for key, value in line(**changed).items() if key != "content"}


def encode(*entries: dict[str, Any]) -> list[bytes]:
    return [json.dumps(entry, ensure_ascii=False).encode() + b"\n" for entry in entries]


def take_bytes(store: Store, data: bytes, skip_invalid: bool = False) -> Import:
    run = Import(store, 1_000, skip_invalid=skip_invalid)
    for _ in run.take(lambda: BytesIO(data)):
        pass
    return run


def take(store: Store, *entries: dict[str, Any]) -> Import:
    return take_bytes(store, b"".join(encode(*entries)))


def test_each_line_is_one_commit_with_its_author_and_date(store: Store, service: Service, repository: Path) -> None:
    run = take(store, line(content="1"), line(content="2", timestamp="2023-01-01T13:00:00+02:00"), line(content=None))
    assert (run.added, run.present, run.refused) == (3, 0, [])
    assert git_text(repository, "log", "-3", "--format=%an <%ae> %aI %cn %ct %B").split("\n\n") == [
        "Ada L. <ada@example.org> 2023-01-01T12:00:00+00:00 promptgit 1700000000 Say None",
        "Ada L. <ada@example.org> 2023-01-01T11:00:00+00:00 promptgit 1700000000 Say 2",
        "Ada L. <ada@example.org> 2023-01-01T12:00:00+00:00 promptgit 1700000000 Say 1",
    ]
    assert service.list(limit=9) == []
    assert_sound(repository)


def test_a_second_import_adds_nothing(store: Store, repository: Path) -> None:
    entries = [
        line(content="1"),
        line(content="2"),
        line(content=None),
        line(content="2"),
        line("b"),
        line(content="1"),
    ]
    take(store, *entries)
    head = git_text(repository, "rev-parse", "main")
    run = take(store, *entries)
    assert (run.added, run.present) == (0, 6)
    assert git_text(repository, "rev-parse", "main") == head


@pytest.mark.parametrize(
    "contents",
    [
        ["A", "A", "B"],
        [None, "A"],
        ["A", "B", None, None, "C"],
        ["A", "B", "A", "B"],
        ["A", None, "A", None],
        [None, None],
    ],
)
def test_lines_that_change_nothing_do_not_matter_the_second_time_either(
    store: Store, repository: Path, contents: list[str | None]
) -> None:
    entries = [line(content=content, timestamp=f"2023-01-01T00:00:{at:02}Z") for at, content in enumerate(contents)]
    take(store, *entries)
    head = git_text(repository, "rev-parse", "main")
    run = take(store, *entries)
    assert (run.added, run.present) == (0, len(entries))
    assert git_text(repository, "rev-parse", "main") == head


def test_a_later_file_goes_on_from_an_earlier_one(store: Store, service: Service) -> None:
    """Only what is newer than the last line that is there is added: reverts and deletions too."""
    take(store, line(content="1"), line(content="2"), line("b"))
    later = [line(content="1", timestamp="2023-02-01T00:00:00Z"), line("b", None, timestamp="2023-02-01T00:00:00Z")]
    assert take(store, line("new"), *later).added == 3
    assert take(store, line("new"), *later).added == 0
    assert [(prompt.name, prompt.newest.number) for prompt in service.list(limit=9)] == [("a", 3), ("new", 1)]


def test_an_import_that_was_broken_off_goes_on_where_it_stopped(store: Store, service: Service) -> None:
    """Also where somebody saved a version in between, or renamed the prompt."""
    entries = [line(content=str(at)) for at in range(6)]
    take(store, *entries[:3])
    (prompt,) = service.list(limit=1)
    service.save(prompt.id, "by hand")
    assert take(store, *entries).added == 3
    assert take(store, *entries).added == 0
    contents = [service.content(version).decode() for version in service.versions(service.get(prompt.id))]
    assert contents == ["0", "1", "2", "by hand", "3", "4", "5"]
    service.rename(prompt.id, "renamed")
    assert take(store, *entries).added == 0


def test_a_line_without_a_change_is_no_commit(store: Store) -> None:
    run = take(store, line(), line(description="again"), line("b", None))
    assert (run.added, run.present) == (1, 2)


def test_other_fields_are_nobodys_business(store: Store) -> None:
    assert take(store, line(seq=1, path="a.md", commit="0" * 40)).added == 1


def test_a_chat_is_written_as_its_messages(store: Store, service: Service) -> None:
    """A line may say the parts of a prompt file, so that nobody has to write front matter within JSON."""
    messages = [
        {"role": "system", "content": 'You help.\n{{role "user"}}'},
        {"type": "placeholder", "name": "history"},
        {"role": "user", "content": "{{question}}"},
    ]
    declared = {"question": {"default": "Why?"}}
    chat = parts(prompt=messages, config={"model": "m"}, tags=["t"], input=declared)
    text, plain = parts(name="b", prompt="Hi", config={"n": 1}), parts(name="c", prompt="Hi")
    assert take(store, chat, text, plain).added == 3
    contents = [service.content(prompt.newest).decode() for prompt in service.list(limit=9)]
    assert front_matter.parse(contents[0].encode()) == front_matter.PromptFile(
        (
            front_matter.Message("system", 'You help.\n{{role "user"}}'),
            front_matter.Placeholder("history"),
            front_matter.Message("user", "{{question}}"),
        ),
        {"model": "m"},
        ("t",),
        (Input("question", "Why?"),),
    )
    assert contents[1:] == ["---\nconfig:\n  n: 1\n---\nHi", "Hi"]
    assert take(store, chat, text, plain).present == 3


def test_an_empty_description_stays_empty(store: Store, service: Service) -> None:
    take(store, line(description=" "))
    assert service.list(limit=1)[0].newest.description == ""
    assert take(store, line(description="")).present == 1


BAD = [
    (b"{", "Expecting"),
    (b"[]", "not a JSON object"),
    (b'"\xff"', "utf-8"),
    (encode(line(op="move"))[0], "none of 'write'"),
    (encode(line(op=None))[0], "'op' is not a text"),
    (encode({"name": "a", "op": "write"})[0], "'description' is missing"),
    (encode(parts(prompt=5))[0], "is not a text"),
    (encode(parts(prompt=[{"role": "user"}]))[0], "at place 1"),
    (encode(parts(prompt="a", tags="t"))[0], "'tags' is not a list of texts"),
    (encode(parts(prompt="a", input={"b": 1}))[0], "'input' does not declare"),
    (encode(line(prompt="a"))[0], "has 'content' and 'prompt'"),
    (encode(parts(prompt="a", content_base64="YQ=="))[0], "has 'content_base64' and 'prompt'"),
    (
        encode(line(op="rename", renamed_from="a?"))[0].replace(b"a?", rb"a\ud800"),
        "'renamed_from' has a lone surrogate at place 2",
    ),
    (encode(line("CON"))[0], "Windows reserves"),
    (encode(line("A"))[0], "cannot stand beside"),
    (encode(line(content="x" * 1_001))[0], "1,001 bytes"),
    (encode(line(timestamp="2023-01-01T12:00:00"))[0], "offset from UTC"),
    (encode(line(timestamp="1969-12-31T23:59:59Z"))[0], "before 1970"),
    (encode(line(timestamp="9999-12-31T23:59:59-12:00"))[0], "after the year 9999"),
    (encode(line(timestamp="yesterday"))[0], "yesterday"),
    (encode(line(author_name="<"))[0], "author.name"),
    (encode(line(description="a\x1bb"))[0], "U+001B"),
    (b"[" * 100_000, "too deeply"),
    (b'{"name":' * 100_000, "too deeply"),
]


@pytest.mark.parametrize(("bad", "said"), BAD)
def test_a_bad_line_stops_the_import_and_what_came_before_is_kept(
    store: Store, service: Service, bad: bytes, said: str
) -> None:
    with pytest.raises(BadLine) as refusal:
        take_bytes(store, b"".join([*encode(line()), b"\n", bad.rstrip() + b"\n", *encode(line("c"))]))
    assert refusal.value.number == 3
    assert said in str(refusal.value)
    assert [prompt.name for prompt in service.list(limit=9)] == ["a"]
    assert list(checker.differences(store)) == []


def test_bad_lines_can_be_skipped(store: Store, service: Service) -> None:
    data = b"".join([*encode(line()), *(bad.rstrip() + b"\n" for bad, _ in BAD), *encode(line("c"))])
    run = take_bytes(store, data, skip_invalid=True)
    assert [error.number for error in run.refused] == list(range(2, len(BAD) + 2))
    assert (run.added, [prompt.name for prompt in service.list(limit=9)]) == (2, ["a", "c"])


def test_the_command_leaves_nothing_for_the_first_search_to_do(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    file.write_bytes(b"".join(encode(*(line(f"p{at}") for at in range(150)))))
    done = command("import", str(file), "--data", str(tmp_path / "data"))
    assert done.returncode == 0, done.stderr
    store = Store(tmp_path / "data", lock_timeout=5)
    assert store.index.read(search.is_current)


@pytest.mark.parametrize("packed", [False, True])
def test_the_command_imports_and_tells_what_it_did(tmp_path: Path, packed: bool) -> None:
    data = b"".join(encode(line(content="a\u2028b"), line("CON"), line("c")))
    file = tmp_path / "history"
    file.write_bytes(gzip.compress(data) if packed else data)
    folder = str(tmp_path / "data")
    stopped = command("import", str(file), "--data", folder)
    assert stopped.returncode == 1
    assert "Line 2: " in stopped.stderr
    assert "Traceback" not in stopped.stderr
    skipped = command("import", str(file), "--skip-invalid", PROMPTGIT_DATA=folder)
    assert skipped.returncode == 0
    assert "skipped: Line 2: " in skipped.stderr
    assert skipped.stdout == "1 commits added, 1 lines there already, 1 skipped.\n"
    assert command("check", "--data", folder).returncode == 0


def test_a_packed_file_that_ends_too_early_is_told(tmp_path: Path) -> None:
    whole = gzip.compress(b"".join(encode(*(line(content=str(at)) for at in range(2_000)))), 0)
    (tmp_path / "history.gz").write_bytes(whole[: len(whole) // 2])
    done = command("import", str(tmp_path / "history.gz"), "--data", str(tmp_path / "data"))
    assert done.returncode == 1
    assert "damaged or ends too early" in done.stderr
    kept = int(git_text(tmp_path / "data" / "prompts.git", "rev-list", "--count", "main")) - 1
    assert f"Line {kept + 1}: " in done.stderr
    assert kept > 900


def test_a_packed_file_that_is_damaged_is_told(tmp_path: Path) -> None:
    """The second of two members is bad: its checksum, its first bytes, a block. The lines before it are kept."""
    first = gzip.compress(b"".join(encode(*(line(content=str(at)) for at in range(600)))))
    second = bytearray(gzip.compress(encode(line("b"))[0]))
    second[-8] ^= 1  # a byte of the checksum
    for name, rest, number in (
        ("checksum", bytes(second), 602),  # its line was whole
        ("garbage", b"garbage", 601),
        ("block", second[:10] + b"\xff" * 9, 601),
    ):
        (tmp_path / name).write_bytes(first + rest)
        done = command("import", str(tmp_path / name), "--data", str(tmp_path / f"data-{name}"))
        assert (done.returncode, "Traceback" in done.stderr) == (1, False)
        assert f"Line {number}: The packed file is damaged" in done.stderr
        count = git_text(tmp_path / f"data-{name}" / "prompts.git", "rev-list", "--count", "main", "--", "prompts/a.md")
        assert count == "600", name


def dated(*times: str) -> bytes:
    return b"".join(encode(*(line(content=str(at), timestamp=time) for at, time in enumerate(times))))


IN_ORDER = dated("2023-01-01T00:00:00Z", "2023-01-02T00:00:00Z", "2023-01-02T00:00:00Z")
DISORDER = dated("2023-01-02T00:00:00Z", "2023-01-01T00:00:00Z", "2023-01-03T00:00:00Z")


@pytest.mark.parametrize("options", [[], ["--committer-date", "author"]])
def test_a_new_folder_is_dated_by_its_lines(tmp_path: Path, options: list[str]) -> None:
    """Git's own `--before` and `--since` find what was so on a day; the first commit is as old as the first line."""
    (tmp_path / "history").write_bytes(IN_ORDER)
    done = command("import", str(tmp_path / "history"), "--data", str(tmp_path / "data"), *options)
    assert (done.returncode, "Committer dates" in done.stderr) == (0, False)
    repository = tmp_path / "data" / "prompts.git"
    log = git_text(repository, "log", "--reverse", "--format=%cI %s")
    assert [row.partition("T")[0] + row[25:] for row in log.splitlines()] == [
        "2023-01-01 Explain the layout of this repository",
        "2023-01-01 Say 0",
        "2023-01-02 Say 1",
        "2023-01-02 Say 2",
    ]
    then = git_text(repository, "rev-list", "-1", "--first-parent", "--before=2023-01-01T12:00:00Z", "main")
    assert git_text(repository, "show", f"{then}:prompts/a.md") == "0"
    assert git_text(repository, "log", "--since=2023-01-01T12:00:00Z", "--format=%s") == "Say 2\nSay 1"
    assert_sound(repository)


def test_dates_in_disorder_are_those_of_the_import_unless_asked_for(tmp_path: Path) -> None:
    """By default the note names the line; with `--committer-date author` the import stops there."""
    (tmp_path / "history").write_bytes(DISORDER)
    done = command("import", str(tmp_path / "history"), "--data", str(tmp_path / "data"))
    assert done.returncode == 0
    assert "Committer dates are the time of this import: line 2 is dated before" in done.stderr
    assert git_text(tmp_path / "data" / "prompts.git", "log", "--before=2024-01-01") == ""
    asked = ("import", str(tmp_path / "history"), "--data", str(tmp_path / "other"), "--committer-date", "author")
    done = command(*asked)
    assert done.returncode == 1
    assert "Line 2: The committer date cannot be 2023-01-01T00:00:00Z" in done.stderr
    done = command(*asked, "--skip-invalid")
    assert (done.returncode, done.stdout) == (0, "1 commits added, 1 lines there already, 1 skipped.\n")


@pytest.mark.parametrize("when", ["2023-01-01T00:00:00Z", "2024-01-01T00:00:00Z"])
def test_no_commit_is_dated_before_the_one_before_it_or_in_the_future(store: Store, when: str) -> None:
    """The folder's first commit, and the clock, are of 2023-11-14."""
    run = Import(store, 1_000, skip_invalid=False, dated_by_lines=True)
    with pytest.raises(BadLine) as refusal:
        list(run.take(lambda: BytesIO(dated(when))))
    assert refusal.value.number == 1
    assert "committer date" in str(refusal.value)


@pytest.mark.parametrize(
    ("foreign", "line_dated", "refused"),
    [
        ("2023-11-16T00:00:00Z", "2023-11-15T00:00:00Z", True),  # later than the line, and past
        ("2099-01-01T00:00:00Z", "2023-11-15T00:00:00Z", True),  # in the future
        ("2023-11-16T00:00:00Z", "2023-11-16T00:00:00Z", False),
        ("2001-01-01T00:00:00Z", "2023-11-15T00:00:00Z", False),
    ],
)
def test_no_commit_is_dated_before_a_foreign_one_below_it(
    store: Store, repository: Path, clock: Clock, foreign: str, line_dated: str, refused: bool
) -> None:
    clock.now += 5 * 86_400  # the folder's first commit is of 2023-11-14
    when = {"GIT_COMMITTER_DATE": foreign, "GIT_AUTHOR_DATE": foreign}
    tip = git(repository, "commit-tree", "-p", "main", "-m", "By hand", "main^{tree}", **when).decode().strip()
    git(repository, "update-ref", "refs/heads/main", tip)
    run = Import(store, 1_000, skip_invalid=True, dated_by_lines=True)
    list(run.take(lambda: BytesIO(dated(line_dated))))
    assert (run.added, [error.number for error in run.refused]) == ((0, [1]) if refused else (1, []))
    if refused:
        assert f"the commit before it is of {foreign}" in str(run.refused[0])
        assert git_text(repository, "rev-parse", "main") == tip


def test_a_folder_that_was_made_earlier_says_why_it_has_other_dates(tmp_path: Path) -> None:
    (tmp_path / "history").write_bytes(IN_ORDER)
    Store(tmp_path / "data", lock_timeout=5).open()
    done = command("import", str(tmp_path / "history"), "--data", str(tmp_path / "data"))
    assert done.returncode == 0
    assert "import into one that does not exist yet" in done.stderr


def test_a_byte_order_mark_is_skipped(store: Store) -> None:
    assert take_bytes(store, b"\xef\xbb\xbf" + encode(line())[0]).added == 1


class Counted:
    """A thing that counts how often it was compared or hashed."""

    work = 0

    def __init__(self, value: int) -> None:
        self.value = value

    def __hash__(self) -> int:
        Counted.work += 1
        return hash(self.value)

    def __eq__(self, other: object) -> bool:
        Counted.work += 1
        return isinstance(other, Counted) and self.value == other.value


def test_looking_for_lines_that_are_there_is_linear() -> None:
    """A history of 1,000 versions, and another of 1,000 that meets it at each hundredth."""
    past: Past[Counted] = Past()
    for value in range(1_000):
        past.add(Counted(value))
    found = [past.pass_first([Counted(value if value % 100 == 0 else -value)]) for value in range(1_000)]
    assert found.count(True) == 10
    assert Counted.work < 10_000


def test_what_was_passed_is_not_found_again() -> None:
    past: Past[str] = Past()
    for thing in "abcab":
        past.add(thing)
    assert [past.pass_first([thing]) for thing in "bcab"] == [True, True, True, True]
    assert not past.pass_first("abc")
    past.add("c")
    assert past.pass_first("cb")
