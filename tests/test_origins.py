"""From which pages a browser may send requests, and for which host."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from promptgit.app import create_app
from promptgit.settings import Settings
from tests.support import Answer, Http, Server, command
from tests.test_tokens import assert_problem, bearer, make

APP = "https://app.example.org:8443"
EXPOSED = {"ETag", "Link", "Location", "Promptgit-Head", "Retry-After", "X-Total-Count"}
ASKED = {"Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match"}


def post(client: FlaskClient, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/api/prompts", json={"content": "x"}, headers=named).status_code


# Its own pages


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("prompts.example.org:8080", "http://prompts.example.org:8080", 201),
        ("prompts.example.org:8080", "http://prompts.example.org:8081", 403),
        ("prompts.example.org:8080", "http://prompts.example.org", 403),
        ("prompts.example.org", "http://prompts.example.org:8080", 403),
        ("prompts.example.org", "https://prompts.example.org", 201),  # TLS ends at a proxy
        ("prompts.example.org:443", "https://prompts.example.org", 201),
        ("prompts.example.org:443", "http://prompts.example.org", 403),
        ("prompts.example.org:80", "http://PROMPTS.example.org", 201),
        ("prompts.example.org", "ftp://prompts.example.org", 403),
        ("prompts.example.org:8080", "prompts.example.org:8080", 403),
        ("prompts.example.org:8080", "http://prompts.example.org:8080/", 403),
        ("prompts.example.org:8080", "http://prompts.example.org.evil.example:8080", 403),
        ("127.0.0.1:8000", "https://prompts.example.org", 201),  # a proxy that sends a Host of its own
        ("127.0.0.1:8000", "http://prompts.example.org:8081", 403),
        ("127.0.0.1:8000", "https://other.example:9000", 201),
        ("127.0.0.1:8000", "https://other.example:9001", 403),
        ("127.0.0.1:8000", "https://other.example", 403),
        ("127.0.0.1:8000", "https://third.example", 201),
        ("127.0.0.1:8000", "http://third.example", 403),
        ("[::1]:8000", "http://[::1]:8000", 201),
        ("[::1]:8000", "http://[::1]:8001", 403),
        ("127.0.0.1:8000", "null", 403),
    ],
)
def test_scheme_and_port_of_a_page_count(tmp_path: Path, host: str, origin: str, status: int) -> None:
    listed = "prompts.example.org, Other.example:9000, https://third.example"
    client = create_app(Settings(data=tmp_path / "data", allowed_hosts=listed)).test_client()
    assert post(client, Host=host, Origin=origin) == status
    assert post(client, Host=host, Origin=origin, Sec_Fetch_Site="same-site") == 403  # the browser knows better
    assert post(client, Host=host, Origin=origin, Sec_Fetch_Site="same-origin") == 201


def test_over_tls_a_page_without_it_is_another(client: FlaskClient) -> None:
    for scheme, status in (("https", 201), ("http", 403)):
        answer = client.post(
            "/api/prompts",
            json={"content": "x"},
            base_url="https://localhost",
            headers={"Origin": f"{scheme}://localhost"},
        )
        assert answer.status_code == status


# Pages that are listed


@pytest.fixture(scope="module")
def sharing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose API two origins may use; with a token that may write, in `secret`."""
    folder = tmp_path_factory.mktemp("sharing") / "data"
    secret = make(folder, "app", "write")
    with Server(folder, PROMPTGIT_CORS_ORIGINS=f" {APP}, tauri://localhost ") as server:
        server.secret = secret  # type: ignore[attr-defined]
        yield server


def from_app(server: Server, **headers: str) -> dict[str, str]:
    """What a browser sends for a page of APP."""
    secret: str = server.secret  # type: ignore[attr-defined]
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"Origin": APP, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"} | bearer(secret) | named


def assert_shared(answer: Answer, status: int, origin: str = APP) -> None:
    headers = answer.headers
    assert (answer.status, headers["Access-Control-Allow-Origin"]) == (status, origin)
    assert set(headers["Access-Control-Expose-Headers"].split(", ")) >= EXPOSED
    assert "Origin" in headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in headers


def test_every_answer_of_the_api_can_be_read_by_listed_pages(sharing: Server) -> None:
    """Quick ones, slow ones, refusals and those that have no body."""
    http = Http(sharing.url)
    made = http("POST", "/api/prompts", {"content": "1"}, from_app(sharing))
    assert_shared(made, 201)
    where, tag = made.headers["Location"], made.headers["ETag"]
    asked: list[tuple[str, str, object, dict[str, str], int]] = [
        ("GET", where, None, {}, 200),
        ("GET", where, None, {"If-None-Match": tag}, 304),
        ("GET", f"{where}/versions/1/content", None, {}, 200),
        ("GET", f"{where}/versions", None, {}, 200),
        ("GET", "/api/prompts", None, {}, 200),
        ("GET", f"{where}/diff?from=1&to=1", None, {"Accept": "text/x-diff"}, 200),
        ("PUT", where, {"content": "2"}, {"If-Match": tag}, 200),
        ("PUT", where, {"content": "3"}, {"If-Match": tag}, 412),
        ("GET", "/api/nothing", None, {}, 404),
        ("POST", where, None, {}, 405),
        ("GET", "/api/tokens", None, {}, 403),
        ("GET", where, None, {"Authorization": "Bearer pgt_wrong"}, 401),
        ("GET", "/api/public/v2/prompts/nothing", None, {}, 404),
        ("DELETE", where, None, {}, 204),
        ("GET", where, None, {}, 410),
    ]
    for method, path, body, headers, status in asked:
        assert_shared(http(method, path, body, from_app(sharing) | headers), status)
    assert_shared(http("GET", where, None, from_app(sharing, Origin="tauri://localhost")), 410, "tauri://localhost")


