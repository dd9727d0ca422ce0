"""Signing in on the pages: a token once, then a session that lives no longer than the token."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from promptgit.app import create_app
from promptgit.auth.tokens import Scope, Tokens
from promptgit.settings import Settings
from tests.pages import BROWSER, fields, page_of, submit, words
from tests.support import git_text
from tests.test_api_prompts import create
from tests.test_tokens import bearer


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(tmp_path / "data")


@pytest.fixture
def page(client: FlaskClient) -> str:
    """The page of a prompt, made before anybody needs a token."""
    create(client, "a", "one")
    return page_of("a")


def sign_in(client: FlaskClient, secret: str, address: str = "/sign-in") -> TestResponse:
    form = fields(client.get(address).text) | {"token": secret}
    return submit(client, address, form)


def signed_in(client: FlaskClient, tokens: Tokens, scope: Scope = Scope.WRITE) -> str:
    """The secret of a new token, with which the client is signed in."""
    _, secret = tokens.create("rae", scope)
    assert sign_in(client, secret).status_code == 303
    return secret


def csrf_of(answer: TestResponse) -> str:
    """What the form in the header of a page proves itself by."""
    found = re.search(r'<form class="signed".*?name="csrf_token" value="([^"]*)"', answer.text, re.S)
    assert found
    return found[1]


def cookie_of(client: FlaskClient) -> str:
    cookie = client.get_cookie("promptgit")
    assert cookie
    return cookie.value


def test_who_has_no_token_is_led_to_the_sign_in_and_back(client: FlaskClient, page: str, tokens: Tokens) -> None:
    """No window of the browser's own pops up: it would, for Basic."""
    _, secret = tokens.create("rae", Scope.READ)
    for address in (page, f"{page}/compare?from=1&to=1", "/?q=a%26b", "/nowhere"):
        answer = client.get(address, headers=BROWSER)
        assert answer.status_code == 303
        assert "WWW-Authenticate" not in answer.headers
        there = answer.headers["Location"]
        assert there.startswith("/sign-in?next=")
        assert sign_in(client, secret, there).headers["Location"] == address
        assert client.get(address, headers=BROWSER).status_code == (404 if address == "/nowhere" else 200)
        assert client.get(there).headers["Location"] == address
        client.delete_cookie("promptgit")


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "evil",
        "javascript:alert(1)",
        "",
    ],
)
def test_nobody_is_led_elsewhere(client: FlaskClient, tokens: Tokens, address: str) -> None:
    _, secret = tokens.create("rae", Scope.READ)
    form = fields(client.get("/sign-in").text) | {"token": secret}
    answer = client.post("/sign-in", query_string={"next": address}, data=form)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


def test_the_header_says_who_is_signed_in_and_ends_it(client: FlaskClient, page: str, tokens: Tokens) -> None:
    signed_in(client, tokens)
    answer = client.get(page)
    assert "Signed in as rae" in words(answer)
    assert client.post("/sign-out").status_code == 400
    assert client.get(page).status_code == 200, "nobody is signed out by another page's form"
    answer = client.post("/sign-out", data={"csrf_token": csrf_of(answer)})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in")
    told = words(client.get("/sign-in"))
    assert "You are signed out." in told
    assert "Search" not in told
    assert client.get(page).status_code == 303


def test_a_session_ends_with_its_token(client: FlaskClient, page: str, tokens: Tokens) -> None:
    """At once, for every copy of the cookie."""
    signed_in(client, tokens)
    tokens.revoke("rae")
    answer = client.get(page)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/sign-in?next={page}")
    assert "your token was revoked, or has expired" in words(client.get("/sign-in"))
    expired = Tokens(tokens.path.parent, lambda: 1.0)
    assert sign_in(client, expired.create("old", Scope.READ, 60)[1]).status_code == 401


