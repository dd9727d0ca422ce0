"""The access log: who made and ended tokens and sessions, in lines that are appended and never rewritten."""

from __future__ import annotations

import json
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from promptgit.app import create_app
from promptgit.auth.tokens import Scope, Tokens
from promptgit.errors import StorageFull
from promptgit.settings import Settings
from promptgit.store.access_log import AccessLog
from tests.pages import page_of
from tests.support import command
from tests.test_api_prompts import create
from tests.test_pages_signing import csrf_of, sign_in
from tests.test_tokens import bearer

ADA = {"token": "ada", "id": "5f3a9c01", "owner": "ada@example.org"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def root(client: FlaskClient, data: Path) -> dict[str, str]:
    """Headers of an administrator, whose token was made on the machine."""
    create(client, "a", "one")
    return bearer(Tokens(data).create("root", Scope.ADMIN, owner="ada@example.org")[1])


@pytest.fixture
def log(data: Path) -> AccessLog:
    data.mkdir(exist_ok=True)
    return AccessLog(data)


def lines(data: Path) -> list[dict[str, Any]]:
    """The entries, as anybody reads them."""
    return [json.loads(line) for line in (data / "access.log").read_bytes().split(b"\n")[:-1]]


def fill_the_disk(data: Path) -> None:
    """Have every write to the log fail as on a full disk."""
    (data / "access.log").unlink()
    (data / "access.log").symlink_to("/dev/full")


def test_the_making_and_the_end_of_a_token_are_there(client: FlaskClient, root: dict[str, str], data: Path) -> None:
    """With who did it, what the token may do, and nothing of its secret."""
    body = {"name": "ci", "scope": "write", "owner": "Team", "expires": "1h", "write_prefix": ["a/"]}
    made = client.post("/api/tokens", json=body | {"may_move": ["x"], "may_check": ["y"]}, headers=root).json
    for _ in range(2):  # the second time nothing ends
        client.delete(f"/api/tokens/{made['id']}", headers=root)
    first, second, third = lines(data)
    by = {"token": "root", "id": first["what"]["id"], "owner": "ada@example.org"}
    assert (first["action"], list(first["by"])) == ("token_created", ["local"])
    assert (second["action"], second["by"], second["time"]) == ("token_created", by, made["created_at"])
    assert second["what"] == {
        "token": "ci",
        "id": made["id"],
        "owner": "Team",
        "scope": "write",
        "expires": made["expires_at"],
        "may_move": ["x"],
        "may_check": ["y"],
        "write_prefix": ["a/"],
    }
    assert (third["action"], third["by"]) == ("token_revoked", by)
    assert third["what"] == {"token": "ci", "id": made["id"], "owner": "Team"}
    text = (data / "access.log").read_text()
    assert made["token"].removeprefix("pgt_") not in text
    assert Tokens(data).all()[1].digest not in text
    assert stat.S_IMODE((data / "access.log").stat().st_mode) == 0o600


def test_a_refused_token_leaves_no_entry(client: FlaskClient, root: dict[str, str], data: Path) -> None:
    for body in ({"name": "root", "scope": "read"}, {"name": "x", "scope": "admin", "write_prefix": ["a/"]}):
        assert client.post("/api/tokens", json=body, headers=root).status_code in (409, 422)
    assert len(lines(data)) == 1


def test_sessions_are_there(client: FlaskClient, root: dict[str, str], data: Path) -> None:
    """A wrong token begins none; who has no session ends none."""
    _, secret = Tokens(data).create("rae", Scope.WRITE)
    assert sign_in(client, "pgt_wrong").status_code == 401
    assert sign_in(client, secret).status_code == 303
    form = {"csrf_token": csrf_of(client.get(page_of("a")))}
    for _ in range(2):
        client.post("/sign-out", data=form)
    signed = lines(data)[2:]
    assert [entry["action"] for entry in signed] == ["signed_in", "signed_out"]
    token = Tokens(data).all()[1]
    assert [entry["by"] for entry in signed] == [{"token": "rae", "id": token.id, "owner": "rae"}] * 2


def test_a_token_that_cannot_be_logged_is_not_made(client: FlaskClient, root: dict[str, str], data: Path) -> None:
    """507, before the secret is given; its name is still free once there is room."""
    fill_the_disk(data)
    body = {"name": "ci", "scope": "write"}
    answer = client.post("/api/tokens", json=body, headers=root)
    assert (answer.status_code, answer.json["code"]) == (507, "storage_full")
    assert "pgt_" not in answer.text
    with pytest.raises(StorageFull):
        Tokens(data).create("ci", Scope.WRITE)
    assert [token.name for token in Tokens(data).all()] == ["root"]
    (data / "access.log").unlink()
    assert client.post("/api/tokens", json=body, headers=root).status_code == 201


def test_a_token_ends_and_people_sign_in_although_nothing_can_be_logged(
    client: FlaskClient, root: dict[str, str], data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The server's log has what is missing."""
    made, secret = Tokens(data).create("ci", Scope.WRITE)
    fill_the_disk(data)
    assert sign_in(client, secret).status_code == 303
    assert client.delete(f"/api/tokens/{made.id}", headers=root).status_code == 204
    assert client.get("/api/prompts", headers=bearer(secret)).status_code == 401
    missing = [record.getMessage() for record in caplog.records if "no entry" in record.getMessage()]
    assert ["signed_in" in missing[0], "token_revoked" in missing[1], len(missing)] == [True, True, 2]


# The file


def test_a_torn_line_does_not_swallow_the_next_entry(log: AccessLog, data: Path) -> None:
    """Wherever a crash has torn it; what was written stays as it is."""
    log.append("first", by=ADA)
    whole = (data / "access.log").read_bytes()
    for cut in range(1, len(whole)):
        (data / "access.log").write_bytes(whole + whole[:cut])
        assert [entry.action for entry in log.entries()] == ["first"]
        log.append("second", by=ADA, label="production")
        assert (data / "access.log").read_bytes().startswith(whole + whole[:cut])
        found = list(log.entries())
        # A line that lacks its newline alone is whole.
        assert [entry.action for entry in found] == ["first", *(["first"] if cut == len(whole) - 1 else []), "second"]
        assert (found[-1].number, found[-1].by, found[-1].what) == (3, ADA, {"label": "production"})


def test_entries_are_single_lines(log: AccessLog, data: Path) -> None:
    """Whatever texts they hold."""
    text = "a\nb\r\u2028\x1e\x00é\ud800"
    log.append("x", by={"token": text}, text=text)
    log.append("y", by=ADA)
    assert (data / "access.log").read_bytes().count(b"\n") == 2
    (data / "access.log").read_text(encoding="utf-8")
    assert [entry.what for entry in log.entries()] == [{"text": text}, {}]


def test_processes_append_at_the_same_time(log: AccessLog, data: Path) -> None:
    def append(number: int) -> None:
        for at in range(20):
            AccessLog(data).append("x", by=ADA, number=number, at=at)

    threads = [threading.Thread(target=append, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for at in range(4):
        command("token", "create", f"t{at}", "--scope", "read", "--data", str(data))
    for thread in threads:
        thread.join()
    found = lines(data)
    assert len(found) == 6 * 20 + 4
    for number in range(6):
        assert [one["what"]["at"] for one in found if one["what"].get("number") == number] == list(range(20))


def test_what_is_no_entry_is_left_out(log: AccessLog, data: Path) -> None:
    strange = [b"x", b"\xff", b"[]", b"{}", b'{"time":1,"action":2,"by":3,"what":4}', b"", b"[" * 100_000, b""]
    (data / "access.log").write_bytes(b"\n".join(strange))
    log.append("x", by=ADA)
    assert [(entry.number, entry.action) for entry in log.entries()] == [(8, "x")]


# Reading it


def ask(client: FlaskClient, headers: dict[str, str], query: str = "") -> TestResponse:
    return client.get(f"/api/access-log{query}", headers=headers)


def test_administrators_read_it_page_by_page(client: FlaskClient, root: dict[str, str], log: AccessLog) -> None:
    """Oldest first, with a link to the next page; `after` is an entry's number."""
    for at in range(4):
        log.append("x", by=ADA, at=at)
    first = ask(client, root, "?limit=3")
    assert [entry["number"] for entry in first.json] == [1, 2, 3]
    assert first.json[1]["by"] == ADA and first.json[2]["what"] == {"at": 1}
    following = first.headers["Link"].partition(">")[0].removeprefix("<")
    rest = client.get(following, headers=root)
    assert ([entry["number"] for entry in rest.json], "Link" in rest.headers) == ([4, 5], False)
    assert ask(client, root, "?after=5").json == []
    assert first.headers["Cache-Control"] == "no-store"
    for query in ("?limit=0", "?limit=1001", "?after=-1", "?after=x", "?before=1"):
        assert ask(client, root, query).status_code == 422


def test_nobody_else_reads_it(client: FlaskClient, data: Path) -> None:
    """Not without a token, not even where nobody needs one."""
    assert ask(client, {}).status_code == 403
    for scope, status in ((Scope.READ, 403), (Scope.WRITE, 403), (Scope.ADMIN, 200)):
        headers = bearer(Tokens(data).create(scope.word, scope)[1])
        assert ask(client, headers).status_code == status
    assert ask(client, {}).status_code == 401


def test_the_command_prints_the_newest_last(data: Path) -> None:
    where = ("--data", str(data))
    assert command("access-log", *where).stdout == ""
    for name in ("ci", "ada"):
        command("token", "create", name, "--scope", "write", "--owner", "Team", *where)
    command("token", "revoke", "ci", *where)
    printed = command("access-log", *where).stdout.splitlines()
    assert [line.split()[1] for line in printed] == ["token_created", "token_created", "token_revoked"]
    assert "by local user" in printed[0] and "token=ci" in printed[0] and "owner=Team" in printed[0]
    assert command("access-log", "--limit", "1", *where).stdout.splitlines() == printed[-1:]
    listed = json.loads(command("access-log", "--json", "--limit", "2", *where).stdout)
    assert [(entry["number"], entry["what"]["token"]) for entry in listed] == [(2, "ada"), (3, "ci")]


# With other folders


def test_a_backup_brings_it_back(data: Path, tmp_path: Path) -> None:
    """Together with the tokens; entries of after that follow those of before."""
    create_app(Settings(data=data))
    Tokens(data).create("before", Scope.READ)
    done = command("backup", str(tmp_path / "b.git"), "--data", str(data))
    assert done.stdout.endswith("It also holds the tokens (1), as hashes, and the access log.\n")
    assert stat.S_IMODE((tmp_path / "b.git" / "access.log").stat().st_mode) == 0o600
    restored = tmp_path / "restored"
    restored.mkdir()
    (tmp_path / "b.git").rename(restored / "prompts.git")
    create_app(Settings(data=restored))
    assert [entry.what["token"] for entry in AccessLog(restored).entries()] == ["before"]
    Tokens(restored).create("after", Scope.READ)
    assert [entry.what["token"] for entry in AccessLog(restored).entries()] == ["before", "after"]
    assert not (restored / "prompts.git" / "access.log").exists()


def test_a_node_logs_what_it_sees(tmp_path: Path) -> None:
    """With a file of tokens that is distributed: the tokens are made elsewhere, and sessions begin here."""
    _, secret = Tokens(tmp_path / "desk").create("ada", Scope.WRITE)
    settings = Settings(data=tmp_path / "node", tokens=str(tmp_path / "desk" / "tokens.json"))
    sign_in(create_app(settings).test_client(), secret)
    assert [entry["action"] for entry in lines(tmp_path / "desk")] == ["token_created"]
    assert [entry["action"] for entry in lines(tmp_path / "node")] == ["signed_in"]
