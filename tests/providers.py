"""OpenID providers for tests: a real one from PyPI as a process, and one of our own for what that cannot do wrong."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit

import httpx2
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jws
from joserfc.jwk import RSAKey
from werkzeug.test import TestResponse

from promptgit.app import create_app
from promptgit.settings import Settings
from tests.pages import BROWSER

ADA: dict[str, Any] = {
    "sub": "ada",
    "name": "Ada Lovelace",
    "email": "ada@example.org",
    "email_verified": True,
    "groups": ["writers"],
}
ROLES = """
[[roles]]
value = "writers"
scope = "write"
may_move = ["production"]

[[roles]]
value = "admins"
scope = "admin"

[[roles]]
value = "readers"
scope = "read"
"""


_HTTP = httpx2.Client()


class Now:
    """A clock that starts at the present, which tokens of real providers have, and goes on by hand."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


def settings(folder: Path, issuer: str, roles: str = ROLES, **more: Any) -> Settings:
    (folder / "roles.toml").write_text(roles)
    values: dict[str, Any] = {
        "data": folder / "data",
        "public_url": "http://localhost",
        "oidc_issuer": issuer,
        "oidc_client_id": "promptgit",
        "oidc_client_secret": "s3cret",
        "oidc_roles": f"{folder}/roles.toml",
    }
    return Settings(**values | more)


class Site:
    """A service on a folder whose people have accounts at *issuer*, and browsers that look at it."""

    def __init__(self, folder: Path, issuer: str, **more: Any) -> None:
        self.clock = Now()
        self.settings = settings(folder, issuer, **more)
        self.app: Flask = create_app(self.settings, clock=self.clock)

    def restart(self) -> None:
        self.app = create_app(self.settings, clock=self.clock)

    def browser(self, before: FlaskClient | None = None) -> FlaskClient:
        """A browser; with the cookies of another, as that goes on after a restart."""
        client = self.app.test_client()
        client.environ_base |= {f"HTTP_{name.upper()}": value for name, value in BROWSER.items()}
        if before is not None and (cookie := before.get_cookie("promptgit")) is not None:
            client.set_cookie("promptgit", cookie.value)
        return client


