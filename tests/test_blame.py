"""Who wrote each line: what `git blame` says, though a prompt was renamed, deleted and brought back meanwhile."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

import pytest
from filelock import FileLock
from flask.testing import FlaskClient

from promptgit.errors import BlameTimeout, StorageFailed
from promptgit.service.service import Service
from promptgit.store.git.blame import Blame
from promptgit.store.git.command import Git
from promptgit.store.index import ancestry
from promptgit.store.store import Store
from tests.support import foreign_commit, git, git_text, long_history
from tests.test_api_prompts import ADA, create

Runs = list[tuple[int, int]]
"""So many lines in a row, and the version that wrote them."""

Files = Mapping[str, bytes | None]


def push(repository: Path, commits: Sequence[Files]) -> None:
    """Commit files (None removes one) with git alone."""
    stream = [b"reset refs/heads/main\nfrom refs/heads/main^0\n\n"]
    for files in commits:
        stream.append(b"commit refs/heads/main\ncommitter a <a@example.org> 1 +0000\ndata 1\nx\n")
        for path, content in files.items():
            name = path.encode()
            stream.append(
                b"D %s\n" % name
                if content is None
                else b"M 100644 inline %s\ndata %d\n%s\n" % (name, len(content), content)
            )
    git(repository, "fast-import", "--quiet", data=b"".join(stream))


def by_git(repository: Path, commits: Sequence[str], path: str) -> Runs:
    """What a plain `git blame` says of a file at the last of its commits."""
    told = git(repository, "blame", "--root", "-l", "-s", commits[-1], "--", path).split(b"\n")[:-1]
    number_of = {commit: number for number, commit in enumerate(commits, 1)}
    return [
        (sum(1 for _ in lines), number)
        for number, lines in groupby(told, lambda line: number_of[line[:40].decode("ascii")])
    ]


class Author:
    """Makes a history of one prompt with git: edited, renamed, deleted and brought back, among twins and others."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._path = "prompts/first.md"
        self._lines: list[bytes] = []
        self._end = b""
        self.commits: list[Files] = [self._edited()]

    @property
    def _text(self) -> bytes:
        return b"".join(self._lines) + self._end

    def work(self, turns: int) -> None:
        for at in range(turns):
            match self._random.randrange(8):
                case 0:
                    old, self._path = self._path, f"prompts/{self._random.choice('ab')}/{at}.md"
                    # A twin with the very same text is there, which git could take for the prompt.
                    self.commits += [{f"prompts/twins/{at}.md": self._text}, {old: None, self._path: self._text}]
                case 1:
                    self.commits += [{self._path: None}, self._edited()]
                case 2:
                    self.commits += [{self._path: None}, {self._path: self._text}]
                case _:
                    self.commits += [self._edited(), {"prompts/other.md": self._text}]

    def _edited(self) -> Files:
        for _ in range(self._random.randint(1, 3)):
            at = self._random.randint(0, len(self._lines))
            new = self._random.choices([b"{\n", b"}\n", b"\r\n", b"a\rb\r\n", b"\xff\xfe\0\n", b"\xe2\x80\xa8\n"], k=4)
            self._lines[at : at + self._random.randint(0, 4)] = [*new, b"%d\n" % self._random.randrange(10**6)]
        if self._random.random() < 0.1:
            self._lines = []
        self._end = self._random.choice([b"", b"", b"no newline", b"\r"])
        return {self._path: self._text}


@pytest.mark.parametrize("seed", [1, 2])
def test_lines_are_blamed_as_git_does_it(service: Service, repository: Path, tmp_path: Path, seed: int) -> None:
    """On versions that lie under several paths, with deletions and strangers between.

    git is asked in another repository, which has the same contents as commits of one file, and nothing else.
    """
    author = Author(seed)
    author.work(50)
    push(repository, author.commits)
    found = service.list(limit=1000)
    (prompt,) = [one for one in found if not one.name.startswith(("twins/", "other"))]
    assert len(found) > 4  # it was renamed
    versions = list(service.versions(prompt))
    contents = [service.content(version) for version in versions]
    Store(tmp_path / "alone", lock_timeout=5).open()
    alone = tmp_path / "alone" / "prompts.git"
    push(alone, [{"text": content} for content in contents])
    commits = git(alone, "rev-list", "--reverse", "main").decode().split()[1:]
    for number in (*range(2, len(versions), 7), len(versions)):
        runs = [(lines.length, lines.version.number) for lines in service.blame.of(versions[number - 1])]
        assert runs == by_git(alone, commits[:number], "text")
        text = contents[number - 1]
        assert sum(length for length, _ in runs) == text.count(b"\n") + (text[-1:] not in (b"", b"\n"))