def test_a_browser_is_told_before_it_asks(sharing: Server) -> None:
    """It sends no token then."""
    asking = {"Origin": APP, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        wanted = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization,if-match"}
        answer = Http(sharing.url)("OPTIONS", "/api/prompts", headers=asking | wanted)
        assert_shared(answer, 204)
        assert method in answer.headers["Access-Control-Allow-Methods"].split(", ")
        assert set(answer.headers["Access-Control-Allow-Headers"].split(", ")) >= ASKED
        assert "Content-Length" not in answer.headers


def assert_not_shared(answer: Answer) -> None:
    assert not any(name.lower().startswith("access-control-") for name in answer.headers)


def test_nothing_but_the_api_is_shared_and_with_nobody_else(sharing: Server) -> None:
    http = Http(sharing.url)
    for path in ("/", "/sign-in", "/apis", "//api/prompts", "/prompts.git/info/refs?service=git-upload-pack"):
        assert_not_shared(http("GET", path, headers=from_app(sharing)))
    assert_problem(http("GET", "/prompts.git/HEAD", headers=from_app(sharing)), 403, "cross_origin")
    others = ("https://app.example.org", "http://app.example.org:8443", "https://evil.example", "null", "*")
    for origin in others:
        for method, wanted in (("GET", {}), ("OPTIONS", {"Access-Control-Request-Method": "GET"})):
            answer = http(method, "/api/prompts", headers=from_app(sharing, Origin=origin) | wanted)
            assert answer.status == 403 and "Origin" in answer.headers["Vary"]
            assert_not_shared(answer)
    simple = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"} | bearer(sharing.secret)  # type: ignore[attr-defined]
    assert_problem(http("GET", "/api/prompts", headers=simple), 403, "cross_origin")
    own = http("GET", "/api/prompts", headers=bearer(sharing.secret))  # type: ignore[attr-defined]
    assert (own.status, own.headers["Vary"]) == (200, "Origin")  # a cache must not give it to the pages
    assert_not_shared(own)


def test_without_the_setting_nothing_is_shared(client: FlaskClient) -> None:
    answer = client.options("/api/prompts", headers={"Origin": APP, "Access-Control-Request-Method": "GET"})
    assert answer.status_code == 403
    assert "Vary" not in client.get("/api/prompts").headers


@pytest.mark.parametrize(
    "setting",
    [
        *(f"PROMPTGIT_CORS_ORIGINS={value}" for value in ("*", "https://a.example/", "null", "a.example")),
        "PROMPTGIT_ALLOWED_HOSTS=https://a.example/x",
    ],
)
def test_what_is_no_origin_is_told_at_the_start(tmp_path: Path, setting: str) -> None:
    name, _, value = setting.partition("=")
    done = command("serve", "--data", str(tmp_path / "data"), "--port", "0", **{name: value})
    assert done.returncode == 1
    assert name in done.stderr and value in done.stderr and done.stderr.count("\n") == 1


# Which host


def raw(server: Server, request: str) -> tuple[int, bytes]:
    """The status of the answer to *request*, and all of the answer."""
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname or "", address.port)) as connection:
        connection.sendall(request.encode())
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    return int(answer.split()[1]), answer


@pytest.mark.parametrize("path", ["/api/prompts", "/healthz", "/prompts.git/HEAD", "/nothing", "/"])
def test_a_request_says_once_which_host_it_is_for(shared: Server, path: str) -> None:
    """RFC 9112, 3.2; HTTP/1.0 has no such rule."""
    close = "Connection: close\r\n\r\n"
    host = "Host: localhost\r\n"
    for sent in (f"GET {path} HTTP/1.1\r\n{close}", f"GET {path} HTTP/1.1\r\n{host}{host}{close}"):
        assert raw(shared, sent)[0] == 400
    known = raw(shared, f"GET {path} HTTP/1.1\r\n{host}{close}")[0]
    assert raw(shared, f"GET {path} HTTP/1.0\r\n{close}")[0] == known != 400


def test_quick_reads_say_it_too(shared: Server) -> None:
    where = Http(shared.url)("POST", "/api/prompts", {"content": "x"}).headers["Location"]
    assert raw(shared, f"GET {where} HTTP/1.1\r\nA: b\r\n\r\n")[0] == 400
