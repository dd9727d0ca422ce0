"""Idempotency-Key: a write that is sent again does nothing more, and gets the answer that it had at first."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from promptgit.app import create_app
from promptgit.auth.tokens import Scope, Tokens
from promptgit.domain.models import Request
from promptgit.errors import KeyReused
from promptgit.exchange.checker import differences
from promptgit.service.service import Service
from promptgit.service.writes import Attribution
from promptgit.settings import Settings
from promptgit.store.index.requests import KEPT_SECONDS
from promptgit.store.store import Store
from tests.conftest import Clock
from tests.support import Http, Server, assert_sound, at_once, foreign_commit, git_text

KEY = "0b5e2ba1-9d3f-4b0a-8f64-3a1f8f6f0b9c"
ONCE = Request("a" * 64, "b" * 64)


def send(
    client: FlaskClient, method: str, path: str, body: object = None, key: str = KEY, **headers: str
) -> TestResponse:
    """A write with a key."""
    return client.open(path, method=method, json=body, headers={"Idempotency-Key": key, **headers})


def shown(answer: TestResponse) -> tuple[Any, ...]:
    return answer.status_code, answer.data, answer.headers.get("ETag"), answer.headers.get("Location")


def head(repository: Path) -> str:
    return git_text(repository, "rev-parse", "main")


def every_write(client: FlaskClient) -> list[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """One write of each kind, each with a key of its own, between others; what was sent, and what was answered."""
    done: list[tuple[tuple[Any, ...], tuple[Any, ...]]] = []
    keys = itertools.count()

    def write(method: str, path: str, body: object = None, **headers: str) -> TestResponse:
        sent = (method, path, body, f"key-{next(keys)}")
        answer = send(client, *sent, **headers)
        assert answer.status_code < 300, answer.data
        done.append((sent, shown(answer)))
        return answer

    write("POST", "/api/prompts", {"content": "no name"})
    where = write("POST", "/api/prompts", {"name": "a", "content": "1", "description": "First"}).headers["Location"]
    write("PUT", where, {"content": "2"})
    write("PUT", f"{where}/labels/production", {"version_number": 1})
    write("PUT", f"{where}/labels/staging", {"version_number": 2})
    write("PUT", where, {"content": "3"})
    write("PUT", f"{where}/labels/production", {"version_number": 3})
    write("DELETE", f"{where}/labels/staging")
    write("PATCH", where, {"name": "b"})
    write("POST", f"{where}/versions/1/revert", {"description": "Better"})
    write("PATCH", where, {"name": "c"})
    write("DELETE", where, {"description": "Unused"})
    write("POST", f"{where}/versions/2/revert")
    write("PUT", f"{where}/labels/production", {"version_number": 5})
    write("PATCH", where, {"name": "a"})
    return done


def test_every_write_that_is_sent_again_gets_its_first_answer(client: FlaskClient, repository: Path) -> None:
    """Whatever was written since: names, labels, numbers and ETags are those of then. Nothing is written."""
    done = every_write(client)
    before, feed = head(repository), client.get("/api/changes?limit=1000").data
    for sent, answer in reversed(done):
        assert shown(send(client, *sent)) == answer, sent
    assert (head(repository), client.get("/api/changes?limit=1000").data) == (before, feed)
    assert_sound(repository)


def test_an_index_that_is_built_anew_or_brought_up_to_main_knows_them(
    client: FlaskClient, repository: Path, tmp_path: Path
) -> None:
    """From the headers of commits alone; what looks like them in a message or in a content is none."""
    index, old = tmp_path / "data" / "index.sqlite3", tmp_path / "old.sqlite3"
    client.post("/api/prompts", json={"name": "before", "content": "x"})
    shutil.copy(index, old)
    done = every_write(client)
    foreign_commit(
        repository, {"prompts/foreign.md": b"by hand\n\npromptgit-request x"}, f"promptgit-request {'a' * 64}"
    )
    before = head(repository)
    for there in (None, old):
        for path in index.parent.glob("index.sqlite3*"):
            path.unlink()
        if there is not None:
            shutil.copy(there, index)
        fresh = create_app(Settings(data=tmp_path / "data")).test_client()
        for sent, answer in done:
            assert shown(send(fresh, *sent)) == answer, (there, sent)
    assert head(repository) == before


def test_the_commit_bears_the_key_as_headers_that_git_takes(client: FlaskClient, repository: Path) -> None:
    send(client, "POST", "/api/prompts", {"name": "a", "content": "1", "description": "Only this"})
    headers, _, message = git_text(repository, "cat-file", "commit", "main").partition("\n\n")
    names = [line.split(" ")[0] for line in headers.splitlines()]
    assert names == ["tree", "parent", "author", "committer", "promptgit-request", "promptgit-request-body"]
    assert (message, KEY in headers) == ("Only this", False)
    client.post("/api/prompts", json={"name": "b", "content": "1"})
    assert "promptgit-request" not in git_text(repository, "cat-file", "commit", "main")
    assert_sound(repository)


def test_another_request_with_the_key_is_refused(client: FlaskClient, repository: Path) -> None:
    """Another body, address, method or If-Match; the same JSON written in another way is the same request."""
    where = send(client, "POST", "/api/prompts", {"name": "a", "content": "1"}, "create").headers["Location"]
    assert send(client, "PUT", where, {"content": "2"}, **{"If-Match": '"1"'}).status_code == 200
    before = head(repository)
    for sent, headers in (
        (("PUT", where, {"content": "3"}), {"If-Match": '"1"'}),
        (("PUT", where, {"content": "2"}), {}),
        (("PUT", where, {"content": "2"}), {"If-Match": '"2"'}),
        (("PUT", f"{where}/labels/a", {"version_number": 1}), {"If-Match": '"1"'}),
        (("DELETE", where), {}),
        (("POST", "/api/prompts", {"content": "2"}), {"If-Match": '"1"'}),
    ):
        refused = send(client, *sent, **headers)
        assert (refused.status_code, refused.json["code"]) == (409, "key_reused"), sent
    raw = '{ "content" : "\\u0031", "name":"a"}'
    options = {"data": raw, "content_type": "application/json", "headers": {"Idempotency-Key": "create"}}
    assert client.post("/api/prompts", **options).status_code == 201
    assert head(repository) == before


def test_what_was_refused_or_wrote_nothing_is_not_kept(client: FlaskClient) -> None:
    where = client.post("/api/prompts", json={"name": "a", "content": "1"}).headers["Location"]
    assert send(client, "POST", "/api/prompts", {"name": "a", "content": "2"}).json["code"] == "name_taken"
    assert send(client, "PUT", where, {"content": "1"}).json["version_number"] == 1
    assert send(client, "PUT", where, {"content": "2"}).json["version_number"] == 2


@pytest.mark.parametrize("key", ["", " ", "a b", "a" * 256, "é", "a\tb"])
def test_a_key_that_breaks_the_rule_is_refused(client: FlaskClient, key: str) -> None:
    refused = send(client, "POST", "/api/prompts", {"content": "x"}, key)
    assert (refused.status_code, refused.json["code"]) == (422, "invalid")
    assert list(refused.json["errors"]) == ["Idempotency-Key"]
    assert client.get("/api/prompts", headers={"Idempotency-Key": key}).json == []


@pytest.mark.parametrize("key", ["a", "~" * 255, '"quoted"', "!,;"])
def test_every_other_key_is_taken(client: FlaskClient, key: str) -> None:
    ids = {send(client, "POST", "/api/prompts", {"content": "x"}, key).json["id"] for _ in range(2)}
    assert len(ids) == 1


def test_keys_of_different_credentials_have_nothing_to_do_with_each_other(client: FlaskClient, tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "data")
    who = [{"Authorization": f"Bearer {tokens.create(name, Scope.WRITE)[1]}"} for name in ("ada", "ben")]
    answers = [send(client, "POST", "/api/prompts", {"content": "x"}, **each) for each in (*who, *who)]
    ids = [answer.json["id"] for answer in answers]
    assert ids[:2] == ids[2:] and len(set(ids)) == 2


def test_a_key_is_known_for_24_hours(store: Store, service: Service, clock: Clock) -> None:
    """By the clock, and by the date at which the commit was stored."""
    prompt = service.create("1", name="a")
    saved = service.save(prompt.id, "2", attribution=Attribution(request=ONCE))
    service.save(prompt.id, "3")
    clock.now += KEPT_SECONDS
    for _ in range(2):
        assert service.save(prompt.id, "2", attribution=Attribution(request=ONCE)) == saved
        with pytest.raises(KeyReused):
            service.save(prompt.id, "2", attribution=Attribution(request=ONCE._replace(body="c" * 64)))
        store.index.rebuild()
    clock.now += 1
    again = service.save(prompt.id, "2", attribution=Attribution(request=ONCE))
    assert again.newest.number == 4
    clock.now -= 1  # so that both are in the last 24 hours
    store.index.rebuild()
    assert service.save(prompt.id, "2", attribution=Attribution(request=ONCE)) == again


def test_repeats_of_one_batch_make_one_commit(store: Store, service: Service) -> None:
    made: list[str] = []
    at_once(store, [lambda: made.append(service.create("x", attribution=Attribution(request=ONCE)).id)] * 8)
    assert (len(made), len(set(made))) == (8, 1)
    assert git_text(store.repository.path, "rev-list", "--count", "main") == "2"


def test_repeats_that_race_in_many_processes_make_one_version(server: Server) -> None:
    """Each worker has connections of its own; the key is looked up under the write lock."""

    def create(_: int) -> tuple[int, bytes]:
        answer = Http(server.url)("POST", "/api/prompts", {"content": "x"}, {"Idempotency-Key": KEY})
        return answer.status, answer.body

    with ThreadPoolExecutor(16) as pool:
        answers = set(pool.map(create, range(32)))
    assert [status for status, _ in answers] == [201]
    assert git_text(server.folder / "prompts.git", "rev-list", "--count", "main") == "2"


def test_langfuses_face_takes_keys_too(client: FlaskClient, repository: Path) -> None:
    body = {"name": "a", "prompt": "Hello", "type": "text", "labels": ["production"]}
    created = send(client, "POST", "/api/public/v2/prompts", body, "1")
    labels = {"newLabels": ["staging"]}
    labelled = send(client, "PATCH", "/api/public/v2/prompts/a/versions/1", labels, "2")
    client.post("/api/public/v2/prompts", json=body | {"prompt": "Hi"})
    before = head(repository)
    assert shown(send(client, "POST", "/api/public/v2/prompts", body, "1")) == shown(created)
    assert shown(send(client, "PATCH", "/api/public/v2/prompts/a/versions/1", labels, "2")) == shown(labelled)
    assert head(repository) == before


@pytest.mark.parametrize("commit", ["of another key", "ab" * 20])
def test_a_row_that_names_another_commit_or_none_is_mended(
    client: FlaskClient, store: Store, repository: Path, commit: str
) -> None:
    """The write that meets the damaged row builds the index anew, and is recognized."""
    first = send(client, "POST", "/api/prompts", {"name": "a", "content": "1"})
    send(client, "POST", "/api/prompts", {"name": "b", "content": "1"}, key="another")
    tip = head(repository)
    with closing(sqlite3.connect(store.index.path)) as connection:
        connection.execute("UPDATE requests SET commit_id = ?", (bytes.fromhex(commit if len(commit) == 40 else tip),))
        connection.commit()
    assert any("the request" in line for line in differences(store))
    again = send(client, "POST", "/api/prompts", {"name": "a", "content": "1"})
    assert (shown(again), head(repository)) == (shown(first), tip)
    assert_sound(repository)
