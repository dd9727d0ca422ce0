"""The short way of the hottest reads and the long one through Flask say the same."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from flask import Flask
from werkzeug.datastructures import Headers
from werkzeug.test import Client, create_environ

from promptgit.deferral import AT_ONCE, Deferred
from promptgit.errors import IndexBusy
from promptgit.http.api import access
from promptgit.http.api.direct import Direct
from promptgit.http.observed import ROUTE
from tests.support import foreign_commit

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

READS = [
    "",
    "/versions/2",
    "/versions/2/content",
    "/versions/2/content?format=dotprompt",
    "/versions/2/content?format=prompty",
    "/versions?limit=2",
    "/versions?limit=2&order=desc",
    "/versions?limit=1&order=asc&after=1",
    "/versions?limit=2&order=desc&before=3",
    "/versions?limit=50&before=1",
    "/versions?limit=1000&after=999999999",
]
LEFT = [
    "/versions",
    "/versions/0",
    "/versions/02",
    "/versions?limit=0",
    "/versions?limit=2&limit=3",
    "/versions?order=desc&limit=2",
    "/versions?limit=2&unknown=1",
    "/versions/2?x=1",
    "/versions/2/content?format=xml",
    "/diff?from=1&to=2",
]


@pytest.fixture
def prompt(app: Flask) -> str:
    """The address of a prompt with three versions."""
    client = app.test_client()
    address: str = client.post("/api/prompts", json={"content": "é\r\n", "name": "a"}).headers["Location"]
    for text in ("\ufeff{{b}} {{ a }} {{b}}", ""):
        author = {"name": "Ada \U0001f600", "email": '"a@example.org'}
        client.put(address, json={"content": text, "description": f'"{text}"\n\\', "author": author})
    return address


@pytest.fixture
def short(app: Flask) -> Client:
    """The short way alone: 599 for whatever it leaves to Flask."""

    def rest(environ: object, start_response: object) -> Iterable[bytes]:
        start_response("599 LEFT", [])  # type: ignore[operator]
        return []

    return Client(Direct(rest, app.extensions["promptgit"]))


@pytest.fixture
def long(app: Flask) -> Client:
    """Flask alone, behind a gate that is open."""

    def flask(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return Flask.wsgi_app(app, environ | {access.CALLER: access.ANYBODY}, start_response)

    return Client(flask)


def shown(client: Client, address: str, **headers: str) -> tuple[str, list[tuple[str, str]], bytes]:
    answer = client.get(address, headers=Headers({key.replace("_", "-"): value for key, value in headers.items()}))
    return answer.status, sorted(answer.headers), answer.data


@pytest.mark.parametrize("read", READS)
def test_both_ways_say_the_same(short: Client, long: Client, prompt: str, read: str) -> None:
    answer = shown(short, prompt + read)
    assert answer[0] == "200 OK"
    assert answer == shown(long, prompt + read)


@pytest.mark.parametrize("read", READS)
def test_both_ways_are_the_same_route_to_who_counts_them(app: Flask, short: Client, prompt: str, read: str) -> None:
    environ = create_environ(prompt + read)
    short.application(environ, lambda *_: None)
    rule, _ = app.url_map.bind("localhost").match(urlsplit(prompt + read).path, return_rule=True)
    assert environ[ROUTE] == rule.rule


@pytest.mark.parametrize("read", READS[:3])
def test_both_ways_find_that_nothing_changed(short: Client, long: Client, prompt: str, read: str) -> None:
    """With the very ETag; lists and weak ones are left to Flask."""
    etag = dict(shown(long, prompt + read)[1])["ETag"]
    answer = shown(short, prompt + read, If_None_Match=etag)
    assert answer[0] == "304 NOT MODIFIED"
    assert answer == shown(long, prompt + read, If_None_Match=etag)
    for other in ('"x"', f"W/{etag}", f'"x", {etag}', "*", "x"):
        assert shown(short, prompt + read, If_None_Match=other)[0] == "599 LEFT"


@pytest.mark.parametrize("name", ["a", "b c/\u00e9", "nowhere", "a/", "a//b", "con", "%00", "%ff", "gone"])
def test_both_ways_know_names(app: Flask, short: Client, long: Client, prompt: str, name: str) -> None:
    client = app.test_client()
    for other in ("b c/\u00e9", "gone"):
        made = client.put(f"/api/names/{other}", json={"content": other})
    client.delete(made.headers["Location"])
    address = f"/api/names/{name}"
    answer = shown(short, address)
    assert answer[0] in ("200 OK", "404 NOT FOUND", "410 GONE")
    assert answer == shown(long, address)
    environ = create_environ(address)
    short.application(environ, lambda *_: None)
    assert environ[ROUTE] == "/api/names/<path:name>"


def test_both_ways_tell_litellm_the_same(app: Flask, short: Client, long: Client, prompt: str) -> None:
    client, address = app.test_client(), "/beta/litellm_prompt_management"
    client.put("/api/names/b c@d", json={"content": "---\nconfig:\n  model: m\n---\n{{n}}\n"})
    client.put("/api/names/e", json={"content": "{{n}}{n}"})
    client.put("/api/names/long", json={"content": "x" * 17_000})
    client.put(f"{prompt}/labels/production", json={"version_number": 2})
    found = ("a", "b%20c%40d%40", "b+c@d@1", "a&label=production", "a@production", "a&version=1", "%61")
    for asked in (*found, "e", "none", "a@4", "a@none", "a&version=9", "a&label=None"):
        answer = shown(short, f"{address}?prompt_id={asked}")
        assert answer[0] == "200 OK" if asked in found else answer[0][:3] in ("404", "409"), asked
        assert answer == shown(long, f"{address}?prompt_id={asked}")
    tag = dict(shown(short, f"{address}?prompt_id=a")[1])["ETag"]
    for way in (short, long):
        assert shown(way, f"{address}?prompt_id=a", If_None_Match=tag)[0] == "304 NOT MODIFIED"
    environ = create_environ(f"{address}?prompt_id=a")
    short.application(environ, lambda *_: None)
    assert environ[ROUTE] == address
    for left in ("", "?prompt_id=", "?label=x&prompt_id=a", "?prompt_id=%00", "?prompt_id=%ff", "?prompt_id=long"):
        assert shown(short, address + left)[0] == "599 LEFT"


@pytest.mark.parametrize("read", LEFT)
def test_the_rest_is_left_to_flask(short: Client, prompt: str, read: str) -> None:
    assert shown(short, prompt + read)[0] == "599 LEFT"


def test_errors_are_answered_where_they_are_found(short: Client, long: Client, app: Flask, prompt: str) -> None:
    """Flask would look a second time; both ways say the same: no such version, prompt, or id; deleted."""
    for read in ("/versions/4", "/versions/4/content"):
        assert shown(short, prompt + read)[0] == "404 NOT FOUND"
        assert shown(short, prompt + read) == shown(long, prompt + read)
    for other in (prompt[:-1] + "-", prompt[:-4] + "0000"):
        for read in READS:
            assert shown(short, other + read)[0] == "404 NOT FOUND"
            assert shown(short, other + read) == shown(long, other + read)
    app.test_client().delete(prompt)
    assert shown(short, prompt)[0] == "410 GONE"
    assert shown(short, prompt) == shown(long, prompt)


def test_a_busy_index_is_waited_for_once(app: Flask, prompt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for up to ten seconds; twice would be twenty."""
    asked = []

    def busy(*_: object) -> None:
        asked.append(1)
        raise IndexBusy

    service = app.extensions["promptgit"]
    monkeypatch.setattr(service, "get", busy)
    answer = app.test_client().get(prompt)
    assert (answer.status_code, answer.json["code"], len(asked)) == (503, "index_busy", 1)


def test_an_event_loop_never_waits(app: Flask, prompt: str, repository: Path) -> None:
    """What came by git is to be taken in first: that is put off, and nothing is counted or logged."""
    foreign_commit(repository, {"prompts/b.md": b"x"})
    with pytest.raises(Deferred):
        app.wsgi_app(create_environ(prompt) | {AT_ONCE: True}, lambda *_: None)
    assert app.test_client().get(prompt).status_code == 200
    assert list(app.wsgi_app(create_environ(prompt) | {AT_ONCE: True}, lambda *_: None))


def test_other_methods_and_prompts_are_left_to_flask(short: Client, app: Flask, prompt: str) -> None:
    """A HEAD, or an id that is written in another way."""
    assert short.head(prompt).status == "599 LEFT"
    assert short.post(f"{prompt}/versions/2/revert").status == "599 LEFT"
    for other in (prompt[:-1], prompt.upper(), prompt + "/"):
        assert shown(short, other)[0] == "599 LEFT"
    app.test_client().delete(prompt)
    assert shown(short, prompt + "/versions/2")[0] == "200 OK"
