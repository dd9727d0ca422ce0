"""Tokens that people make for themselves: never more than they may do, and theirs in all that is written with them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from promptgit.app import create_app
from promptgit.auth.tokens import Scope, Tokens
from promptgit.domain.names import id_of
from promptgit.settings import Settings
from tests.pages import BROWSER, words
from tests.providers import ADA, ROLES, Provider, Site, sign_in
from tests.support import git_text
from tests.test_pages_signing import csrf_of
from tests.test_tokens import bearer

HOUR = 3_600


def made(browser: FlaskClient, name: str = "laptop", **more: Any) -> TestResponse:
    """What a person gets who fills in the form of their tokens."""
    form = {"csrf_token": csrf_of(browser.get("/tokens")), "name": name, "scope": "write", "days": "30"}
    return browser.post("/tokens", data=form | more)


def secret_in(answer: TestResponse) -> str:
    assert answer.status_code == 201, words(answer)
    (found,) = re.findall(r"pgt_[\w-]{43}", answer.text)
    return found


def ended(browser: FlaskClient, token: str) -> int:
    return browser.post(f"/tokens/{token}/end", data={"csrf_token": csrf_of(browser.get("/tokens"))}).status_code


def signed_out(admin: FlaskClient, name: str) -> str:
    """What an administrator is told who signs somebody out everywhere."""
    page = admin.get("/people")
    (address,) = re.findall(r'"(/people/[0-9a-f]+/end)"', page.text[page.text.index(name) :].partition("</li>")[0])
    assert admin.post(address, data={"csrf_token": csrf_of(page)}).status_code == 303
    return words(admin.get("/people"))


def somebody(site: Site, provider: Provider, **claims: Any) -> FlaskClient:
    """The browser of somebody else, signed in."""
    provider.claims = ADA | claims
    browser = site.browser()
    assert sign_in(browser).status_code == 303
    return browser


def statuses(site: Site, secret: str) -> tuple[int, int]:
    """Of reading, and of writing, with a token."""
    api, mine = site.app.test_client(), bearer(secret)
    written = api.put("/api/names/support/greeting", json={"content": "Hello"}, headers=mine)
    return api.get("/api/prompts", headers=mine).status_code, written.status_code


def test_a_person_makes_a_token_sees_and_ends_it(site: Site, ada: FlaskClient) -> None:
    """Its secret is shown this once, and it is theirs in the history, in the list of tokens and in the access log."""
    answer = made(ada, may_move="production")
    secret = secret_in(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ada@example.org/laptop" in words(answer)
    page = ada.get("/tokens")
    assert secret not in page.text
    assert "ada@example.org/laptop write; moves production" in words(page)
    assert statuses(site, secret) == (200, 201)
    stored = git_text(site.settings.data / "prompts.git", "log", "-1", "--format=%cn <%ce>", "main")
    assert stored == "ada@example.org/laptop <ada-example-org-laptop@promptgit>"
    for form, status, told in (
        ({"name": "Laptop"}, 409, "neither is given again"),
        ({"name": " "}, 422, "1 to 40 are allowed"),
        ({"name": "a<b"}, 422, "git keeps for itself"),
        ({"name": "b", "days": "91"}, 422, "1 to 90 are allowed"),
        ({"name": "b", "days": ""}, 422, "1 to 90 are allowed"),
        ({"name": "b", "scope": "admin"}, 422, "more than you may do yourself"),
        ({"name": "b", "scope": "all"}, 422, "is none of read, write, admin"),
        ({"name": "b", "may_move": "staging"}, 422, "more than you may do yourself"),
        ({"name": "b", "may_check": "eval"}, 422, "more than you may do yourself"),
        ({"name": "b", "csrf_token": "x"}, 400, "not of this session"),
    ):
        refused = made(ada, **form)
        assert (refused.status_code, told in words(refused)) == (status, True), words(refused)
        assert 'value="b"' in refused.text or form["name"] != "b", "what was typed comes back"
    admin = bearer(Tokens(site.settings.data).create("boss", Scope.ADMIN)[1])
    api = site.app.test_client()
    listed: Any = api.get("/api/tokens", headers=admin).json
    laptop, boss = listed
    assert (laptop["name"], laptop["owner"]) == ("ada@example.org/laptop", f"{site.settings.oidc_issuer}#ada")
    assert ended(ada, boss["id"]) == 404, "not hers"
    assert ended(ada, laptop["id"]) == 303
    assert statuses(site, secret) == (401, 401)
    assert "1 ended" in words(ada.get("/tokens"))
    entries = api.get("/api/access-log", headers=admin).json
    by = {"person": "Ada Lovelace", "id": entries[0]["by"]["id"], "owner": laptop["owner"]}
    assert [(one["action"], one["by"]) for one in entries if one["what"].get("token") == laptop["name"]] == [
        ("token_created", by),
        ("token_revoked", by),
    ]


def test_a_token_may_never_more_than_its_person(site: Site, provider: Provider, ada: FlaskClient) -> None:
    """As of when they were last let in: who loses a role, a prefix or the account loses it with all tokens, too."""
    secret = secret_in(made(ada))
    assert statuses(site, secret) == (200, 201)
    provider.claims |= {"groups": ["readers"]}
    assert statuses(site, secret) == (200, 200), "nobody has asked the provider yet"
    site.clock.ahead = HOUR + 1
    assert ada.get("/").status_code == 200
    assert statuses(site, secret) == (200, 403)
    assert "ada@example.org/laptop read" in words(ada.get("/tokens")), "the page shows what it may now"
    provider.claims |= {"groups": []}
    site.clock.ahead += HOUR + 1
    assert ada.get("/").status_code == 303
    assert statuses(site, secret) == (401, 401), "the provider does not let them in"
    provider.claims |= {"groups": ["admins"]}
    assert sign_in(ada).status_code == 303
    assert statuses(site, secret) == (200, 200), "never more than it was made for"
    assert site.app.test_client().get("/api/tokens", headers=bearer(secret)).status_code == 403
    assert statuses(site, secret_in(made(ada, "root", scope="admin"))) == (200, 200)
    people = site.settings.data / "people.sqlite3"
    people.rename(people.with_suffix(".lost"))
    assert statuses(site, secret) == (401, 401), "nobody knows any more what Ada may do"
    provider.reset()
    assert sign_in(ada).status_code == 303
    assert statuses(site, secret) == (200, 200)
    site.restart()
    assert statuses(site, secret) == (200, 200)


def test_a_token_writes_only_where_its_person_does(tmp_path: Path, provider: Provider) -> None:
    bounded = ROLES.replace('value = "writers"\nscope = "write"', 'value = "writers"\nscope = "write"\n{}')
    site = Site(tmp_path, provider.issuer, roles=bounded.format('write_prefix = ["support/", "sales/eu/"]'))
    ada = site.browser()
    sign_in(ada)
    mine = bearer(secret_in(made(ada)))
    assert "below sales/eu/, support/" in words(ada.get("/tokens"))

    def may(name: str) -> bool:
        answer = site.app.test_client().put(f"/api/names/{name}", json={"content": name}, headers=mine)
        assert answer.status_code in (200, 201, 403)
        return answer.status_code != 403

    assert [may(name) for name in ("support/a", "sales/eu/a", "sales/a", "a")] == [True, True, False, False]
    (tmp_path / "roles.toml").write_text(bounded.format('write_prefix = ["sales/", "support/x/"]'))
    site.restart()
    sign_in(site.browser())
    assert [may(name) for name in ("support/b", "support/x/b", "sales/eu/a", "sales/a")] == [False, True, True, False]


def test_tokens_that_have_expired_leave_room_for_others(site: Site, ada: FlaskClient) -> None:
    """Fifty work at a time; nobody could end those that have expired."""
    secret_in(made(ada))
    path = site.settings.data / "tokens.json"
    (first,) = json.loads(path.read_text())["tokens"]
    more = [first | {"id": f"{n:08x}", "name": f"{n}", "sha256": f"{n:064x}", "expires": n} for n in range(49)]
    path.write_text(json.dumps({"tokens": [first, *more]}))
    secret_in(made(ada, "desktop"))
    path.write_text(json.dumps({"tokens": [first, *(one | {"expires": None} for one in more)]}))
    assert "one too many: 50 tokens of yours work" in words(made(ada, "server"))


def test_an_administrator_sees_all_tokens_and_ends_them(site: Site, provider: Provider, ada: FlaskClient) -> None:
    """One by one, or with all sessions of a person; then the person's approvals do not count any more."""
    tokens = Tokens(site.settings.data)
    _, boss = tokens.create("boss", Scope.ADMIN)
    api, admin = site.app.test_client(), bearer(boss)
    laptop, phone = (secret_in(made(ada, name, may_move="production")) for name in ("laptop", "phone"))
    ids = {one.name: one.id for one in tokens.all()}
    root = somebody(site, provider, sub="root", name="Root", email="root@example.org", groups=["admins"])
    page = words(root.get("/tokens"))
    assert "You have no token that works" in page
    assert "ada@example.org/laptop write; moves production" in page
    assert "boss admin" in page
    bob = somebody(site, provider, sub="bob", name="Bob", email="bob@example.org")
    assert "ada@example.org" not in words(bob.get("/tokens"))
    assert ended(bob, ids["ada@example.org/phone"]) == 404
    assert ended(root, ids["ada@example.org/phone"]) == 303
    assert statuses(site, phone) == (401, 401)

    rules = '[labels."production"]\napprovals = 2\n'
    assert api.put("/api/rules", json={"content": rules}, headers=admin | {"If-None-Match": "*"}).status_code == 200
    assert api.put("/api/names/a", json={"content": "1"}, headers=admin).status_code == 201
    items = [{"prompt_id": str(id_of("a")), "version_number": 1}]
    opened = {"label": "production", "items": items, "description": "Ship"}
    assert api.post("/api/releases", json=opened, headers=admin).status_code == 201
    assert api.post("/api/releases/1/approve", headers=bearer(laptop)).json["missing"] == ["1 approval"]
    form = {"csrf_token": csrf_of(ada.get("/releases/1/approve"))}
    assert ada.post("/releases/1/approve", data=form).status_code == 303
    assert api.get("/api/releases/1", headers=admin).json["missing"] == ["1 approval"], "a person approves once"

    assert "1 session, 1 token" in words(root.get("/people"))
    assert "signed out everywhere: 1 session and 1 token ended" in signed_out(root, "Ada Lovelace")
    assert statuses(site, laptop) == (401, 401)
    assert api.get("/api/releases/1", headers=admin).json["missing"] == ["2 approvals"]
    provider.reset()
    assert sign_in(ada).status_code == 303
    assert statuses(site, laptop) == (401, 401), "it does not come back with the person"


