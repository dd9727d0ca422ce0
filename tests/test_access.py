"""Who is let in without a token, what browsers may do, and what every answer says to them."""

from __future__ import annotations

import http.client
import socket
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from promptgit.app import create_app
from promptgit.auth.tokens import Scope, Tokens
from promptgit.domain import hosts
from promptgit.errors import TooManyFailures
from promptgit.http.api.failures import Failures
from promptgit.http.api.headers import PROTECTION
from promptgit.settings import Settings
from tests.conftest import Clock
from tests.support import Http, Server, command
from tests.test_tokens import assert_problem, bearer, make

FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:1"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Origin": "http://localhost:1"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
]

# Where a server may be started


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_others_are_not_served_before_there_is_a_token(tmp_path: Path, host: str) -> None:
    done = command("serve", "--host", host, "--port", "0", "--data", str(tmp_path / "data"))
    assert done.returncode == 1
    assert "promptgit token create" in done.stderr and "PROMPTGIT_AUTH=off" in done.stderr
    assert not (tmp_path / "data").exists()


def test_the_first_line_says_who_is_served(tmp_path: Path) -> None:
    with Server(tmp_path / "open") as server:
        assert "this machine alone" in server.first_line
    make(tmp_path / "closed", "ci", "read")
    with Server(tmp_path / "closed", "--host", "0.0.0.0") as server:
        assert "those who have a token" in server.first_line
        assert Http(server.url)("GET", "/api/prompts").status == 401
    with Server(tmp_path / "closed", "--host", "0.0.0.0", PROMPTGIT_AUTH="off") as server:
        assert "PROMPTGIT_AUTH is off" in server.first_line
        assert Http(server.url)("GET", "/api/prompts").status == 200


# Without a token


