"""Signing in with an account at an OpenID provider: who is let in, for how long, and as whom."""

from __future__ import annotations

import json
import re
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from joserfc.jwk import OctKey, RSAKey

from promptgit.auth.tokens import Scope, Tokens
from promptgit.domain.rights import person_as_owner, same_person
from promptgit.settings import Settings
from tests.pages import fields, send, submit, words
from tests.providers import ADA, Provider, Site, consent, mock_provider, query_of, sent_to, settings, sign_in, through
from tests.support import command, git_text
from tests.test_pages_signing import csrf_of
from tests.test_tokens import bearer

HOUR = 3_600


def is_in(browser: FlaskClient) -> bool:
    answer = browser.get("/")
    assert answer.status_code in (200, 303), words(answer)
    return answer.status_code == 200


def test_somebody_signs_in_with_an_account_and_is_the_committer(tmp_path: Path) -> None:
    """With a real provider: from the closed page to a commit and out, and no code counts twice."""
    with mock_provider(ada={name: value for name, value in ADA.items() if name != "sub"}) as issuer:
        site = Site(tmp_path, issuer, oidc_name="Example Login")
        browser = site.browser()
        assert browser.get("/api/prompts").status_code == 401, "nobody gets in, though no token was made"
        there = browser.get("/new").headers["Location"]
        assert there == "/sign-in?next=/new"
        assert "Sign in with Example Login" in words(browser.get(there))
        back = consent(sent_to(browser, "/new"), "ada")
        assert browser.get(back).headers["Location"] == "/new"
        page = browser.get("/new")
        assert "Signed in as Ada Lovelace" in words(page)
        assert send(browser, "/new", name="support/greeting", content="Hello").status_code == 303
        assert git_text(site.settings.data / "prompts.git", "log", "-1", "--format=%cn <%ce>|%an", "main") == (
            "Ada Lovelace <ada@example.org>|Ada Lovelace"
        )
        assert browser.get("/api/prompts").status_code == 401, "the cookie opens pages alone"
        assert browser.get(back).headers["Location"] == "/", "whoever goes back in the browser is still signed in"
        assert browser.post("/sign-out", data={"csrf_token": csrf_of(page)}).status_code == 303
        assert not is_in(browser)
        assert "not begun in this browser" in words(browser.get(back))
        again = sent_to(browser)
        replayed = f"/sign-in/callback?code={query_of(back)['code']}&state={query_of(again)['state']}"
        answer = browser.get(replayed)
        assert (answer.status_code, is_in(browser)) == (403, False)
        assert "does not take back what it gave you" in words(answer)
    answer = browser.get("/sign-in/account")
    assert answer.status_code == 503
    assert "Sign in with the token" in words(answer), "the provider is away, and tokens work"
    actions = [entry.action for entry in site.app.extensions["promptgit.people"].log.entries()]
    assert actions == ["signed_in", "signed_out"]


def test_who_is_not_let_in_is_told_why(site: Site, provider: Provider) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"email_verified": False}, "has not verified your e-mail address"),
        ({"email_verified": None}, "has not verified your e-mail address"),
        ({"email": "ci@PromptGit"}, "@promptgit is for tokens"),
        ({"email": "Ada <ada@example.org>"}, "cannot stand in a commit"),
        ({"email": "\ufb01ona@example.org"}, "could be taken for another one: it has U+FB01 at place 1"),
        ({"email": "ada\u202e@example.org"}, "could be taken for another one: it has U+202E at place 4"),
        ({"email": None}, "does not tell your e-mail address"),
        ({"groups": ["Writers", "others"]}, "has no role that lets you in"),
        ({"groups": None}, "has no role that lets you in"),
    ]
    for claims, told in cases:
        provider.reset()
        provider.claims |= claims
        browser = site.browser()
        answer = sign_in(browser)
        assert (answer.status_code, is_in(browser)) == (403, False)
        assert told in words(answer)
        assert "Sign in with 127.0.0.1" in words(answer)