def test_who_is_no_person_makes_no_token_here(
    tmp_path: Path, client: FlaskClient, site: Site, provider: Provider, ada: FlaskClient
) -> None:
    """Nor a person whose tokens are distributed; both are told so."""
    assert "Who signs in with an account makes tokens here." in words(client.get("/tokens"))
    assert 'href="/tokens"' not in client.get("/").text
    secret = secret_in(made(ada))
    mine = bearer(secret) | BROWSER
    browser = site.app.test_client()
    page = browser.get("/tokens", headers=mine)
    assert "You are here with the token ada@example.org/laptop." in words(page)
    form = {"csrf_token": csrf_of_any(browser.get("/new", headers=mine).text), "name": "b"}
    assert browser.post("/tokens", data=form, headers=mine).status_code == 403

    desk = tmp_path / "desk.json"
    desk.write_bytes((site.settings.data / "tokens.json").read_bytes())
    values = {name: getattr(site.settings, name) for name in Settings.__slots__} | {"tokens": str(desk)}
    site.app = create_app(Settings(**values), clock=site.clock)
    ada = site.browser(ada)
    assert "Change that file, and distribute it" in words(ada.get("/tokens"))
    answer = made(ada, "other")
    assert (answer.status_code, "Change that file" in words(answer)) == (409, True)
    assert statuses(site, secret) == (200, 201), "made elsewhere, of a person who has signed in here"
    root = somebody(site, provider, sub="root", name="Root", email="root@example.org", groups=["admins"])
    assert "1 session and no tokens ended" in signed_out(root, "Ada Lovelace")
    assert statuses(site, secret) == (401, 401), "though the file still has it"


def csrf_of_any(page: str) -> str:
    return re.findall(r'name="csrf_token" value="([^"]*)"', page)[0]


def test_whom_a_proxy_names_makes_tokens_too(tmp_path: Path) -> None:
    """They may what the proxy's person may, for programs that do not come through the proxy."""
    header = [(b"x-forwarded-email", b"Ada@example.org")]
    proxied = {"asgi.scope": {"headers": header}}
    settings = Settings(
        data=tmp_path / "data", user_header="X-Forwarded-Email", user_scope="read", trusted_proxies="127.0.0.1"
    )
    app = create_app(settings)
    browser = app.test_client()
    page = browser.get("/tokens", environ_overrides=proxied)
    form = {"csrf_token": csrf_of_any(page.text), "name": "ci", "scope": "read", "days": "7"}
    secret = secret_in(browser.post("/tokens", data=form, environ_overrides=proxied))
    assert app.test_client().get("/api/prompts", headers=bearer(secret)).status_code == 200
    assert [token.owner for token in Tokens(settings.data).all()] == ["ada@example.org"]