def test_the_cookie_holds_no_secret_and_no_script_reads_it(client: FlaskClient, tokens: Tokens) -> None:
    _, secret = tokens.create("rae", Scope.READ)
    answer = sign_in(client, secret)
    set_cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in set_cookie
    assert "SameSite=Lax" in set_cookie
    assert "Secure" not in set_cookie
    with client.session_transaction() as session:
        held = str(dict(session))
    (token,) = tokens.all()
    assert token.id in held
    assert secret not in held
    assert token.digest not in held


def test_a_session_that_begins_over_https_stays_there(client: FlaskClient, page: str, tokens: Tokens) -> None:
    """The browser says so itself; what a proxy adds is not believed."""
    _, secret = tokens.create("rae", Scope.READ)
    form = fields(client.get("/sign-in").text) | {"token": secret}
    https = {"Origin": "https://localhost", "Sec-Fetch-Site": "same-origin"}
    assert "Secure" in client.post("/sign-in", data=form, headers=https).headers["Set-Cookie"]
    client.delete_cookie("promptgit")
    form = fields(client.get("/sign-in").text) | {"token": secret}
    forwarded = client.post("/sign-in", data=form, headers={"X-Forwarded-Proto": "https"})
    assert "Secure" not in forwarded.headers["Set-Cookie"]


def test_a_changed_cookie_opens_nothing(client: FlaskClient, page: str, tokens: Tokens) -> None:
    signed_in(client, tokens)
    good = cookie_of(client)
    for bad in (good[:-2], "x" + good[1:], good.split(".")[0], ""):
        client.set_cookie("promptgit", bad)
        assert client.get(page).status_code == 303
    client.set_cookie("promptgit", good)
    assert client.get(page).status_code == 200


def test_signing_in_begins_a_new_session(client: FlaskClient, tokens: Tokens) -> None:
    """Whoever planted the old one knows nothing of it."""
    _, secret = tokens.create("rae", Scope.WRITE)
    old = fields(client.get("/sign-in").text)["csrf_token"]
    sign_in(client, secret)
    answer = client.post("/new", data={"csrf_token": old, "content": "x"})
    assert answer.status_code == 400
    with client.session_transaction() as session:
        assert set(session) == {"ticket", "secure", "csrf_token"}


def test_a_session_opens_pages_alone(client: FlaskClient, page: str, tokens: Tokens) -> None:
    """So no page elsewhere can have a browser do anything in the API."""
    signed_in(client, tokens, Scope.ADMIN)
    for method, path in (
        ("GET", f"/api{page}"),
        ("GET", f"/api{page}/versions/1/content"),
        ("PUT", f"/api{page}"),
        ("GET", "/api/tokens"),
        ("GET", "//api/tokens"),
        ("GET", "/prompts.git/info/refs"),
        ("GET", "/metrics"),
    ):
        # A path with two slashes in front would be a host to the client.
        answer = client.open(method=method, headers=BROWSER, environ_overrides={"PATH_INFO": path})
        assert (answer.status_code, answer.mimetype) == (401, "application/problem+json"), path
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert client.get(f"{page}/versions/1/raw").data == b"one"


def test_a_header_counts_on_pages_too(client: FlaskClient, page: str, tokens: Tokens) -> None:
    """As before there were sessions; a wrong one does not shut out who has signed in."""
    secret = signed_in(client, tokens)
    assert client.get(page, headers=bearer("wrong")).status_code == 200
    client.delete_cookie("promptgit")
    assert client.get(page, headers=bearer(secret)).status_code == 200
    assert client.get(page, headers=bearer("wrong")).status_code == 303


def test_wrong_tokens_are_told_and_limited(client: FlaskClient, tokens: Tokens) -> None:
    """Together with those that come in headers; a right one still works."""
    _, secret = tokens.create("rae", Scope.READ)
    answer = sign_in(client, "pgt_wrong")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "No active token has this secret" in words(answer)
    assert "pgt_wrong" not in answer.text
    for _ in range(19):
        client.get("/api/prompts", headers=bearer("wrong"))
    answer = sign_in(client, "pgt_wrong")
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert sign_in(client, f" {secret}\n").status_code == 303