def test_claims_of_all_kinds_make_no_fault_here(site: Site, provider: Provider) -> None:
    """A subject that cannot be shown is none, a name that is no text neither; the longest address is a name, too."""
    address = f"{'a' * 230}@example.org"
    told: tuple[tuple[dict[str, Any], str | None], ...] = (
        ({"sub": "\ud800"}, None),
        ({"sub": "\ud800", "email_verified": False}, None),
        ({"sub": "a\nb"}, None),
        ({"sub": "ad\u202ea"}, None),
        ({"name": "\ud800"}, "ada@example.org"),
        ({"name": {"first": "Ada"}}, "ada@example.org"),
        ({"name": "A" * 10_000, "preferred_username": "ada"}, "ada"),
        ({"groups": ["\ud800", "writers"]}, "Ada Lovelace"),
        ({"name": None, "email": address}, address),
    )
    for number, (claims, name) in enumerate(told):
        provider.claims = ADA | claims
        browser = site.browser()
        answer = sign_in(browser)
        assert answer.status_code == (403 if name is None else 303), words(answer)
        if name is not None:
            assert send(browser, "/new", name=f"a{number}", content="Hello").status_code == 303
            assert (
                git_text(site.settings.data / "prompts.git", "log", "-1", "--format=%cn|%an", "main")
                == f"{name}|{name}"
            )


def test_what_a_browser_keeps_of_a_sign_in_is_sent_over_https_alone(tmp_path: Path, provider: Provider) -> None:
    site = Site(tmp_path, provider.issuer, public_url="https://prompts.example.org")
    assert "; Secure;" in site.browser().get("/sign-in/account").headers["Set-Cookie"]


def test_what_was_not_begun_here_ends_nowhere(site: Site, provider: Provider) -> None:
    """Another state, another browser, another issuer, too late, or a provider that says no."""
    browser, other = site.browser(), site.browser()
    address = sent_to(browser)
    state = query_of(address)["state"]
    for answer in (
        browser.get("/sign-in/callback?code=code0&state=other"),
        browser.get("/sign-in/callback?code=code0"),
        other.get(f"/sign-in/callback?code=code0&state={state}"),
        browser.get(f"/sign-in/callback?code=code0&state={state}&iss=https://evil.example"),
    ):
        assert answer.status_code == 403
    address = sent_to(browser)
    site.clock.ahead += 601
    assert through(browser, address).status_code == 403
    provider.refuses = "access_denied"
    answer = sign_in(browser)
    assert (answer.status_code, is_in(browser)) == (403, False)
    assert "access_denied" in words(answer)