@contextmanager
def mock_provider(**people: dict[str, Any]) -> Iterator[str]:
    """oidc-provider-mock, a process of its own; gives its issuer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("oidc-provider-mock")), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    issuer = f"http://127.0.0.1:{port}"
    try:
        for sub, claims in people.items():
            _put(f"{issuer}/users/{sub}", claims, process)
        yield issuer
    finally:
        process.terminate()
        process.wait(10)


def _put(url: str, claims: dict[str, Any], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            assert _HTTP.put(url, json=claims).status_code == 204
            return
        except httpx2.TransportError:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)  # a process listens when it does


def consent(address: str, sub: str) -> str:
    """What somebody does on the page of the mock provider; gives where it sends them."""
    answer = _HTTP.post(address, data={"sub": sub})
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


class Provider:
    """A provider that signs in whom it is told to, without a question, and errs on demand.

    *claims* are of who signs in next, *header* and *spoil* change the next ID tokens. Without *refreshes* it gives no
    refresh token. *refuses* is the error that the authorization endpoint, or the token endpoint, answers with.
    """

    def __init__(self) -> None:
        self._first = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"})
        self._codes: dict[str, dict[str, str]] = {}
        self._server: ThreadingHTTPServer | None = None
        self.reset()
        self.start()
        self.issuer = f"http://127.0.0.1:{self._port}"

    def reset(self, *, refreshes: bool = True) -> None:
        """Become as at first."""
        self.claims = dict(ADA)
        self.key: Any = self._first
        self.header = {"alg": "RS256", "kid": "1"}
        self.spoil: Callable[[dict[str, Any]], dict[str, Any]] = dict
        self.published = [self.key]
        self.refreshes = refreshes
        self.refuses = ""
        self.asked: list[str] = []  # paths, with the kind of grant, and whether somebody may be asked

    def start(self, port: int = 0) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._port = self._server.server_address[1]
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def go_away(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def come_back(self) -> None:
        self.start(self._port)

    def rotate(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "2", "use": "sig"})
        self.header = {"alg": "RS256", "kid": "2"}
        self.published = [self.key]

    def _get(self, path: str, query: dict[str, str], headers: Any) -> tuple[int, dict[str, Any]]:
        match path:
            case "/.well-known/openid-configuration":
                names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
                return 200, {
                    "issuer": self.issuer,
                    **{name: f"{self.issuer}/{at}" for name, at in names.items()},
                    "userinfo_endpoint": f"{self.issuer}/userinfo",
                    "scopes_supported": ["openid", "email", "profile", "offline_access"],
                }
            case "/keys":
                return 200, {"keys": [key.as_dict(private=False) for key in self.published]}
            case "/userinfo":
                assert headers["Authorization"] == "Bearer access"
                return 200, self.claims
            case "/authorize":
                assert query["code_challenge_method"] == "S256"
                assert query["response_type"] == "code"
                assert "offline_access" in query["scope"].split()
                self.asked[-1] += " silent" if query.get("prompt") == "none" else ""
                code = f"code{len(self._codes)}"
                self._codes[code] = query
                told = {"error": self.refuses} if self.refuses else {"code": code}
                return 302, {"Location": f"{query['redirect_uri']}?{urlencode(told | {'state': query['state']})}"}
        return 404, {}

    def _post(self, path: str, form: dict[str, str], headers: Any) -> tuple[int, dict[str, Any]]:
        assert path == "/token"
        expected = base64.b64encode(b"promptgit:s3cret").decode()
        if self.refuses or headers["Authorization"] != f"Basic {expected}":
            return 400, {"error": self.refuses or "invalid_client"}
        self.asked[-1] += f" {form['grant_type']}"
        nonce = None
        if form["grant_type"] == "authorization_code":
            asked = self._codes.pop(form["code"], None)
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form["redirect_uri"]:
                return 400, {"error": "invalid_grant"}
            nonce = asked["nonce"]
        told: dict[str, Any] = {"access_token": "access", "token_type": "Bearer", "expires_in": 60}
        told["id_token"] = self._id_token(nonce)
        return 200, told | ({"refresh_token": f"refresh{len(self.asked)}"} if self.refreshes else {})

    def _id_token(self, nonce: str | None) -> str:
        now = int(time.time())
        times = {"iat": now, "exp": now + 10 * 86_400}  # the tests' clocks go ahead
        claims = {"iss": self.issuer, "aud": "promptgit", **times, **self.claims} | ({"nonce": nonce} if nonce else {})
        spoilt = self.spoil(claims)
        if self.header["alg"] == "none":
            parts = (json.dumps(part).encode() for part in (self.header, spoilt))
            return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."
        return jws.serialize_compact(self.header, json.dumps(spoilt), self.key)  # which takes any text

    def _handler(provider) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                provider.asked.append(parts.path)
                self._answer(*provider._get(parts.path, dict(parse_qsl(parts.query)), self.headers))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                provider.asked.append(self.path)
                self._answer(*provider._post(self.path, dict(parse_qsl(body)), self.headers))

            def _answer(self, status: int, told: dict[str, Any]) -> None:
                body = b"" if status == 302 else json.dumps(told).encode()
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", told["Location"])
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        return Handler


def sent_to(browser: FlaskClient, following: str = "/") -> str:
    """Where the button of the sign-in page leads."""
    answer = browser.get(f"/sign-in/account?next={quote(following)}")
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def through(browser: FlaskClient, address: str) -> TestResponse:
    """Follow a redirect to our own provider, and back to the service."""
    back = _HTTP.get(address)
    assert back.status_code == 302, back.text
    return browser.get(back.headers["Location"])


def sign_in(browser: FlaskClient, following: str = "/") -> TestResponse:
    return through(browser, sent_to(browser, following))


def query_of(address: str) -> dict[str, str]:
    return {name: value[0] for name, value in parse_qs(urlsplit(address).query).items()}