def test_a_form_of_another_page_signs_nobody_in(client: FlaskClient, tokens: Tokens) -> None:
    _, secret = tokens.create("mallory", Scope.READ)
    assert client.post("/sign-in", data={"token": secret}).status_code == 400
    form = fields(client.get("/sign-in").text) | {"token": secret}
    assert client.post("/sign-in", data=form, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.get("/").status_code == 303


def test_who_may_only_read_sees_no_buttons_and_sends_no_forms(client: FlaskClient, page: str, tokens: Tokens) -> None:
    signed_in(client, tokens, Scope.READ)
    for address in ("/", page, f"{page}/versions/1", "/deleted"):
        answer = client.get(address)
        assert answer.status_code == 200
        for words_ in ("/new", "/edit", "/rename", '/delete"', "/revert"):
            assert words_ not in answer.text, address
    form = {"csrf_token": csrf_of(client.get(page)), "content": "two", "name": "a"}
    for path in ("/edit", "/rename", "/delete", "/versions/1/revert"):
        assert client.get(page + path).status_code == 403
        assert client.post(page + path, data=form).status_code == 403


def test_what_is_written_on_pages_is_the_tokens(
    client: FlaskClient, page: str, tokens: Tokens, repository: Path
) -> None:
    signed_in(client, tokens)
    form = fields(client.get(f"{page}/edit").text) | {"content": "two"}
    assert submit(client, f"{page}/edit", form).status_code == 303
    assert git_text(repository, "log", "-1", "--format=%an, %cn", "main") == "rae, rae"


def test_what_was_written_outlives_the_session(client: FlaskClient, page: str, tokens: Tokens) -> None:
    """The page says what to do; the same form, sent again from a new session, comes back to be looked at."""
    signed_in(client, tokens)
    form = fields(client.get(f"{page}/edit").text) | {"content": "long work"}
    tokens.revoke("rae")
    answer = submit(client, f"{page}/edit", form)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "then load this page again" in words(answer)
    assert "one" not in words(answer), "and tells nothing of the prompt"
    assert sign_in(client, tokens.create("again", Scope.WRITE)[1]).status_code == 303
    answer = submit(client, f"{page}/edit", form)
    assert answer.status_code == 400
    assert submit(client, f"{page}/edit", fields(answer.text)).status_code == 303
    assert client.get(f"{page}/versions/2/raw").data == b"long work"


def test_nobody_signs_in_where_nobody_needs_a_token(client: FlaskClient, app: Flask, tmp_path: Path) -> None:
    assert client.get("/sign-in?next=/deleted").headers["Location"] == "/deleted"
    assert "Signed in" not in words(client.get("/"))
    form = {"csrf_token": fields(client.get("/new").text)["csrf_token"], "token": "pgt_x"}
    assert client.post("/sign-in", data=form).headers["Location"] == "/"
    Tokens(tmp_path / "data").create("rae", Scope.READ)
    everybody = create_app(Settings(data=tmp_path / "data", auth="off")).test_client()
    assert everybody.get("/").status_code == 200
    assert everybody.get("/sign-in").status_code == 303


def test_names_that_are_not_this_services_are_refused_with_a_session_too(tmp_path: Path, tokens: Tokens) -> None:
    app = create_app(Settings(data=tmp_path / "data", allowed_hosts="prompts.example.org"))
    client = app.test_client()
    signed_in(client, tokens)
    assert client.get("/", headers={"Host": "localhost"}).status_code == 200
    cookie = {"Cookie": f"promptgit={cookie_of(client)}"}
    anybody = app.test_client(use_cookies=False)
    assert anybody.get("/", headers=cookie).status_code == 200
    assert anybody.get("/", headers=cookie | {"Host": "evil.example"}).status_code == 421


def test_a_broken_token_file_lets_no_session_in(client: FlaskClient, page: str, tokens: Tokens) -> None:
    signed_in(client, tokens)
    tokens.path.write_text("{")
    assert client.get(page).status_code == 503
