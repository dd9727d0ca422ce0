"""Nodes of one upstream, as their clients and operators see them."""

from __future__ import annotations

import hashlib
import hmac
import os
import socket
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from promptgit.app import create_app, start_chores
from promptgit.auth.tokens import Scope, Tokens
from promptgit.client import Client
from promptgit.jobs import chores
from promptgit.jobs.deliveries import Deliveries
from promptgit.jobs.hooks import Hooks
from promptgit.service.service import Service
from promptgit.settings import Settings
from promptgit.store.index import index
from promptgit.store.store import Store
from tests.support import Http, Server, command, foreign_commit, git, git_text, processes_of, wait_for
from tests.upstreams import Host, balancer, host

RARELY = "3600"
SECRET = "a secret of the host"


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Host]:
    with host(tmp_path / "host") as made:
        yield made


def node(tmp_path: Path, upstream: Host, name: str, **settings: object) -> FlaskClient:
    return create_app(Settings(data=tmp_path / name, upstream=upstream.url, **settings)).test_client()


@pytest.fixture
def pair(tmp_path: Path, upstream: Host) -> tuple[FlaskClient, FlaskClient]:
    """Two nodes that nothing makes follow the upstream but what the tests do."""
    return node(tmp_path, upstream, "one"), node(tmp_path, upstream, "other")


def test_a_client_reads_its_own_write_at_any_node(pair: tuple[FlaskClient, FlaskClient]) -> None:
    """By the head that the write's answer had; without it a node answers from what it has."""
    one, other = pair
    seen = one.put("/api/names/a", json={"content": "1"}).headers["Promptgit-Head"]
    assert other.get("/api/names/a").status_code == 404
    answer = other.get("/api/names/a", headers={"Promptgit-Head": seen})
    assert (answer.json["content"], answer.headers["Promptgit-Head"]) == ("1", seen)


