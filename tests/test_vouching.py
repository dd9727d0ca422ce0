"""People whom a proxy names in a header: who is believed, what they may do, and what is refused. With a real server."""

from __future__ import annotations

import html
import http.client
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

from promptgit.auth.tokens import Scope, Tokens
from promptgit.settings import Settings
from tests.pages import BROWSER
from tests.support import Server, command, git_text

ROLES = """
[[roles]]
value = "support"
scope = "write"
write_prefix = ["support/"]

[[roles]]
claim = "email"
value = "root@example.org"
scope = "admin"
"""
EMAIL, GROUPS = "X-Forwarded-Email", "X-Forwarded-Groups"
ADA = [(EMAIL, "Ada@example.org"), (GROUPS, "others, support")]


@dataclass
class Page:
    status: int
    location: str
    text: str

    @property
    def words(self) -> str:
        return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", self.text)))


class Proxy:
    """Sends requests as a proxy does: each header as it stands, as often as it stands. It keeps the last cookie."""

    def __init__(self, server: Server) -> None:
        self._port = int(server.url.rpartition(":")[2])
        self._cookie: list[tuple[str, str]] = []

    def __call__(self, path: str, headers: list[tuple[str, str]], form: dict[str, str] | None = None) -> Page:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        body = urlencode(form).encode() if form is not None else b""
        connection.putrequest("POST" if form is not None else "GET", path)
        typed = [("Content-Type", "application/x-www-form-urlencoded"), ("Content-Length", str(len(body)))]
        for name, value in [*BROWSER.items(), *headers, *self._cookie, *(typed if form is not None else [])]:
            connection.putheader(name, value.encode())
        connection.endheaders(body)
        answer = connection.getresponse()
        if set_ := answer.headers["Set-Cookie"]:
            self._cookie = [("Cookie", set_.partition(";")[0])]
        page = Page(answer.status, answer.headers.get("Location", ""), answer.read().decode())
        connection.close()
        return page


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "roles.toml").write_text(ROLES)
    return {
        "PROMPTGIT_USER_HEADER": EMAIL,
        "PROMPTGIT_USER_GROUPS_HEADER": GROUPS,
        "PROMPTGIT_USER_ROLES": str(tmp_path / "roles.toml"),
        "PROMPTGIT_TRUSTED_PROXIES": "127.0.0.0/8",
    }


@pytest.fixture
def served(tmp_path: Path, environment: dict[str, str]) -> Iterator[Server]:
    with Server(tmp_path / "data", **environment) as server:
        yield server


