"""Behind nginx: a prefix, TLS, a clone, and the way to signing in; skipped where there is no nginx."""

from __future__ import annotations

import re
import ssl
import subprocess
from collections.abc import Iterator
from http.client import HTTPSConnection
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.nginx import NGINX, nginx
from tests.support import Server, command, environment, free_port

_SITE = """
  server {{
    listen 127.0.0.1:{port} ssl http2; ssl_certificate {certificate}; ssl_certificate_key {key};
    client_max_body_size 0;
    location /registry/ {{
      proxy_pass http://unix:{folder}/socket:/; proxy_http_version 1.1;
      proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Prefix /registry;
    }}
  }}
"""


@pytest.fixture
def proxied(tmp_path: Path, certificate: tuple[str, str]) -> Iterator[tuple[int, Path]]:
    """A service with a token, on a Unix socket behind nginx under /registry; nginx's port and the folder."""
    if NGINX is None:
        pytest.skip("there is no nginx")
    port = free_port()
    site = _SITE.format(folder=tmp_path, port=port, certificate=certificate[0], key=certificate[1])
    secret = command("token", "create", "ada", "--scope", "write", "--data", str(tmp_path / "data")).stdout.strip()
    (tmp_path / "secret").write_text(secret)
    options = ("--uds", str(tmp_path / "socket"), "--workers", "1")
    with Server(tmp_path / "data", *options, PROMPTGIT_TRUSTED_PROXIES="unix"), nginx(tmp_path, site):
        yield port, tmp_path


def test_behind_nginx(proxied: tuple[int, Path]) -> None:
    """Links and redirects have the prefix, and git clones."""
    port, folder = proxied
    secret = (folder / "secret").read_text()
    bearer = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    client = HTTPSConnection("localhost", port, context=ssl.create_default_context(cafile=folder / "cert.pem"))

    def ask(method: str, path: str, body: str | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        client.request(method, path, body, {key.replace("_", "-"): value for key, value in headers.items()})
        answer = client.getresponse()
        return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()

    assert ask("GET", "/registry/api/prompts")[0] == 401
    status, headers, _ = ask("POST", "/registry/api/prompts", '{"name": "a", "content": "x"}', **bearer)
    assert (status, headers["location"].startswith("/registry/api/prompts/")) == (201, True)
    assert ask("GET", headers["location"], **bearer)[0] == 200
    status, headers, _ = ask("GET", "/registry/", Accept="text/html")
    assert status in (302, 303) and "/registry/sign-in" in headers["location"]
    asks = headers["location"]
    page = ask("GET", asks, Accept="text/html")
    assert page[0] == 200 and b"/registry/static/" in page[2]
    (proof,) = re.findall(rb'name="csrf_token"[^>]*value="([^"]+)"', page[2])
    cookie = page[1]["set-cookie"].split(";")[0]
    assert "Secure" in page[1]["set-cookie"] and "Path=/registry" in page[1]["set-cookie"]
    origin = f"https://localhost:{port}"
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": origin, "Referer": f"{origin}/registry/"}
    sent = urlencode({"csrf_token": proof.decode(), "token": secret})
    status, headers, _ = ask("POST", asks, sent, Cookie=cookie, Accept="text/html", **form)
    assert (status, headers["location"]) == (303, "/registry/")
    signed_in = ask("GET", "/registry/", Cookie=headers["set-cookie"].split(";")[0], Accept="text/html")
    assert signed_in[0] == 200 and b"/registry/prompts/" in signed_in[2]
    url = f"https://git:{secret}@localhost:{port}/registry/prompts.git"
    subprocess.run(
        ["git", "-c", f"http.sslCAInfo={folder / 'cert.pem'}", "clone", "-q", url, folder / "clone"],
        check=True,
        env=environment(),
    )
    assert (folder / "clone" / "prompts" / "a.md").read_bytes() == b"x"
    client.close()