def test_who_wrote_what_is_told_with_the_version(client: FlaskClient, repository: Path) -> None:
    """Kept for a year, and of deleted prompts too; an empty text has no lines."""
    made = create(client, "a", "one\ntwo\n", author=ADA)
    prompt = f"/api/prompts/{made.json['id']}"
    client.put(prompt, json={"content": "one\nzwei\nthree"})
    client.patch(prompt, json={"name": "b"})
    client.put(prompt, json={"content": ""})
    client.put(prompt, json={"content": "one\n"})
    client.delete(prompt)
    answer = client.get(f"{prompt}/versions/2/blame")
    shown = ("version_number", "timestamp", "author", "committer")
    expected = []
    for number, lines in ((1, 1), (2, 2)):
        version: dict[str, object] = client.get(f"{prompt}/versions/{number}").json or {}
        expected.append({"lines": lines} | {key: version[key] for key in shown if key in version})
    assert answer.json == expected
    assert "committer" in expected[0]
    assert "max-age=31536000" in answer.headers["Cache-Control"]
    again = client.get(f"{prompt}/versions/2/blame", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert client.get(f"{prompt}/versions/3/blame").json == []
    assert [one["version_number"] for one in client.get(f"{prompt}/versions/4/blame").json] == [4]
    missing = client.get(f"{prompt}/versions/5/blame")
    assert (missing.status_code, missing.json["code"]) == (404, "version_not_found")


def test_a_text_that_is_damaged_is_blamed_on_nobody(client: FlaskClient, repository: Path) -> None:
    """The answer names the object, as where a text itself cannot be read."""
    for content in (b"one\n", b"one\ntwo\n"):
        foreign_commit(repository, {"prompts/a.md": content})
    lost = git_text(repository, "rev-parse", "main~1:prompts/a.md")
    (repository / "objects" / lost[:2] / lost[2:]).unlink()
    prompt = client.get("/api/names/a").json["id"]
    answer = client.get(f"/api/prompts/{prompt}/versions/2/blame")
    assert (answer.status_code, answer.json["code"]) == (503, "damaged")
    assert lost in answer.json["detail"]


def test_what_takes_too_long_is_refused(store: Store, service: Service, repository: Path) -> None:
    """Each request has a time limit, and few git children run at once; the next ones wait for them."""
    long_history(repository, "prompts/a.md", [f"{at}\n" * 9 for at in range(9)])
    prompt = service.list(limit=1)[0]
    along = store.index.read(ancestry.stretches, prompt.id, 9)
    with pytest.raises(BlameTimeout):
        Blame(Git(repository), store.folder, seconds=0).writers(along)
    with FileLock(store.folder / "blame-1.lock") as slot:
        with pytest.raises(BlameTimeout, match=r"longer than 0\.05 seconds"):
            Blame(Git(repository), store.folder, seconds=0.05, most=1).writers(along)
        assert set(Blame(Git(repository), store.folder, most=2).writers(along)) == {9}
        slot.release()
    assert set(Blame(Git(repository), store.folder, most=1).writers(along)) == {9}


def test_a_slot_that_cannot_be_opened_is_passed_over(store: Store, service: Service, repository: Path) -> None:
    """Its file may be somebody else's; here it is a folder."""
    long_history(repository, "prompts/a.md", ["1\n", "2\n"])
    along = store.index.read(ancestry.stretches, service.list(limit=1)[0].id, 2)
    (store.folder / "blame-1.lock").mkdir()
    assert set(Blame(Git(repository), store.folder, most=2).writers(along)) == {2}
    with pytest.raises(StorageFailed):
        Blame(Git(repository), store.folder, most=1).writers(along)
