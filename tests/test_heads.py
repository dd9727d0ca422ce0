"""`Promptgit-Head`: what an answer reflects, and from where on a request is answered."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from promptgit.client import Client
from promptgit.service.service import Service
from promptgit.store.index.positions import Positions
from promptgit.store.store import Store
from tests.clients import Counted
from tests.support import Http, Server, foreign_commit, git, git_text, wait_for


def head(repository: Path) -> str:
    place = git_text(repository, "rev-list", "--first-parent", "--count", "main")
    return f"{place}-{git_text(repository, 'rev-parse', 'main')}"


def test_every_answer_of_the_api_says_what_it_reflects(client: FlaskClient, repository: Path) -> None:
    """Of reads, of writes the commit that they made, of refusals; by whatever way the commits came."""
    assert client.get("/api/prompts").headers["Promptgit-Head"] == head(repository)
    made = client.put("/api/names/a", json={"content": "1"})
    assert made.headers["Promptgit-Head"] == head(repository)
    foreign_commit(repository, {"prompts/b.md": b"x"})
    for path in ("/api/names/b", "/api/prompts?q=x", "/api/prompts/nowhere", "/api/nothing", "/api/changes"):
        assert client.get(path).headers["Promptgit-Head"] == head(repository), path
    saved = client.put(made.headers["Location"], json={"content": "2"})
    assert saved.headers["Promptgit-Head"] == head(repository)
    same = client.get(made.headers["Location"], headers={"If-None-Match": saved.headers["ETag"]})
    assert (same.status_code, same.headers["Promptgit-Head"]) == (304, head(repository))
    for path in ("/healthz", "/", "/openapi.json"):
        assert "Promptgit-Head" not in client.get(path).headers


def test_a_request_is_answered_from_the_head_that_it_sends_or_a_later_one(client: FlaskClient) -> None:
    heads = [client.put("/api/names/a", json={"content": str(at)}).headers["Promptgit-Head"] for at in range(3)]
    for sent in heads:
        seen = {"Promptgit-Head": sent}
        for path in ("/api/names/a", "/api/prompts"):
            assert client.get(path, headers=seen).status_code == 200
        assert client.put("/api/names/a", json={"content": "2"}, headers=seen).status_code == 200


@pytest.mark.parametrize(
    "sent", ["", "1", "x", "-1-" + "a" * 40, "1-" + "a" * 39, "1" * 19 + "-" + "a" * 40, "1-" + "A" * 40]
)
def test_a_head_that_is_none_is_refused(client: FlaskClient, sent: str) -> None:
    answer = client.get("/api/prompts", headers={"Promptgit-Head": sent})
    assert (answer.status_code, answer.json["code"]) == (400, "malformed_head")


def test_a_head_that_main_does_not_have_is_refused(client: FlaskClient, repository: Path) -> None:
    """It has the commit elsewhere, or not at all; nothing is written then."""
    client.put("/api/names/a", json={"content": "1"})
    place, commit = head(repository).split("-")
    for sent in (f"{place}-{'0' * 40}", f"{int(place) + 1}-{commit}", f"999-{commit}"):
        for method in ("GET", "PUT"):
            answer = client.open("/api/names/a", method=method, json={"content": "2"}, headers={"Promptgit-Head": sent})
            assert (answer.status_code, answer.json["code"]) == (409, "head_lost"), sent
    assert head(repository) == f"{place}-{commit}"


def test_workers_share_what_a_client_has_seen(server: Server) -> None:
    """Each write is seen by the next read, whichever worker answers."""
    http = Http(server.url)
    for at in range(30):
        written = http("PUT", "/api/names/a", {"content": str(at)})
        read = Http(server.url)("GET", "/api/names/a", headers={"Promptgit-Head": written.headers["Promptgit-Head"]})
        assert read.json["content"] == str(at)
        assert read.headers["Promptgit-Head"] == written.headers["Promptgit-Head"]


def test_the_client_sends_back_the_highest_and_drops_one_that_is_lost(server: Server) -> None:
    wire = Counted()
    with Client(server.url, transport=wire) as client:
        client.put("a", "1")
        kept = git_text(server.folder / "prompts.git", "rev-parse", "main")
        client.put("a", "2")
        assert client.get("a").version_number == 2
        git(server.folder / "prompts.git", "update-ref", "refs/heads/main", kept)
        assert client.put("a", "3").version_number == 2
        assert client.find("a")
    assert wire.heads[:2] == ["", wire.heads[1]]
    assert [value.partition("-")[0] for value in wire.heads] == ["", "2", "3", "3", "", "3"]
    assert wire.statuses == [201, 200, 200, 409, 200, 200]


def test_pages_and_flask_alone_need_none(app: Flask) -> None:
    assert app.test_client().get("/", headers={"Promptgit-Head": "x"}).status_code == 200


def test_a_position_that_one_thread_has_read_is_known_to_all(store: Store, service: Service) -> None:
    """Until `main` moves: the answers of a batch do not each look it up."""
    positions = Positions(store.index, store.repository.main_file)
    service.create("x", name="a")
    with ThreadPoolExecutor(1) as pool:
        wait_for(lambda: positions.known() == pool.submit(positions.current).result())  # not while `main` is young
    read = positions.current()
    service.create("x", name="b")
    assert positions.known() is None
    assert positions.current()[0] == read[0] + 1