def test_a_head_is_not_called_lost_by_an_index_that_cannot_follow(
    pair: tuple[FlaskClient, FlaskClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last byte of the disk was taken after `main` had moved; reads without the header go on."""
    one, other = pair
    sent = {"Promptgit-Head": one.put("/api/names/a", json={"content": "1"}).headers["Promptgit-Head"]}
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    with monkeypatch.context() as broken:
        broken.setattr(index, "take_in", lambda *_: (_ for _ in ()).throw(full))
        answer = other.get("/api/names/a", headers=sent)
        assert (answer.status_code, answer.json["code"]) == (503, "head_not_reached")
        assert other.get("/api/prompts").status_code == 200
    assert other.get("/api/names/a", headers=sent).json["content"] == "1"


def test_no_cache_asks_the_upstream(pair: tuple[FlaskClient, FlaskClient], upstream: Host) -> None:
    """Where that does not answer, the request is refused: what is here may be old."""
    one, other = pair
    one.put("/api/names/a", json={"content": "1"})
    answer = other.get("/api/names/a", headers={"Cache-Control": "max-age=0, no-cache"})
    assert answer.json["content"] == "1"
    upstream.stop()
    assert other.get("/api/names/a").status_code == 200
    answer = other.get("/api/names/a", headers={"Cache-Control": "no-cache"})
    assert (answer.status_code, answer.json["code"]) == (503, "upstream_unavailable")
    assert "Retry-After" in answer.headers


def test_a_head_that_cannot_be_had(pair: tuple[FlaskClient, FlaskClient], upstream: Host) -> None:
    """It is lost if the upstream does not have it; where the upstream does not answer, nobody knows."""
    _, other = pair
    sent = {"Promptgit-Head": f"9-{'a' * 40}"}
    assert other.get("/api/prompts", headers=sent).json["code"] == "head_lost"
    upstream.stop()
    answer = other.get("/api/prompts", headers=sent)
    assert (answer.status_code, answer.json["code"]) == (503, "head_not_reached")
    assert other.put("/api/names/a", json={"content": "1"}, headers=sent).json["code"] == "head_not_reached"


def test_the_python_client_sees_its_writes_through_a_balancer(tmp_path: Path, upstream: Host) -> None:
    """Writes go to one node, reads to the other."""
    settings = {"PROMPTGIT_UPSTREAM": upstream.url, "PROMPTGIT_UPSTREAM_POLL": RARELY}
    with (
        Server(tmp_path / "one", **settings) as one,
        Server(tmp_path / "other", **settings) as other,
        balancer(tmp_path / "balancer", [one.url, other.url]) as url,
        Client(url, cache_seconds=0) as client,
    ):
        for at in range(5):
            assert client.put("a", str(at)).version_number == at + 1
            assert client.get("a").content == str(at)
        nodes = [Http(server.url)("GET", "/metrics").body.decode() for server in (one, other)]
    assert ['method="PUT"' in told for told in nodes] == [True, False]
    assert ['method="GET",route="/api/names' in told for told in nodes] == [False, True]


def test_a_node_follows_by_itself(tmp_path: Path, upstream: Host) -> None:
    """Every PROMPTGIT_UPSTREAM_POLL seconds; and it goes on when the upstream comes back."""
    settings = {"PROMPTGIT_UPSTREAM": upstream.url, "PROMPTGIT_UPSTREAM_POLL": "0.1"}
    with Server(tmp_path / "one", **settings) as server:
        http = Http(server.url)
        foreign_commit(upstream.path, {"prompts/a.md": b"x"})
        wait_for(lambda: http("GET", "/api/names/a").status == 200)
        upstream.stop()
        wait_for(lambda: "has not answered since" in http("GET", "/readyz").body.decode())
        upstream.start()
        foreign_commit(upstream.path, {"prompts/b.md": b"x"})
        wait_for(lambda: http("GET", "/api/names/b").status == 200)
        wait_for(lambda: http("GET", "/readyz").json["warnings"] == [])
        told = http("GET", "/metrics").body.decode()
    assert 'promptgit_upstream_fetch_seconds_count{outcome="done"}' in told
    assert 'promptgit_upstream_fetch_seconds_count{outcome="failed"}' in told
    assert "promptgit_upstream_behind_seconds" in told


@pytest.mark.parametrize(("options", "processes"), [((), 1), (("--workers", "2"), 2)], ids=["as it comes", "two"])
def test_a_node_is_served_by_one_process_unless_told(
    tmp_path: Path, upstream: Host, options: tuple[str, ...], processes: int
) -> None:
    """Several push one after the other, each the writes of its own clients."""
    with Server(tmp_path / "one", *options, PROMPTGIT_UPSTREAM=upstream.url, PROMPTGIT_UPSTREAM_POLL=RARELY) as server:
        wait_for(lambda: len(processes_of(server.process.pid)) == 1 + processes)
        with ThreadPoolExecutor(8) as pool:
            saved = pool.map(lambda at: Http(server.url)("PUT", f"/api/names/p{at}", {"content": "x"}).status, range(8))
            assert list(saved) == [201] * 8
    assert git_text(upstream.path, "rev-list", "--count", "main") == "9"


def test_before_the_first_fetch_nothing_is_said_of_how_old_the_copy_is(tmp_path: Path, upstream: Host) -> None:
    one = node(tmp_path, upstream, "one")
    (tmp_path / "one" / "prompts.git" / "promptgit-fetch").unlink()  # as in a folder that never fetched
    assert "\npromptgit_upstream_behind_seconds NaN\n" in one.get("/metrics").text


def test_pushes_are_counted_by_their_outcomes(tmp_path: Path, upstream: Host) -> None:
    settings = {"PROMPTGIT_UPSTREAM": upstream.url, "PROMPTGIT_UPSTREAM_POLL": RARELY}
    with Server(tmp_path / "one", **settings) as server:
        http = Http(server.url)
        assert http("PUT", "/api/names/a", {"content": "1"}).status == 201
        foreign_commit(upstream.path, {"prompts/b.md": b"x"})
        assert http("PUT", "/api/names/a", {"content": "2"}).status == 200
        upstream.hook("pre-receive", "exit 1")
        refused = http("PUT", "/api/names/a", {"content": "3"})
        assert (refused.status, refused.json["code"]) == (503, "upstream_refused")
        told = http("GET", "/metrics").body.decode()
    for outcome, count in (("landed", 2), ("raced", 1), ("upstream_refused", 1)):
        assert f'promptgit_upstream_push_seconds_count{{outcome="{outcome}"}} {count}.0' in told


@pytest.mark.parametrize("make", ["GitHub", "GitLab", "Gitea"])
def test_a_hosts_webhook_makes_a_node_follow(tmp_path: Path, upstream: Host, make: str) -> None:
    body = b'{"ref": "refs/heads/main"}'
    digest = hmac.digest(SECRET.encode(), body, hashlib.sha256).hex()
    signed = {
        "GitHub": {"X-Hub-Signature-256": f"sha256={digest}", "Content-Type": "application/json"},
        "GitLab": {"X-Gitlab-Token": SECRET, "Content-Type": "application/json"},
        "Gitea": {"X-Gitea-Signature": digest, "Content-Type": "application/x-www-form-urlencoded"},
    }[make]
    settings = {"PROMPTGIT_UPSTREAM": upstream.url, "PROMPTGIT_UPSTREAM_POLL": RARELY}
    command("token", "create", "ada", "--scope", "read", "--data", str(tmp_path / "one"))
    with Server(tmp_path / "one", **settings, PROMPTGIT_UPSTREAM_SECRET=SECRET) as server:
        foreign_commit(upstream.path, {"prompts/a.md": b"x"})
        http = Http(server.url)
        for wrong in ({}, dict.fromkeys(signed, "wrong")):
            assert http("POST", "/hooks/upstream", raw=body, headers=wrong).status == 403
        assert http("POST", "/hooks/upstream", raw=body, headers=signed).status == 204
        wait_for(lambda: git(tmp_path / "one" / "prompts.git", "ls-tree", "main", "prompts/"))


def test_a_node_that_was_told_of_a_push_ends_without_waiting_for_the_upstream(tmp_path: Path, upstream: Host) -> None:
    """Also if that accepts connections, and never answers."""
    settings = {"PROMPTGIT_UPSTREAM": upstream.url, "PROMPTGIT_UPSTREAM_POLL": RARELY}
    with Server(tmp_path / "one", **settings, PROMPTGIT_UPSTREAM_SECRET=SECRET) as server:
        upstream.stop()
        with socket.create_server(("127.0.0.1", upstream.port)) as silent:
            assert (
                Http(server.url)("POST", "/hooks/upstream", raw=b"", headers={"X-Gitlab-Token": SECRET}).status == 204
            )
            silent.settimeout(10)
            with silent.accept()[0]:
                start = time.monotonic()
                assert server.stop() == 0
    assert time.monotonic() - start < 30


def test_without_a_secret_there_is_no_webhook(pair: tuple[FlaskClient, FlaskClient], client: FlaskClient) -> None:
    for one in (*pair, client):
        assert one.post("/hooks/upstream", data=b"{}").status_code == 404


def test_tokens_come_from_a_file_that_is_distributed(tmp_path: Path, upstream: Host) -> None:
    """A change of the file works at once on each node, and calls that would change it are refused."""
    made = Tokens(tmp_path / "desk")
    _, secret = made.create("root", Scope.ADMIN)
    one = node(tmp_path, upstream, "one", tokens=str(tmp_path / "desk" / "tokens.json"))
    admin = {"Authorization": f"Bearer {secret}"}
    assert one.get("/api/prompts").status_code == 401
    assert [token["name"] for token in one.get("/api/tokens", headers=admin).json] == ["root"]
    token, other = made.create("ada", Scope.READ)
    assert one.get("/api/prompts", headers={"Authorization": f"Bearer {other}"}).status_code == 200
    for method, path in (("POST", "/api/tokens"), ("DELETE", f"/api/tokens/{token.id}")):
        answer = one.open(path, method=method, headers=admin, json={"name": "eve", "scope": "read"})
        assert (answer.status_code, answer.json["code"]) == (409, "managed_elsewhere")
    made.revoke("ada")
    assert one.get("/api/prompts", headers={"Authorization": f"Bearer {other}"}).status_code == 401
    assert {path.name for path in (tmp_path / "one").iterdir()} & {"tokens.json", "tokens.lock"} == set()


def test_a_file_of_tokens_that_is_missing_closes_the_node(tmp_path: Path) -> None:
    """It says so, and nobody is let in."""
    one = create_app(Settings(data=tmp_path / "data", tokens=str(tmp_path / "tokens.json"))).test_client()
    assert (one.get("/api/prompts").status_code, one.get("/readyz").status_code) == (503, 503)
    refused = command(
        "token", "create", "ada", "--scope", "read", "--data", str(tmp_path / "data"),
        PROMPTGIT_TOKENS=str(tmp_path / "tokens.json"),
    )  # fmt: skip
    assert (refused.returncode, "distributed to all nodes" in refused.stderr) == (1, True)


def test_who_has_signed_in_is_known_to_all_nodes(tmp_path: Path, upstream: Host) -> None:
    """With one key of the pages for all of them."""
    (tmp_path / "key").write_bytes(os.urandom(32))
    _, secret = Tokens(tmp_path / "desk").create("ada", Scope.WRITE)
    settings = {"tokens": str(tmp_path / "desk" / "tokens.json"), "web_key": str(tmp_path / "key")}
    one, other = (node(tmp_path, upstream, name, **settings) for name in ("one", "other"))
    form = one.get("/sign-in").text
    field = form.partition('name="csrf_token"')[2].partition('value="')[2].partition('"')[0]
    signed = one.post("/sign-in", data={"token": secret, "csrf_token": field})
    assert signed.status_code in (302, 303)
    cookie = one.get_cookie("promptgit")
    assert cookie is not None
    assert other.get("/", headers={"Accept": "text/html"}).status_code in (302, 303)
    other.set_cookie("promptgit", cookie.value)
    assert other.get("/", headers={"Accept": "text/html"}).status_code == 200
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(ValueError, match="at least 32"):
        node(tmp_path, upstream, "third", **settings)


@pytest.mark.parametrize("deliver_hooks", [False, True])
def test_one_node_delivers(
    tmp_path: Path, upstream: Host, monkeypatch: pytest.MonkeyPatch, deliver_hooks: bool
) -> None:
    """The one that was told to; each node follows the upstream."""
    settings = Settings(data=tmp_path / "data", upstream=upstream.url, deliver_hooks=deliver_hooks)
    started: list[str] = []
    monkeypatch.setattr(chores, "start", lambda name, *_: started.append(name))
    start_chores(settings, create_app(settings))
    assert sorted(started) == ["upkeep", "upstream", *(["webhooks"] if deliver_hooks else [])]


def test_hooks_come_from_a_file_that_is_distributed(tmp_path: Path, store: Store) -> None:
    """A hook that a node does not know yet gets the changes from then on; the file is not changed there."""
    desk = Hooks(tmp_path / "desk")
    secret = "whsec_" + "a" * 44
    hook = desk.add("http://127.0.0.1:9/", ["version"], "", secret, "0" * 40, allow_private=True)
    path = tmp_path / "desk" / "hooks.json"
    Service(store, 1 << 20).create("x", name="a")
    deliveries = Deliveries(store, path=path)
    deliveries.turn()
    assert deliveries.hooks.all() == [hook]
    assert deliveries.hooks.state(hook.id).cursor == store.repository.main()
    (tmp_path / "secret").write_text(secret)
    refused = command(
        "hook", "add", "http://127.0.0.1:9/", "--secret-file", str(tmp_path / "secret"), "--allow-private",
        "--data", str(store.folder), PROMPTGIT_HOOKS=str(path),
    )  # fmt: skip
    assert (refused.returncode, "distributed to all nodes" in refused.stderr) == (1, True)
    assert desk.all() == [hook]