def test_a_proxy_says_who_somebody_is(tmp_path: Path, served: Server) -> None:
    """On pages alone, in each request, and in one way only."""
    ask = Proxy(served)
    assert ask("/", []).location.startswith("/sign-in"), "nobody gets in without, though no token was made"
    assert "has not said who you are" in ask("/sign-in", []).words
    form = ask("/new", ADA)
    assert "Signed in as Ada@example.org" in form.words
    assert "Sign out" not in form.words, "the proxy's business"
    (proof,) = set(re.findall(r'name="csrf_token" value="([^"]*)"', form.text))
    prompt = {"name": "support/greeting", "content": "Hello"}
    assert ask("/new", ADA, prompt).status == 400, "from no page of ours"
    assert ask("/new", ADA, prompt | {"csrf_token": proof, "name": "sales/a"}).status == 403, "outside of the role"
    assert ask("/new", ADA, prompt | {"csrf_token": proof}).status == 303
    committed = git_text(tmp_path / "data" / "prompts.git", "log", "-1", "--format=%cn <%ce>|%an", "main")
    assert committed == "Ada@example.org <Ada@example.org>|Ada@example.org"
    assert ask("/", []).location.startswith("/sign-in"), "there is no session"
    assert ask("/api/prompts", ADA).status == 401
    assert ask("/prompts.git/info/refs?service=git-upload-pack", ADA).status == 401
    twin = EMAIL.replace("-", "_")
    for headers, told in (
        ([(EMAIL, "ada@example.org"), (EMAIL, "root@example.org")], "comes more than once"),
        ([*ADA, (twin, "root@example.org")], "comes more than once"),
        ([(twin.lower(), "root@example.org")], "comes with '_' for '-'"),
        ([*ADA, (GROUPS.lower(), "admins")], "comes more than once"),
        ([*ADA, (GROUPS.replace("-", "_", 1), "admins")], "comes more than once"),
    ):
        for path in ("/", "/sign-in"):
            refused = ask(path, headers)
            assert (refused.status, told in refused.words) == (400, True), (headers, refused.words)
        assert ask("/api/prompts", headers).status == 401
    for address, told in (
        ("bot@PromptGit", "@promptgit is for tokens"),
        ("Ada <ada@example.org>", "cannot stand in a commit"),
        ("ada", "cannot be a person's e-mail address"),
        ("\u017fam@example.org", "could be taken for another one: it has U+017F at place 1"),
        ("root@example.org\u200b", "could be taken for another one: it has U+200B at place 17"),
        ("bob@example.org", "has no role"),
    ):
        refused = ask("/", [(EMAIL, address)])
        assert (refused.status, told in refused.words) == (403, True), refused.words
        assert ask("/sign-in", [(EMAIL, address)]).status == 200, "a token would do"
    assert ask("/", [(EMAIL, "")]).location.startswith("/sign-in")
    assert ask("/people", ADA).status == 403
    root = [(EMAIL, "accounts.google.com:root@example.org")]
    seen = ask("/people", root).words
    assert "come through the proxy" in seen
    assert "write, below support/" in seen
    secret = Tokens(tmp_path / "data").create("ci", Scope.READ)[1]
    bearer = [("Authorization", f"Bearer {secret}")]
    assert ask("/", [*ADA, *bearer]).status == 200
    assert ask("/new", [*ADA, *bearer]).status == 403, "a token comes before"


def test_who_is_no_trusted_proxy_says_nothing(tmp_path: Path, environment: dict[str, str]) -> None:
    with Server(tmp_path / "data", **environment | {"PROMPTGIT_TRUSTED_PROXIES": "192.0.2.1"}) as server:
        ask = Proxy(server)
        assert ask("/", ADA).location.startswith("/sign-in")
        assert ask("/", [*ADA, ("X-Forwarded-For", "192.0.2.1")]).location.startswith("/sign-in")


def test_what_does_not_fit_is_told_at_the_start(tmp_path: Path, environment: dict[str, str]) -> None:
    """A server that anybody could tell who they are does not start, nor one that could not tell a twin."""
    fits = {name.removeprefix("PROMPTGIT_").lower(): value for name, value in environment.items()}
    for changed, told in (
        ({"trusted_proxies": ""}, "PROMPTGIT_TRUSTED_PROXIES"),
        ({"auth": "off"}, "PROMPTGIT_AUTH=off"),
        ({"user_roles": ""}, "PROMPTGIT_USER_SCOPE"),
        ({"user_scope": "all"}, "PROMPTGIT_USER_SCOPE"),
        ({"user_header": ""}, "PROMPTGIT_USER_HEADER"),
        ({"user_header": "X_Forwarded_Email"}, "no name of a header"),
    ):
        with pytest.raises(ValueError, match=told):
            Settings(**fits | changed)
    data = str(tmp_path / "d")
    oidc = {f"PROMPTGIT_OIDC_{name}": "https://a.example" for name in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET", "ROLES")}
    for changed, told in (
        ({"PROMPTGIT_TRUSTED_PROXIES": ""}, "PROMPTGIT_TRUSTED_PROXIES"),
        ({"PROMPTGIT_USER_GROUPS_HEADER": ""}, "has a role by 'groups'"),
        (oidc | {"PROMPTGIT_PUBLIC_URL": "https://b.example"}, "PROMPTGIT_OIDC_ISSUER"),
    ):
        refused = command("serve", "--port", "0", **environment | changed, PROMPTGIT_DATA=data)
        assert (refused.returncode, told in refused.stderr) == (1, True), refused.stderr
