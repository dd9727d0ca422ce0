"""Tokens: made and revoked by the command line and over the API, obeyed by every worker."""

from __future__ import annotations

import base64
import json
import os
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from promptgit.auth.tokens import Scope, Tokens, lifetime
from promptgit.client import Client
from promptgit.domain.models import Author
from promptgit.errors import Invalid, TokenNameTaken, TokenNotFound, Unauthenticated, UnusableTokens
from tests.conftest import Clock
from tests.support import Answer, Http, Server, command, git_text

MISSING = "/api/prompts/0190a6b2-3c4d-7e8f-9a0b-1c2d3e4f5a6b"


def make(folder: Path, name: str, scope: str) -> str:
    """A new token's secret."""
    return Tokens(folder).create(name, Scope.of(scope))[1]


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def assert_problem(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert answer.json["code"] == code


@pytest.fixture
def tokens(tmp_path: Path, clock: Clock) -> Tokens:
    return Tokens(tmp_path / "data", clock)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose tokens are named like their scopes, with their secrets in `secrets`."""
    folder = tmp_path_factory.mktemp("closed") / "data"
    secrets = {scope: make(folder, scope, scope) for scope in Scope.words()}
    with Server(folder) as server:
        server.secrets = secrets  # type: ignore[attr-defined]
        yield server


def secret_of(server: Server, scope: str) -> str:
    secrets: dict[str, str] = server.secrets  # type: ignore[attr-defined]
    return secrets[scope]


# The file


def test_a_secret_is_shown_once_and_kept_nowhere(tmp_path: Path) -> None:
    """Standard output has the secret alone, standard error says how to use it, and the file has a hash."""
    done = command("token", "create", "ci", "--scope", "write", "--data", str(tmp_path / "data"))
    secret = done.stdout.removesuffix("\n")
    assert secret.startswith("pgt_")
    assert len(base64.urlsafe_b64decode(secret.removeprefix("pgt_") + "=")) == 32
    assert "Authorization: Bearer" in done.stderr
    file = tmp_path / "data" / "tokens.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secret.removeprefix("pgt_") not in file.read_text()
    assert secret not in command("token", "list", "--data", str(tmp_path / "data")).stdout


def test_list_shows_every_token_and_its_state(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    command("token", "create", "ci", "--scope", "write", "--expires", "90d", "--data", str(folder))
    make(folder, "Ada L.", "admin")
    assert command("token", "revoke", "ci", "--data", str(folder)).returncode == 0
    first, second = command("token", "list", "--data", str(folder)).stdout.splitlines()
    assert first.split()[1:4] == ["revoked", "write", "until"]
    assert second.split()[1:] == ["active", "admin", "for", "ever", "Ada", "L."]


def test_programs_make_and_list_tokens_in_json(server: Server) -> None:
    """As the API has it: the secret once, with all that the token may do."""
    rights = ["--scope", "write", "--owner", "o", "--may-move", "production", "--write-prefix", "support/"]
    done = command("token", "create", "ci", *rights, "--expires", "90d", "--json", "--data", str(server.folder))
    made = json.loads(done.stdout)
    secret = made.pop("token")
    assert "the first token" in done.stderr
    assert json.loads(command("token", "list", "--json", "--data", str(server.folder)).stdout) == [made]
    admin = bearer(make(server.folder, "admin", "admin"))
    assert Http(server.url)("GET", "/api/tokens", headers=admin).json[0] == made
    assert (made["owner"], made["may_move"], made["write_prefix"]) == ("o", ["production"], ["support/"])
    assert Http(server.url)("GET", "/api/prompts", headers=bearer(secret)).status == 200


def test_a_name_is_never_given_again(tokens: Tokens, clock: Clock) -> None:
    """Nor one that differs only in case, nor after the token was revoked or has expired."""
    tokens.create("ci", Scope.READ, 60)
    tokens.create("Ada L.", Scope.READ)
    tokens.revoke("Ada L.")
    clock.now += 60
    for name in ("ci", "CI", "Ada L.", "ada l."):
        with pytest.raises(TokenNameTaken):
            tokens.create(name, Scope.READ)
    assert [token.name for token in tokens.all()] == ["ci", "Ada L."]


def test_two_names_never_share_an_address(tokens: Tokens) -> None:
    """Else the committer of a commit could be either of two tokens; a name without letters has its id as address."""
    tokens.create("Build Bot", Scope.READ)
    nameless, _ = tokens.create("!!!", Scope.READ)
    for name in ("build-bot", "BUILD  BOT", "(build bot)", nameless.id, nameless.id.upper()):
        with pytest.raises(TokenNameTaken, match="named"):
            tokens.create(name, Scope.READ)
    tokens.create("build_bot", Scope.READ)
    tokens.create("???", Scope.READ)
    assert len({token.identity.email for token in tokens.all()}) == 4


def test_every_token_has_an_owner(tmp_path: Path) -> None:
    """Its own name, unless another is given; tokens of an older version have their names, too."""
    data = ("--data", str(tmp_path / "data"))
    assert command("token", "create", "ci", "--scope", "read", "--owner", "ada@example.org", *data).returncode == 0
    assert command("token", "create", "ben", "--scope", "read", *data).returncode == 0
    first, second = command("token", "list", *data).stdout.splitlines()
    assert first.endswith("  ci  (of ada@example.org)") and second.endswith("  ben")
    tokens = Tokens(tmp_path / "data")
    stored = json.loads(tokens.path.read_text())
    del stored["tokens"][0]["owner"], stored["seal"]
    tokens.path.write_text(json.dumps(stored))
    assert [token.owner for token in tokens.all()] == ["ci", "ben"]
    assert [token.rights.owner for token in tokens.all()] == ["ci", "ben"]


@pytest.mark.parametrize(
    "owner", ["", " ", "x" * 201, "a\nb", "Ada <ada@example.org>", "bot@promptgit", "Bot@PromptGit"]
)
def test_an_owner_that_could_be_taken_for_something_else_is_refused(tokens: Tokens, owner: str) -> None:
    """Addresses of tokens are no owners; the rules of git's names hold."""
    with pytest.raises(Invalid, match="owner"):
        tokens.create("ci", Scope.READ, owner=owner)
    assert not tokens.are_made()


@pytest.mark.parametrize("name", ["", "x" * 61, "a\nb", "a\x00b", "a<b", "a>b", "\ud800"])
def test_a_name_that_git_could_not_keep_is_refused(tokens: Tokens, name: str) -> None:
    with pytest.raises(Invalid):
        tokens.create(name, Scope.READ)
    assert not tokens.are_made()


@pytest.mark.parametrize("text", ["", "90", "d", "0d", "-1d", "1.5h", "100000d", "1y", "1d ", "１d"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        lifetime(text)


def test_a_token_works_until_it_expires(tokens: Tokens, clock: Clock) -> None:
    made, secret = tokens.create("ci", Scope.READ, lifetime("1h"))
    clock.now += 3_599
    assert tokens.authenticate(secret) == made
    clock.now += 1
    with pytest.raises(Unauthenticated):
        tokens.authenticate(secret)
    with pytest.raises(TokenNotFound):
        tokens.revoke("ci")


def test_every_change_is_seen_at_once(tokens: Tokens, clock: Clock) -> None:
    """However quickly changes follow each other, also within one tick of the file system's clock."""
    worker = Tokens(tokens.path.parent, clock)
    for at in range(30):
        _, secret = tokens.create(f"ci-{at}", Scope.READ)
        assert worker.authenticate(secret)
        tokens.revoke(f"ci-{at}")
        with pytest.raises(Unauthenticated):
            worker.authenticate(secret)


def test_a_file_that_did_not_change_is_not_read_again(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    _, secret = tokens.create("ci", Scope.READ)
    os.utime(tokens.path, (1, 1))
    later = time.time_ns() + 10**9
    monkeypatch.setattr(time, "time_ns", lambda: later)
    assert tokens.authenticate(secret)
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("it was read again"))
    assert tokens.authenticate(secret)


def test_tokens_made_at_the_same_time_are_all_there(tmp_path: Path) -> None:
    threads = [
        threading.Thread(target=Tokens(tmp_path / "data").create, args=(f"t{at}", Scope.READ)) for at in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {token.name for token in Tokens(tmp_path / "data").all()} == {f"t{at}" for at in range(12)}


def test_what_another_version_wrote_beside_is_kept(tokens: Tokens) -> None:
    tokens.create("ci", Scope.READ)
    stored = json.loads(tokens.path.read_text())
    stored["tokens"][0]["future"] = ["production"]
    del stored["seal"]
    tokens.path.write_text(json.dumps(stored))
    tokens.revoke("ci")
    assert json.loads(tokens.path.read_text())["tokens"][0]["future"] == ["production"]


def test_a_flipped_bit_changes_no_right(tokens: Tokens) -> None:
    """The file has a checksum of its records: another date, right or secret is not believed."""
    _, secret = tokens.create("ci", Scope.READ, 90)
    text = tokens.path.read_text()
    tokens.path.write_text(text.replace('"expires": 1', '"expires": 9'))
    with pytest.raises(UnusableTokens, match="seal does not fit; whoever has edited it by hand"):
        tokens.authenticate(secret)
    tokens.path.write_text(text)
    assert tokens.authenticate(secret) is not None


STRANGE = {"id": "1", "name": "a", "scope": "read", "sha256": "a", "created": 1, "expires": "never", "revoked": None}
DAMAGED = [
    *("", "{", "[]", "{}", '{"tokens": [{}]}', '{"tokens": {"a": 1}}', '{"tokens": {}}', "\udcff"),
    *(json.dumps({"tokens": [STRANGE | {"expires": None, text: ["a"]}]}) for text in ("id", "name", "sha256", "owner")),
    *(json.dumps({"tokens": [STRANGE]}), "[" * 100_000),
]


@pytest.mark.parametrize("text", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_file_lets_nobody_in(tokens: Tokens, text: str) -> None:
    _, secret = tokens.create("ci", Scope.READ)
    tokens.path.write_text(text, errors="surrogateescape")
    with pytest.raises(UnusableTokens):
        tokens.authenticate(secret)
    with pytest.raises(UnusableTokens):
        tokens.create("other", Scope.READ)
    assert tokens.path.read_text(errors="surrogateescape") == text


def test_revoking_what_is_not_there_is_told(tmp_path: Path) -> None:
    done = command("token", "revoke", "nobody", "--data", str(tmp_path / "data"))
    assert done.returncode == 1
    assert "'nobody'" in done.stderr
    assert not (tmp_path / "data" / "tokens.json").exists()


# Who may do what


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("GET", "/api/prompts", "read"),
        ("HEAD", "/api/prompts", "read"),
        ("GET", MISSING, "read"),
        ("GET", "/nowhere", "read"),
        ("GET", "/metrics", "read"),
        ("GET", "/prompts.git/info/refs?service=git-upload-pack", "read"),
        ("POST", "/prompts.git/git-upload-pack", "read"),
        ("POST", "/api/prompts", "write"),
        ("PUT", MISSING, "write"),
        ("PATCH", MISSING, "write"),
        ("DELETE", MISSING, "write"),
        ("POST", f"{MISSING}/versions/1/revert", "write"),
        ("GET", "/api/tokens", "admin"),
        ("GET", "/api/%74okens", "admin"),
        ("GET", "//api/tokens", "admin"),
        ("POST", "///api/tokens", "admin"),
        ("POST", "/api/tokens", "admin"),
        ("DELETE", "/api/tokens/0", "admin"),
    ],
)
def test_each_scope_allows_what_it_says(closed: Server, method: str, path: str, needed: str) -> None:
    """Without a token 401, with too little 403; with enough, whatever the route says."""
    http = Http(closed.url)
    nobody = http(method, path)
    assert nobody.status == 401
    assert nobody.headers["WWW-Authenticate"] == 'Basic realm="promptgit", Bearer'
    words = Scope.words()
    for scope in words:
        answer = http(method, path, headers=bearer(secret_of(closed, scope)))
        if words.index(scope) < words.index(needed):
            assert_problem(answer, 403, "forbidden") if method != "HEAD" else None
            assert answer.status == 403
        else:
            assert answer.status not in (401, 403)


def test_some_paths_take_no_token(closed: Server) -> None:
    """They say nothing about prompts; what only looks like them takes one."""
    http = Http(closed.url)
    for path in ("/healthz", "/readyz", "/openapi.json", "/docs", "/docs/any.css"):
        assert http("GET", path).status not in (401, 403)
    for path in ("/healthzz", "/docs.git", "/openapi.json5", "/metrics", "/staticc", "/sign-inn"):
        assert http("GET", path).status == 401
    assert http("GET", "/docs/../api/prompts").status == 404


def test_a_secret_comes_as_bearer_or_as_basic(closed: Server) -> None:
    """Git's credential helpers send any user with the token as the password, or the token as the user."""
    http, secret = Http(closed.url), secret_of(closed, "read")
    for good in (bearer(secret), {"Authorization": f"bearer {secret}"}, basic("any", secret), basic(secret, "")):
        assert http("GET", "/api/prompts", headers=good).status == 200
    wrong = (
        bearer(secret[:-1]),
        bearer(""),
        basic(secret, "other"),
        basic("", ""),
        {"Authorization": secret},
        {"Authorization": "Basic !"},
        {"Authorization": f"Digest {secret}"},
        {"Authorization": f"Bearer {secret}, Bearer {secret}"},
    )
    for bad in wrong:
        assert_problem(http("GET", "/api/prompts", headers=bad), 401, "unauthenticated")


def test_tokens_are_made_and_revoked_over_the_api(closed: Server) -> None:
    http, admin = Http(closed.url), bearer(secret_of(closed, "admin"))
    made = http(
        "POST", "/api/tokens", {"name": "ci", "scope": "write", "expires": "90d", "owner": "ada@example.org"}, admin
    )
    assert made.json["owner"] == "ada@example.org"
    assert (made.status, made.headers["Cache-Control"]) == (201, "no-store")
    ci = bearer(made.json["token"])
    assert http("POST", "/api/prompts", {"content": "x"}, ci).status == 201
    assert_problem(http("GET", "/api/tokens", headers=ci), 403, "forbidden")
    listed = next(one for one in http("GET", "/api/tokens", headers=admin).json if one["name"] == "ci")
    assert listed == {key: value for key, value in made.json.items() if key != "token"}
    assert listed["expires_at"] > listed["created_at"] and listed["revoked_at"] is None
    assert_problem(http("POST", "/api/tokens", {"name": "ci", "scope": "read"}, admin), 409, "token_name_taken")
    for body in ({"name": "x", "scope": "root"}, {"name": "x", "scope": "read", "expires": "soon"}, {"name": "x"}):
        assert_problem(http("POST", "/api/tokens", body, admin), 422, "invalid")
    for _ in range(2):
        assert http("DELETE", f"/api/tokens/{made.json['id']}", headers=admin).status == 204
    assert http("GET", "/api/prompts", headers=ci).status == 401
    assert_problem(http("DELETE", "/api/tokens/nobody", headers=admin), 404, "token_not_found")


def test_the_first_token_closes_the_service_in_every_worker(server: Server) -> None:
    """And it stays closed when the last one is gone: nobody is let in by a revocation."""
    clients = [Http(server.url) for _ in range(16)]
    assert {client("GET", "/api/prompts").status for client in clients} == {200}
    headers = bearer(make(server.folder, "ci", "read"))
    assert {client("GET", "/api/prompts").status for client in clients} == {401}
    assert {client("GET", "/api/prompts", headers=headers).status for client in clients} == {200}
    assert command("token", "revoke", "ci", "--data", str(server.folder)).returncode == 0
    assert {client("GET", "/api/prompts", headers=headers).status for client in clients} == {401}


def test_an_expired_token_is_refused(closed: Server) -> None:
    yesterday = Tokens(closed.folder, lambda: time.time() - 86_400)
    _, secret = yesterday.create("yesterday", Scope.WRITE, lifetime("1h"))
    answer = Http(closed.url)("GET", "/api/prompts", headers=bearer(secret))
    assert_problem(answer, 401, "unauthenticated")
    assert "expired" in answer.json["detail"]


def test_a_damaged_file_is_told_and_lets_nobody_in(server: Server) -> None:
    headers = bearer(make(server.folder, "ci", "read"))
    (server.folder / "tokens.json").write_text("{")
    answer = Http(server.url)("GET", "/api/prompts", headers=headers)
    assert_problem(answer, 503, "unusable_tokens")
    assert answer.headers["Retry-After"]


def test_tokens_are_never_made_over_the_api_without_one(server: Server) -> None:
    """Who may write while the service is open must not keep a key to it."""
    answer = Http(server.url)("POST", "/api/tokens", {"name": "x", "scope": "admin"})
    assert_problem(answer, 403, "forbidden")
    assert not (server.folder / "tokens.json").exists()


# Who wrote it


def test_the_token_is_the_committer(server: Server) -> None:
    """And the author, where the request names none."""
    http, headers = Http(server.url), bearer(make(server.folder, "CI bot (é)", "write"))
    where = http("POST", "/api/prompts", {"content": "1"}, headers).headers["Location"]
    ada = {"name": "Ada", "email": "ada@example.org"}
    saved = http("PUT", where, {"content": "2", "author": ada}, headers).json
    assert saved["author"] == ada
    bot = "CI bot (é) <ci-bot-é@promptgit>"
    asked = {"PROMPTGIT_URL": server.url, "PROMPTGIT_TOKEN": headers["Authorization"].split()[1]}
    said = [line for line in command("log", where.rsplit("/", 1)[1], **asked).stdout.split("\n") if "<" in line]
    assert said == ["Author: Ada <ada@example.org>", f"Commit: {bot}", f"Author: {bot}"]
    with Client(server.url, token=asked["PROMPTGIT_TOKEN"]) as client:
        assert [version.committer for version in client.versions(saved["id"])] == [
            None,
            Author(*saved["committer"].values()),
        ]
    log = git_text(server.folder / "prompts.git", "log", "--format=%an <%ae>|%cn <%ce>", "-2", "main")
    assert log.splitlines() == [f"Ada <ada@example.org>|{bot}", f"{bot}|{bot}"]


def test_without_tokens_the_service_is_the_committer(server: Server) -> None:
    Http(server.url)("POST", "/api/prompts", {"content": "1"})
    log = git_text(server.folder / "prompts.git", "log", "--format=%an <%ae>|%cn <%ce>", "-1", "main")
    assert log == "|".join(["promptgit <promptgit@localhost>"] * 2)