def test_an_id_token_that_is_not_for_this_sign_in_lets_nobody_in(
    site: Site, provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    """Expired, for or from somebody else, of another sign-in, signed by another key or not at all."""
    stranger = RSAKey.generate_key(2048, {"kid": "1"})
    secret = OctKey.import_key("s3cret" * 8)

    def spoilt(**changed: Any) -> Callable[[], None]:
        return lambda: setattr(provider, "spoil", lambda claims: claims | changed)

    def without(name: str) -> Callable[[], None]:
        return lambda: setattr(provider, "spoil", lambda claims: {k: v for k, v in claims.items() if k != name})

    def signed(alg: str, key: Any) -> Callable[[], None]:
        def set_() -> None:
            provider.header, provider.key = {"alg": alg, "kid": "1"}, key

        return set_

    for spoil in (
        spoilt(exp=1_700_000_000),
        spoilt(nbf=4_000_000_000),
        spoilt(iss="https://evil.example"),
        spoilt(aud="another-service"),
        spoilt(aud=["promptgit", "another-service"]),  # without azp
        spoilt(aud=["promptgit", "another-service"], azp="another-service"),
        spoilt(nonce="another"),
        *map(without, ("nonce", "exp", "iat", "aud", "iss", "sub")),
        spoilt(sub=7),
        spoilt(sub=""),
        signed("RS256", stranger),
        signed("none", stranger),
        signed("HS256", secret),
    ):
        provider.reset()
        spoil()
        browser = site.browser()
        assert (sign_in(browser).status_code, is_in(browser)) == (403, False), caplog.text
    provider.reset()
    assert sign_in(browser).status_code == 303


def test_the_providers_keys_may_change(site: Site, provider: Provider, ada: FlaskClient) -> None:
    """They are fetched anew for a token that none of the known ones has signed, and only then."""
    assert provider.asked.count("/keys") == 1
    assert sign_in(site.browser()).status_code == 303
    assert provider.asked.count("/keys") == 1
    provider.rotate()
    assert sign_in(site.browser()).status_code == 303
    assert provider.asked.count("/keys") == 2


def test_a_session_lasts_eight_hours_from_its_last_use_and_seven_days_at_most(site: Site, ada: FlaskClient) -> None:
    """Through restarts; uses are noted once a minute."""
    site.clock.ahead = 7.9 * HOUR
    site.restart()
    ada = site.browser(ada)
    assert is_in(ada)
    mark = (site.settings.data / "people.sqlite3").stat()
    site.clock.ahead += 30
    assert is_in(ada)
    assert (site.settings.data / "people.sqlite3").stat().st_mtime_ns == mark.st_mtime_ns, "no page writes"
    assert stat.S_IMODE(mark.st_mode) == 0o600
    site.clock.ahead += 8 * HOUR + 60
    assert not is_in(ada)
    assert "your session has ended" in words(ada.get("/sign-in"))
    assert sign_in(ada).status_code == 303
    for _ in range(23):
        site.clock.ahead += 7 * HOUR
        assert is_in(ada)
    site.clock.ahead += 7 * HOUR
    assert not is_in(ada)


def test_each_hour_the_provider_says_what_somebody_may_do(site: Site, provider: Provider, ada: FlaskClient) -> None:
    """With the refresh token that it gave, so that forms are not lost; who has lost all roles is out."""
    provider.asked.clear()
    site.clock.ahead = HOUR - 60
    assert send(ada, "/new", name="a", content="1").status_code == 303
    assert provider.asked == []
    provider.claims |= {"groups": ["readers"], "name": "Ada King"}
    site.clock.ahead = HOUR + 1
    assert "Signed in as Ada King" in words(ada.get("/"))
    assert provider.asked == ["/token refresh_token"]
    assert ada.get("/new").status_code == 403
    provider.claims |= {"groups": []}
    site.clock.ahead += HOUR
    assert not is_in(ada)
    provider.claims |= {"groups": ["writers"]}
    assert not is_in(ada), "the session has ended"


def test_without_a_refresh_token_the_browser_asks(site: Site, provider: Provider) -> None:
    """It is sent there and back without a question; what somebody sends meanwhile is kept for an hour."""
    provider.refreshes = False
    ada = site.browser()
    sign_in(ada)
    form = fields(ada.get("/new").text) | {"name": "a", "content": "1"}
    site.clock.ahead = HOUR + 1
    assert submit(ada, "/new", form).status_code == 303
    answer = ada.get("/releases?label=x")
    assert answer.headers["Location"].startswith(provider.issuer)
    provider.claims |= {"groups": ["readers"]}
    assert through(ada, answer.headers["Location"]).headers["Location"] == "/releases?label=x"
    assert provider.asked[-2:] == ["/authorize silent", "/token authorization_code"]
    assert is_in(ada)
    assert ada.get("/new").status_code == 403
    for change in ({"refuses": "login_required"}, {"claims": ADA | {"sub": "bob"}}):
        provider.reset(refreshes=False)
        sign_in(ada)
        site.clock.ahead += 3 * HOUR
        vars(provider).update(change)
        assert ada.post("/new", data={"name": "b"}).status_code in (400, 401)
        answer = through(ada, ada.get("/").headers["Location"])
        assert answer.status_code == 403
        provider.refuses = ""
        assert not is_in(ada), "neither who is signed out there nor somebody else goes on with the session"


def test_while_the_provider_is_away_its_word_holds_for_another_hour(
    site: Site, provider: Provider, ada: FlaskClient
) -> None:
    provider.go_away()
    site.clock.ahead = 2 * HOUR - 60
    assert is_in(ada)
    assert send(ada, "/new", name="a", content="1").status_code == 303
    site.clock.ahead = 2 * HOUR + 1
    answer = ada.get("/")
    assert answer.status_code == 503
    assert "cannot be asked now" in words(answer)
    assert ada.get("/sign-in").status_code == 200, "a token would do"
    provider.come_back()
    assert is_in(ada), "the session itself has not ended"


def test_a_lost_or_damaged_file_means_signing_in_again(site: Site, ada: FlaskClient) -> None:
    path = site.settings.data / "people.sqlite3"
    whole = path.read_bytes()
    for damage in (b"", b"no database", whole[:5000], whole[:4096] + bytes(len(whole) - 4096), None):
        path.write_bytes(damage) if damage is not None else path.unlink()
        assert not is_in(ada)
        ada = site.browser()
        assert sign_in(ada).status_code == 303, "what is damaged is set aside"
        assert is_in(ada)
    with sqlite3.connect(path) as connection:
        record = connection.execute("SELECT record FROM accounts").fetchone()[0]
        connection.execute("UPDATE accounts SET record = ?", (record.replace('"write"', '"admin"'),))
    connection.close()
    assert not is_in(ada), "a row that somebody or something has changed counts as missing"


def test_an_administrator_sees_people_and_ends_their_sessions(site: Site, provider: Provider, ada: FlaskClient) -> None:
    """On the page, by the API and on the machine, each at once, and the access log tells."""
    assert ada.get("/people").status_code == 403
    assert 'href="/people"' not in ada.get("/").text
    provider.claims |= {"sub": "root", "email": "root@example.org", "name": "Root", "groups": ["admins", "readers"]}
    root = site.browser()
    sign_in(root)
    sign_in(root)  # which ends the session from before
    page = root.get("/people")
    said = words(page)
    assert "Ada Lovelace" in said
    assert "ada@example.org" in said
    assert "write; moves production" in said
    of_ada = page.text[page.text.index("Ada Lovelace") :]
    address = of_ada[of_ada.index("/people/") : of_ada.index("/end") + len("/end")]
    assert root.post(address).status_code == 400, "no other page can do it"
    assert root.post(address, data={"csrf_token": csrf_of(page)}).status_code == 303
    assert "Ada Lovelace is signed out everywhere: 1 session and no tokens ended." in words(root.get("/people"))
    assert not is_in(ada)
    admin = bearer(Tokens(site.settings.data).create("boss", Scope.ADMIN)[1])
    client = site.app.test_client()
    listed = client.get("/api/people", headers=admin).json
    assert [(one["name"], one["scope"], one["sessions"]) for one in listed] == [
        ("Ada Lovelace", "write", 0),
        ("Root", "admin", 1),
    ]
    assert client.delete(f"/api/people/{listed[1]['id']}/sessions", headers=admin).status_code == 204
    assert not is_in(root)
    assert client.delete("/api/people/nobody/sessions", headers=admin).json["code"] == "person_not_found"
    provider.reset()
    sign_in(ada)
    data = str(site.settings.data)
    assert "ada@example.org" in command("people", "list", "--data", data).stdout
    as_json = json.loads(command("people", "list", "--json", "--data", data).stdout)
    assert as_json[0]["owner"] == f"{provider.issuer}#ada"
    ended = command("people", "end", "ADA@example.org", "--data", data)
    assert "sessions ended: 1, tokens: 0" in ended.stdout
    assert not is_in(ada)
    assert command("people", "end", "nobody", "--data", data).returncode == 1
    entries = client.get("/api/access-log", headers=admin).json
    done = [(one["action"], one["by"].get("person") or one["by"].get("token")) for one in entries]
    assert done == [
        ("signed_in", "Ada Lovelace"),
        ("signed_in", "Root"),
        ("signed_in", "Root"),
        ("session_ended", "Root"),
        ("token_created", None),
        ("session_ended", "boss"),
        ("signed_in", "Ada Lovelace"),
        ("session_ended", None),
    ]


def test_a_person_approves_once_and_never_what_is_their_own(site: Site, provider: Provider, ada: FlaskClient) -> None:
    """Whichever of session and tokens they use, and until an administrator has ended their sessions."""
    tokens = Tokens(site.settings.data)
    admin = bearer(tokens.create("boss", Scope.ADMIN)[1])
    own = bearer(tokens.create("laptop", Scope.WRITE, owner="Ada@example.org", may_move=["production"])[1])
    api = site.app.test_client()
    rules = '[labels."production"]\napprovals = 2\n'
    assert api.put("/api/rules", json={"content": rules}, headers=admin | {"If-None-Match": "*"}).status_code == 200
    for name, text in (("a", "1"), ("b", "1")):
        assert send(ada, "/new", name=name, content=text).status_code == 303
    prompts = api.get("/api/prompts", headers=admin).json
    assert api.put(f"/api/prompts/{prompts[1]['id']}", json={"content": "2"}, headers=admin).status_code == 200

    def opened(prompt: dict[str, Any], number: int) -> int:
        items = [{"prompt_id": prompt["id"], "version_number": number}]
        body = {"label": "production", "items": items, "description": "Ship"}
        answer = api.post("/api/releases", json=body, headers=admin)
        assert answer.status_code == 201, answer.json
        return answer.json["number"]

    written = opened(prompts[0], 1)
    assert api.post(f"/api/releases/{written}/approve", headers=own).json["code"] == "self_approval"
    others = opened(prompts[1], 2)
    assert "cannot approve" in words(ada.get(f"/releases/{others}/approve")), "version 1 of it is Ada's"
    provider.claims |= {"sub": "bob", "email": "bob@example.org", "name": "Bob"}
    bob = site.browser()
    sign_in(bob)
    his = bearer(tokens.create("ci", Scope.WRITE, owner="bob@example.org", may_move=["production"])[1])
    assert send(bob, f"/releases/{written}/approve").status_code == 303
    release = api.post(f"/api/releases/{written}/approve", headers=his).json
    assert [(one["by"], one["owner"]) for one in release["approvals"]] == [("Bob", f"{provider.issuer}#bob")]
    assert release["missing"] == ["1 approval"]
    assert command("people", "end", "bob@example.org", "--data", str(site.settings.data)).returncode == 0
    assert api.get(f"/api/releases/{written}", headers=admin).json["missing"] == ["2 approvals"]
    sign_in(bob)
    assert api.get(f"/api/releases/{written}", headers=admin).json["missing"] == ["2 approvals"], "from before it"
    assert send(bob, f"/releases/{written}/approve").status_code == 303
    assert api.get(f"/api/releases/{written}", headers=admin).json["missing"] == ["1 approval"]


def test_an_address_that_was_given_to_somebody_else_gives_no_second_approval(
    site: Site, provider: Provider, ada: FlaskClient
) -> None:
    """A token of the address is of each who had it: neither approves twice, nor what is their own."""
    tokens = Tokens(site.settings.data)
    admin = bearer(tokens.create("boss", Scope.ADMIN)[1])
    old = bearer(tokens.create("laptop", Scope.WRITE, owner="ada@example.org", may_move=["production"])[1])
    api = site.app.test_client()
    rules = '[labels."production"]\napprovals = 2\n'
    assert api.put("/api/rules", json={"content": rules}, headers=admin | {"If-None-Match": "*"}).status_code == 200
    assert api.put("/api/names/a", json={"content": "1"}, headers=admin).status_code == 201
    provider.claims["email"] = "lovelace@example.org"
    sign_in(ada)
    assert send(ada, "/new", name="b", content="1").status_code == 303
    for prompt in api.get("/api/prompts", headers=admin).json:
        items = [{"prompt_id": prompt["id"], "version_number": 1}]
        body = {"label": "production", "items": items, "description": "Ship"}
        assert api.post("/api/releases", json=body, headers=admin).status_code == 201
    provider.claims = ADA | {"sub": "bob", "name": "Bob"}
    site.clock.ahead += 1
    bob = site.browser()
    assert sign_in(bob).status_code == 303
    assert send(ada, "/releases/1/approve").status_code == 303
    assert api.post("/api/releases/1/approve", headers=old).json["missing"] == ["1 approval"], "Ada's"
    assert send(bob, "/releases/1/approve").status_code == 303
    assert api.get("/api/releases/1", headers=admin).json["state"] == "ready"
    assert api.post("/api/releases/2/approve", headers=old).json["code"] == "self_approval"


def test_owners_that_differ_are_two_people() -> None:
    """Subjects are compared letter by letter, addresses are not."""
    assert same_person("Ada@Example.org ") == same_person("ada@example.org")
    subjects = ["ada", "Ada", "ada ", "a#da"]
    assert len({same_person(person_as_owner("https://login.example.org", one)) for one in subjects}) == len(subjects)


@pytest.mark.parametrize(
    ("roles", "told"),
    [
        ("", "there is no role"),
        ("claim = 7", "'claim' is 7"),
        ("[[roles]]\nscope = 'read'", "role 1 has no 'value'"),
        ("[[roles]]\nvalue = 'a'\nscope = 'all'", "role 1 is wrong"),
        ("[[roles]]\nvalue = 'a'\nscope = 'write'\nmay_mov = []", "role 1 has 'may_mov'"),
        ("[[roles]]\nvalue = 'a'\nscope = 'write'\nwrite_prefix = ['support']", "role 1 is wrong"),
        ("[[roles]]\nvalue = 'a'\nscope = 'write'\nwrite_prefix = []", "'write_prefix' of role 1 is empty"),
        ("[[roles]]\nvalue = 'a'\nscope = 'admin'\nwrite_prefix = ['support/']", "role 1 is wrong"),
        ("[[roles]]\nvalue = 'a'\nscope = 'read'\nmay_move = ['production']", "role 1 has the scope 'read'"),
        ("[[roles]]\nvalue = 'a'\nscope = 'write'\nmay_move = 'production'", "no list"),
        ("roles = 1", "there is no role"),
        ("roles = [1]", "role 1 is no table"),
        ("[[roles]", "is no TOML"),
    ],
)
def test_a_file_of_roles_that_is_wrong_is_told_at_the_start(tmp_path: Path, roles: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        Site(tmp_path, "https://login.example.org", roles=roles)


def test_roles_add_up(tmp_path: Path, provider: Provider) -> None:
    """By whatever claim, also one within another; a prefix of one role bounds no other."""
    roles = """
    claim = "realm_access.roles"
    verified_claim = "xms_edov"
    [[roles]]
    value = "support"
    scope = "write"
    write_prefix = ["support/"]
    [[roles]]
    value = "sales"
    scope = "write"
    write_prefix = ["sales/"]
    may_move = ["staging"]
    [[roles]]
    claim = "hd"
    value = "example.org"
    scope = "read"
    [[roles]]
    claim = "email"
    value = "eve@example.org"
    scope = "write"
    """
    site = Site(tmp_path, provider.issuer, roles=roles)
    people = site.app.extensions["promptgit.people"]
    for sub, claims, expected in (
        ("ann", {"hd": "example.org"}, ("read", None, [])),
        ("bea", {"hd": "example.org", "realm_access": {"roles": ["support"]}}, ("write", ["support/"], [])),
        ("cid", {"realm_access": {"roles": ["sales", "support"]}}, ("write", ["sales/", "support/"], ["staging"])),
        ("eve", {"realm_access": {"roles": ["sales"]}}, ("write", None, ["staging"])),
    ):
        more = {"sub": sub, "email": f"{sub}@example.org", "name": sub, "email_verified": False, "xms_edov": "1"}
        provider.claims = more | claims
        assert sign_in(site.browser()).status_code == 303
        found = {one.name: one.as_json(sessions) for one, sessions in people.all()}[sub]
        assert (found["scope"], found["write_prefix"], found["may_move"]) == expected


def test_settings_that_do_not_fit_are_told(tmp_path: Path) -> None:
    """Without an address of the service nobody could be sent back to it: the Host of a request is not believed."""
    issuer = "https://login.example.org"
    for changed, told in (
        ({"public_url": ""}, "PROMPTGIT_PUBLIC_URL"),
        ({"oidc_client_id": ""}, "PROMPTGIT_OIDC_CLIENT_ID"),
        ({"oidc_roles": ""}, "PROMPTGIT_OIDC_ROLES"),
        ({"oidc_issuer": ""}, "PROMPTGIT_OIDC_ISSUER"),
        ({"oidc_client_secret": ""}, "PROMPTGIT_OIDC_CLIENT_SECRET_FILE"),
        ({"oidc_client_secret_file": "secret"}, "PROMPTGIT_OIDC_CLIENT_SECRET_FILE"),
        ({"oidc_issuer": "http://login.example.org"}, "https"),
        ({"oidc_issuer": "https://login.example.org?x"}, "https"),
        ({"oidc_scopes": "email"}, "PROMPTGIT_OIDC_SCOPES"),
        ({"auth": "off"}, "PROMPTGIT_AUTH"),
    ):
        with pytest.raises(ValueError, match=told):
            settings(tmp_path, issuer, **changed)
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    given = settings(tmp_path, issuer, oidc_client_secret="", oidc_client_secret_file=str(secret))
    assert (given.oidc_secret, given.provider_name) == ("s3cret", "login.example.org")
    assert "s3cret" not in repr(settings(tmp_path, issuer))
    assert given.without_accounts == Settings(data=given.data, public_url=given.public_url)
    refused = command("serve", "--port", "0", PROMPTGIT_OIDC_ISSUER=issuer, PROMPTGIT_DATA=str(tmp_path / "d"))
    assert refused.returncode == 1
    assert "PROMPTGIT_OIDC_CLIENT_ID" in refused.stderr
