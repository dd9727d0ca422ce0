"""A folder in which a token was ever made stays closed, whatever becomes of `tokens.json`."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest

from promptgit.app import create_app
from promptgit.auth.tokens import Scope, Tokens
from promptgit.errors import UnusableTokens
from promptgit.jobs.hooks import Hooks
from promptgit.settings import Settings
from tests.support import Answer, Http, Server, command, git
from tests.test_tokens import assert_problem, bearer, make

SECRET = "whsec_" + "a" * 44


def create(server: Server, secret: str | None = None) -> Answer:
    return Http(server.url)("POST", "/api/prompts", {"content": "x"}, bearer(secret) if secret else None)


def test_a_running_server_stays_closed_when_the_file_is_lost(server: Server) -> None:
    """And opens to new tokens alone; the requests, readiness and the log say what to do."""
    secret = make(server.folder, "ci", "write")
    assert create(server).status == 401
    (server.folder / "tokens.json").unlink()
    for answer in (create(server), create(server, secret), Http(server.url)("GET", "/readyz")):
        assert_problem(answer, 503, "unusable_tokens")
        assert "promptgit token create" in answer.json["detail"]
    assert Http(server.url)("GET", "/healthz").status == 200
    assert any("the file is missing" in line["message"] for line in server.log)
    for verb in (["list"], ["revoke", "ci"]):
        done = command("token", *verb, "--data", str(server.folder))
        assert done.returncode == 1 and "the file is missing" in done.stderr
    done = command("token", "create", "new", "--scope", "write", "--data", str(server.folder))
    assert "the tokens that were made before do not work any more" in done.stderr
    assert create(server, done.stdout.strip()).status == 201
    assert create(server, secret).status == create(server).status == 401


@pytest.mark.parametrize("restored", ["the folder", "the repository alone"])
def test_a_server_starts_closed_when_the_file_is_lost(tmp_path: Path, restored: str) -> None:
    """Also where the token was made before there was a repository."""
    data = tmp_path / "data"
    make(data, "ci", "write")
    with Server(data) as server:
        assert create(server).status == 401
    (data / "tokens.json").unlink()
    if restored == "the repository alone":
        shutil.copytree(data / "prompts.git", (data := tmp_path / "restored") / "prompts.git")
    with Server(data, "--host", "0.0.0.0") as server:
        assert "to nobody" in server.first_line and "the file is missing" in server.first_line
        assert_problem(create(server), 503, "unusable_tokens")


def test_a_folder_of_before_remembers_its_tokens_from_the_start_on(tmp_path: Path) -> None:
    """A token was made by a version of promptgit that did not tell the repository."""
    data = tmp_path / "data"
    create_app(Settings(data=data))
    (data / "prompts.git" / "promptgit-tokens").unlink(missing_ok=True)
    make(tmp_path, "ci", "write")
    (tmp_path / "tokens.json").rename(data / "tokens.json")
    create_app(Settings(data=data))
    (data / "tokens.json").unlink()
    with pytest.raises(UnusableTokens):
        Tokens(data).authenticate(None)


def test_what_git_clones_has_no_memory_of_tokens(server: Server, tmp_path: Path) -> None:
    """So `required` is for those who restore from clones; nobody is let in before there is a token."""
    secret = make(server.folder, "ci", "write")
    (tmp_path / "cloned").mkdir()
    url = server.url.replace("://", f"://x:{secret}@")
    git(tmp_path, "clone", "-q", "--mirror", f"{url}/prompts.git", str(tmp_path / "cloned" / "prompts.git"))
    with Server(tmp_path / "cloned", "--host", "0.0.0.0", PROMPTGIT_AUTH="required") as closed:
        assert "to nobody" in closed.first_line and "promptgit token create" in closed.first_line
        for answer in (create(closed), create(closed, secret), Http(closed.url)("GET", "/readyz")):
            assert_problem(answer, 503, "unusable_tokens")
        assert create(closed, make(closed.folder, "ci", "write")).status == 201
        assert Http(closed.url)("GET", "/readyz").status == 200


def test_where_nobody_needs_a_token_a_lost_file_is_nothing(tmp_path: Path) -> None:
    make(tmp_path / "data", "ci", "write")
    app = create_app(Settings(data=tmp_path / "data", auth="off"))
    (tmp_path / "data" / "tokens.json").unlink()
    client = app.test_client()
    assert (client.get("/readyz").status_code, client.get("/api/prompts").status_code) == (200, 200)


@pytest.mark.parametrize("content", [None, "{"], ids=["lost", "unreadable"])
def test_where_nobody_needs_a_token_releases_need_no_file_either(tmp_path: Path, content: str | None) -> None:
    """Nobody is told apart there, so no approval counts."""
    data = tmp_path / "data"
    ada, bob = (bearer(make(data, name, scope)) for name, scope in (("ada", "write"), ("bob", "admin")))
    client = create_app(Settings(data=data)).test_client()
    client.put("/api/rules", json={"content": '[labels."production"]\n'}, headers=bob | {"If-None-Match": "*"})
    prompt = client.post("/api/prompts", json={"content": "x"}, headers=ada).json["id"]
    items = [{"prompt_id": prompt, "version_number": 1}]
    body = {"label": "production", "items": items, "description": "Ship it"}
    assert client.post("/api/releases", json=body, headers=ada).status_code == 201
    assert client.post("/api/releases/1/approve", json={}, headers=bob).json["state"] == "ready"
    (data / "tokens.json").unlink()
    if content is not None:
        (data / "tokens.json").write_text(content)
    client = create_app(Settings(data=data, auth="off")).test_client()
    for path in ("/api/releases", "/api/releases/1", "/releases", "/releases/1"):
        assert client.get(path).status_code == 200
    (release,) = client.get("/api/releases").get_json()
    assert release["state"] == "open" and release["missing"] == ["1 approval"]
    assert [one["counts"] for one in release["approvals"]] == [False]


# Backups


def back_up(data: Path, dest: Path) -> tuple[int, str, str]:
    done = command("backup", str(dest), "--data", str(data))
    return done.returncode, done.stdout, done.stderr


def test_a_backup_brings_the_tokens_back(tmp_path: Path) -> None:
    """Those of its last run; once, so that tokens that were revoked since do not come back later."""
    data, dest, restored = tmp_path / "data", tmp_path / "b.git", tmp_path / "restored"
    create_app(Settings(data=data))
    assert back_up(data, dest)[1].count("\n") == 1  # no word of tokens where there are none
    make(data, "first", "write")
    back_up(data, dest)
    secret = make(data, "second", "write")
    code, told, missing = back_up(data, dest)
    assert (code, missing) == (0, "")
    assert told.endswith("It also holds the tokens (2), as hashes, and the access log.\n")
    assert stat.S_IMODE((dest / "tokens.json").stat().st_mode) == 0o600
    restored.mkdir()
    dest.rename(restored / "prompts.git")
    with Server(restored) as server:
        assert create(server).status == 401
        assert create(server, secret).status == 201
    assert not (restored / "prompts.git" / "tokens.json").exists()
    assert {token.name for token in Tokens(restored).all()} == {"first", "second"}


def test_tokens_that_are_there_win_over_those_of_a_backup(tmp_path: Path) -> None:
    """Where the repository alone is put back into the folder."""
    data, dest = tmp_path / "data", tmp_path / "b.git"
    create_app(Settings(data=data))
    tokens = Tokens(data)
    _, secret = tokens.create("ci", Scope.WRITE)
    back_up(data, dest)
    tokens.revoke("ci")
    shutil.rmtree(data / "prompts.git")
    dest.rename(data / "prompts.git")
    client = create_app(Settings(data=data)).test_client()
    assert client.get("/api/prompts", headers=bearer(secret)).status_code == 401
    tokens.path.unlink()
    assert create_app(Settings(data=data)).test_client().get("/api/prompts").status_code == 503


def test_a_new_token_beside_a_restored_backup_joins_the_others(tmp_path: Path) -> None:
    data, dest = tmp_path / "data", tmp_path / "restored" / "prompts.git"
    create_app(Settings(data=data))
    make(data, "before", "read")
    back_up(data, dest)
    make(dest.parent, "after", "read")
    assert [token.name for token in Tokens(dest.parent).all()] == ["before", "after"]


def test_what_is_missing_in_a_backup_is_told(tmp_path: Path) -> None:
    """Tokens that cannot be read make it fail, and the copy of before stays; secrets of webhooks never get into it."""
    data, dest = tmp_path / "data", tmp_path / "b.git"
    create_app(Settings(data=data))
    make(data, "ci", "write")
    Hooks(data).add("http://127.0.0.1:9/", ["version"], "", SECRET, "0" * 40, allow_private=True)
    code, told, missing = back_up(data, dest)
    assert (code, "the tokens (1)" in told, "NOT in it: hooks.json" in missing) == (0, True, True)
    assert not any(SECRET.encode() in file.read_bytes() for file in dest.rglob("*") if file.is_file())
    copied = (dest / "tokens.json").read_bytes()
    for damage in ((data / "tokens.json").unlink, lambda: (data / "tokens.json").write_text("{")):
        damage()
        code, told, missing = back_up(data, dest)
        assert (code, "holds 1 commits" in told, "The tokens are NOT in it" in missing) == (1, True, True)
        assert (dest / "tokens.json").read_bytes() == copied
