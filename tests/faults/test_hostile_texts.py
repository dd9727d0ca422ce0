"""Texts of people who mean harm, in every place of every face: no answer is a fault, and nothing goes anywhere."""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from promptgit.app import create_app
from promptgit.auth.tokens import Scope, Tokens
from promptgit.settings import Settings
from tests.faults import FULL, LONG, attempts
from tests.faults.disks import FileSystem, disk_of
from tests.faults.hostile_contents import BODIES, CONTENTS
from tests.faults.hostile_injections import MARK, SCRIPT
from tests.faults.hostile_places import Places, path, shown
from tests.faults.hostile_texts import TEXTS
from tests.support import assert_sound, git, git_text
from tests.test_foreign_trees import raw_blob, raw_tree

pytestmark = pytest.mark.slow

VFAT = FileSystem("vfat", ("mkfs.vfat",), "utf8", 64)
"""Takes upper and lower case for the same."""
_ALLOWED = {"prompts.git", "index.sqlite3", "index.sqlite3-wal", "index.sqlite3-shm", "write.lock", "index.lock"}
_ALLOWED |= {"tokens.json", "hooks.json", "web.key", "people.sqlite3", "usage.sqlite3", "access.log"}
PARTS = 4 if LONG else 1
"""Of all texts, each with a service of its own: a history that gets long makes each request slower."""
Record = Callable[[str, object], None]


class Victim:
    """A service, its folder among others, and an administrator who is made to send what somebody else wrote."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "somewhere" / "data"
        self._around = folder
        self._app = create_app(Settings(data=self.data))
        self._app.config["PROPAGATE_EXCEPTIONS"] = False
        _, secret = Tokens(self.data).create("root", Scope.ADMIN)
        self.client = self._app.test_client()
        self.client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
        created = {"content": "# none\n"}
        assert self.client.put("/api/rules", json=created, headers={"If-None-Match": "*"}).status_code == 200
        self.target = self.client.post("/api/prompts", json={"name": "target", "content": "{{a}}"}).json["id"]
        self.answers = 0
        self.faults: list[str] = []

    @property
    def repository(self) -> Path:
        return self.data / "prompts.git"

    def note(self, answers: Iterable[TestResponse], what: str) -> None:
        """Note each answer that is a fault, breaks its form, or has what it was sent in the place of what it says."""
        for answer in answers:
            self.answers += 1
            if wrong := _wrong_with(answer):
                sent = answer.request
                self.faults.append(f"{wrong}: {sent.method} {sent.path} {sent.query_string!r}, {what[:200]!r}")
            answer.close()

    def expect_unharmed(self) -> None:
        """No answer was a fault, and nothing lies where it should not: around the folder, in it, in the repository."""
        assert not self.faults, "\n".join(self.faults)
        elsewhere = [one for one in self._around.rglob("*") if self.data not in (one, *one.parents)]
        assert elsewhere == [self.data.parent]
        others = {one.name for one in self.data.iterdir()} - _ALLOWED
        assert all(name.endswith(".lock") for name in others), others
        roots = (self._around.anchor, "/tmp", "/etc", str(Path.home()), os.getcwd())
        assert not [root for root in roots if MARK in " ".join(os.listdir(root))]
        refs = git_text(self.repository, "for-each-ref", "--format=%(refname)").split()
        assert [ref for ref in refs if not ref.startswith("refs/promptgit/")] == ["refs/heads/main"]
        assert not [one for one in self.repository.rglob("*") if MARK in one.name]
        assert not [one for one in (self.repository / "hooks").glob("*") if one.suffix != ".sample"]


@pytest.fixture
def victim(tmp_path: Path) -> Victim:
    return Victim(tmp_path / "around")


def some(texts: list[str], short: int, long: int) -> list[str]:
    """As many of them as this form takes, spread over all kinds."""
    count = attempts(short, long, len(texts))
    return texts[:: -(-len(texts) // count)]


@pytest.mark.parametrize("part", range(PARTS))
def test_a_hostile_text_goes_nowhere(victim: Victim, part: int, record_property: Record) -> None:
    """Written, asked for and shown, by the API, Langfuse's and LiteLLM's addresses, MCP and the pages."""
    places, texts = Places(victim.client, victim.target), some(TEXTS[part::PARTS], 2, 10)
    for text in texts:
        victim.note(places.all(text), text)
    victim.note(shown(victim.client, victim.target), "the target")
    victim.expect_unharmed()
    assert_sound(victim.repository)
    expect_portable(victim.repository)
    record_property("texts in every place", len(texts))
    record_property("answers, none of them a fault", victim.answers)


def test_a_hostile_content_ruins_no_face(victim: Victim, record_property: Record) -> None:
    """As text, as messages, as a page, filled in, converted, compared."""
    contents = some(CONTENTS, 2, 12)
    for content in contents:
        saved = victim.client.post("/api/prompts", json={"content": content})
        assert saved.status_code == 201, saved.text
        victim.note(shown(victim.client, saved.json["id"]), content)
        victim.client.delete(f"/api/prompts/{saved.json['id']}")
    victim.expect_unharmed()
    record_property("contents in every view", len(contents))
    record_property("answers, none of them a fault", victim.answers)


def test_a_body_that_is_no_request_is_refused_everywhere(victim: Victim, record_property: Record) -> None:
    """Every route that takes a body: too deep, too large, of another type, of other values."""
    bodies = BODIES[:: attempts(9, 3, 1)]
    for rule in victim.client.application.url_map.iter_rules():
        values = {name: victim.target if name == "prompt_id" else "1" for name in rule.arguments}
        _, address = rule.build(values) or ("", "")
        for method in (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}:
            for body in bodies:
                sent = [victim.client.open(address, method=method, data=body, content_type="application/json")]
                if FULL:
                    kinds = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "")
                    sent += [victim.client.open(address, method=method, data=body, content_type=kind) for kind in kinds]
                victim.note(sent, repr(body[:60]))
    record_property("answers to such bodies, none of them a fault", victim.answers)


@pytest.mark.parametrize("part", range(PARTS))
def test_what_git_has_pushed_is_shown_by_every_face(victim: Victim, part: int, record_property: Record) -> None:
    """A file, an author and a message of each text, as git would store them; nothing is refused there."""
    texts = some(TEXTS[part::PARTS], 2, 5)
    for text in texts:
        _push(victim.repository, text)
        victim.note(([victim.client.get("/api/prompts?limit=1000")]), text)
        prompts = victim.client.get("/api/prompts?limit=1000").json
        pushed = [prompt["id"] for prompt in prompts if prompt["id"] != victim.target]
        for prompt in pushed[:1] or [victim.target]:
            victim.note(shown(victim.client, prompt), text)
            label = victim.client.put(f"/api/prompts/{prompt}/labels/staging", json={"version_number": 1})
            victim.note(([label, victim.client.get(f"/names/{path(text)}")]), text)
    victim.expect_unharmed()
    record_property("pushed texts", len(texts))
    record_property("answers, none of them a fault", victim.answers)


@pytest.fixture
def named(victim: Victim) -> Victim:
    """A service that was asked to take each text as a name, as it is, below a folder, and in the other case."""
    if not LONG:
        pytest.skip("of the long form: make faults")
    for text in TEXTS:
        for name in (text, f"in/{text}", text.swapcase()):
            victim.client.post("/api/prompts", json={"name": name, "content": text})
    return victim


def test_every_name_that_is_taken_can_be_checked_out_everywhere(
    named: Victim, tmp_path: Path, record_property: Record
) -> None:
    """No two are one where case and normal forms make no difference, and git's rules for Windows and macOS take all."""
    expect_portable(named.repository)
    rules = ("-c", "core.protectNTFS=true", "-c", "core.protectHFS=true", "-c", "core.ignoreCase=true")
    git(tmp_path, *rules, "clone", "-q", str(named.repository), "clone")
    record_property("names that can be checked out", expect_whole(tmp_path / "clone"))