def get(client: FlaskClient, peer: str = "127.0.0.1", **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get("/api/prompts", headers=named, environ_base={"REMOTE_ADDR": peer}).status_code


@pytest.mark.parametrize(("peer", "status"), [("127.0.0.9", 200), ("::1", 200), ("::ffff:127.0.0.1", 200)])
def test_this_machine_is_served(client: FlaskClient, peer: str, status: int) -> None:
    assert get(client, peer) == status


@pytest.mark.parametrize("peer", ["10.0.0.1", "2001:db8::1", "::ffff:10.0.0.1", ""])
def test_other_machines_are_not(client: FlaskClient, peer: str) -> None:
    """Also under a server that was bound to all addresses by somebody else's command line."""
    assert get(client, peer) == 403


@pytest.mark.parametrize("header", ["Forwarded", "X_Forwarded_For", "X_Real_IP", "Via"])
def test_what_a_proxy_passes_on_does_not_come_from_this_machine(client: FlaskClient, header: str) -> None:
    assert get(client, **{header: "127.0.0.1"}) == 403


def test_a_foreign_host_is_refused(server: Server) -> None:
    """Somebody's DNS may point any name here (rebinding), and a browser would send the requests."""
    http = Http(server.url)
    for host in ("evil.example", "localhost.evil.example:8000", "10.0.0.1", "", "127.0.0.1.evil.example", "[::1"):
        assert_problem(http("GET", "/api/prompts", headers={"Host": host}), 421, "foreign_host")
    for host in ("localhost", "LOCALHOST:8000", "127.0.0.1", "[::1]:8000", "app.localhost."):
        assert http("GET", "/api/prompts", headers={"Host": host}).status == 200


def test_names_can_be_allowed(tmp_path: Path) -> None:
    with Server(tmp_path / "data", PROMPTGIT_ALLOWED_HOSTS="prompts.example.org, Other.example:443") as server:
        for host, status in (("Prompts.example.org:80", 200), ("other.example", 200), ("evil.example", 421)):
            assert Http(server.url)("GET", "/api/prompts", headers={"Host": host}).status == status
        origin = {"Origin": "https://prompts.example.org"}
        assert Http(server.url)("POST", "/api/prompts", {"content": "x"}, origin).status == 201
        secret = make(server.folder, "ci", "read")
        for host, status in (("prompts.example.org", 200), ("127.0.0.1", 200), ("evil.example", 421)):
            answer = Http(server.url)("GET", "/api/prompts", headers={"Host": host} | bearer(secret))
            assert answer.status == status


def test_with_a_token_any_name_will_do_unless_some_are_listed(server: Server) -> None:
    headers = {"Host": "prompts.example.org"} | bearer(make(server.folder, "ci", "read"))
    assert Http(server.url)("GET", "/api/prompts", headers=headers).status == 200


def test_without_authentication_names_have_to_be_listed_but_addresses_not(tmp_path: Path) -> None:
    client = create_app(Settings(data=tmp_path / "data", auth="off")).test_client()
    assert get(client, "10.0.0.1", Host="10.0.0.2:8000") == 200
    assert get(client, "10.0.0.1", Host="prompts.lan") == 421


def test_a_page_of_another_origin_reaches_nothing(server: Server) -> None:
    """With a token neither: a browser that knows a password sends it along."""
    http = Http(server.url)
    where = http("POST", "/api/prompts", {"content": "1"}).headers["Location"]
    http("PUT", where, {"content": "2"})
    revert = f"{where}/versions/1/revert"
    asked = (("POST", revert), ("DELETE", where), ("GET", where))
    for headers in FOREIGN:
        for method, path in asked:
            assert_problem(http(method, path, headers=headers), 403, "cross_origin")
    token = bearer(make(server.folder, "ci", "write"))
    for headers in FOREIGN:
        assert_problem(http("POST", revert, headers=headers | token), 403, "cross_origin")
    assert http("GET", where, headers=token).json["version_number"] == 2


def test_its_own_pages_and_links_from_others_reach_it(server: Server) -> None:
    http, own = Http(server.url), urlsplit(server.url).netloc
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert http("GET", "/api/prompts", headers=link).status == 200
    assert_problem(http("POST", "/api/prompts", {"content": "x"}, link), 403, "cross_origin")
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": f"http://{own}"}):
        assert http("POST", "/api/prompts", {"content": "x"}, headers).status == 201


# Wrong tokens


def test_wrong_tokens_are_limited_and_a_right_one_works_all_the_same(tmp_path: Path) -> None:
    """All come from one address, as they do behind a proxy. No token at all is no wrong one: git begins so."""
    data = tmp_path / "data"
    _, secret = Tokens(data).create("ci", Scope.READ)
    client = create_app(Settings(data=data)).test_client()
    statuses = [client.get("/api/prompts", headers=bearer("pgt_wrong")).status_code for _ in range(30)]
    assert statuses == sorted(statuses) and statuses[0] == 401
    limited = client.get("/api/prompts", headers=bearer("pgt_wrong"))
    assert (limited.status_code, limited.json["code"]) == (429, "too_many_failures")
    assert int(limited.headers["Retry-After"]) >= 1
    assert client.get("/api/prompts", headers=bearer(secret)).status_code == 200
    assert client.get("/api/prompts").status_code == 401
    elsewhere = client.get("/api/prompts", headers=bearer("x"), environ_base={"REMOTE_ADDR": "192.0.2.1"})
    assert elsewhere.status_code == 401


def test_failures_are_forgotten_with_time_and_by_number(clock: Clock) -> None:
    failures = Failures(clock)
    for _ in range(20):
        failures.count("a")
    with pytest.raises(TooManyFailures) as refused:
        failures.count("a")
    clock.now += refused.value.retry_after
    failures.count("a")
    with pytest.raises(TooManyFailures):
        failures.count("a")
    for other in range(5_000):
        failures.count(str(other))
    failures.count("a")
    assert len(failures) <= 4_096


def test_an_ipv6_client_is_its_network() -> None:
    """Any client has as many addresses as it likes in its own /64."""
    assert (
        hosts.network_of("2001:db8::1") == hosts.network_of("2001:db8::ffff:2") != hosts.network_of("2001:db8:0:1::1")
    )
    assert hosts.network_of("::ffff:192.0.2.1") == hosts.network_of("192.0.2.1") != hosts.network_of("192.0.2.2")


# What every answer says


def test_every_answer_protects_its_reader(server: Server) -> None:
    address = urlsplit(server.url)
    made = Http(server.url)("POST", "/api/prompts", {"content": "<script>alert(1)</script>"})
    where, tag = made.headers["Location"], made.headers["ETag"]
    asked: list[tuple[str, str, dict[str, str], int]] = [
        ("GET", where, {}, 200),
        ("GET", f"{where}/versions", {}, 200),
        ("GET", f"{where}/versions/1/content", {}, 200),
        ("GET", f"{where}/diff?from=1&to=1", {"Accept": "text/x-diff"}, 200),
        ("GET", where, {"If-None-Match": tag}, 304),
        ("GET", "/api//prompts", {}, 404),
        ("GET", where, {"Host": "evil.example"}, 421),
        ("GET", "/nowhere", {}, 404),
        ("POST", where, {}, 405),
        ("PUT", where, {"Content-Type": "application/json", "Content-Length": str(99 << 20)}, 413),
        ("GET", "/" + "x" * 9_000, {}, 404),
    ]
    for method, path, headers, status in asked:
        with closing(http.client.HTTPConnection(address.hostname or "", address.port)) as connection:
            connection.request(method, path, headers=headers)
            assert connection.sock
            connection.sock.shutdown(socket.SHUT_WR)  # the body that is announced for 413 never comes
            answer = connection.getresponse()
        assert answer.status == status
        for name, value in PROTECTION:
            assert answer.headers.get_all(name) == [value], (status, name)
        assert "html" not in answer.headers.get("Content-Type", "")


def test_a_fault_of_ours_protects_its_reader_too(app: Flask) -> None:
    app.add_url_rule("/fault", view_func=lambda: 1 // 0)
    answer = app.test_client().get("/fault")
    assert answer.status_code == 500
    assert [value for name, value in PROTECTION] == [answer.headers[name] for name, _ in PROTECTION]


def test_a_page_has_a_policy_of_its_own(app: Flask) -> None:
    policy = "default-src 'self'"
    app.add_url_rule("/page", view_func=lambda: ("x", {"Content-Security-Policy": policy}))
    answer = app.test_client().get("/page")
    assert answer.headers.getlist("Content-Security-Policy") == [policy]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