def test_a_clone_on_a_fat_is_whole(named: Victim, tmp_path: Path, record_property: Record) -> None:
    """As memory sticks have it: upper and lower case are the same there."""
    with disk_of(VFAT, tmp_path / "disk") as disk:
        git(disk.root, "clone", "-q", str(named.repository), "clone")
        record_property("names checked out on a FAT", expect_whole(disk.root / "clone"))


def expect_whole(clone: Path) -> int:
    """How many prompts a clone has; each is checked out, with its content."""
    assert git_text(clone, "status", "--porcelain") == ""
    files = [one for one in (clone / "prompts").rglob("*") if one.is_file()]
    assert len(files) == git(clone, "ls-tree", "-r", "-z", "HEAD", "prompts/").count(b"\0") > 100
    return len(files)


def _wrong_with(answer: TestResponse) -> str:
    """What is wrong with an answer; "" if nothing is. An object that git itself could not read is told as damaged."""
    if answer.status_code >= 500:
        return f"{answer.status_code} {answer.text[:300]}"
    if answer.mimetype.endswith("json"):
        json.loads(answer.data)
    elif answer.mimetype in ("text/html", "application/atom+xml"):
        if SCRIPT in answer.text:
            return "a script"
        if "13370077" in answer.text:
            return "a template that was filled in"
    target = answer.headers.get("Location", "/").removeprefix("http://localhost")
    if "X" in answer.headers or MARK in answer.headers.get("Set-Cookie", "") or not re.match(r"/(?![/\\])", target):
        return f"headers: {answer.headers}"
    return ""


def expect_portable(repository: Path) -> None:
    """No two files or folders of `main` are one where case and normal forms make no difference."""
    names = git(repository, "ls-tree", "-r", "-z", "--name-only", "main").decode().split("\0")[:-1]
    whole = {"/".join(name.split("/")[:depth]) for name in names for depth in range(1, name.count("/") + 2)}
    folded = {unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold()) for name in whole}
    assert len(folded) == len(whole)


def _push(repository: Path, text: str) -> None:
    """Put a commit on `main` that git takes: its only prompt has this name, its author and message say the same."""
    data = text.encode("utf-8", "surrogatepass").replace(b"\0", b"")
    mode, entry = b"100644", raw_blob(repository, data)
    for at, segment in enumerate((data + b".md").split(b"/")[::-1]):
        entry = raw_tree(repository, (mode, segment or b"empty", entry))
        mode = b"40000" if at == 0 else mode
    tree = raw_tree(repository, (b"40000", b"prompts", entry))
    author = "".join(one for one in data.decode(errors="replace") if one not in "<>\n")[:500].strip(" .,:;\\\"'") or "x"
    named = {"GIT_AUTHOR_NAME": f"x{author}", "GIT_AUTHOR_EMAIL": f"x{author}"}
    commit = git(repository, "commit-tree", tree, "-p", "main", data=data or b"x", **named).decode().strip()
    git(repository, "update-ref", "refs/heads/main", commit)
