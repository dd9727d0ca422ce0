"""Addresses: none leads to an absolute one, numbers in them are written in one way alone, names are no ids."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from promptgit.domain.names import NAMESPACE
from tests.support import environment, git_text

ROOT = Path(__file__).parents[1]

ODD_NUMBERS = ["%2B1", "0_1", "1_0", "%D9%A1", "%EF%BC%91", "01", "1.0", "1e0", "%201", "1%20", "0x1", "--1", "-0"]


@pytest.fixture
def prompt(client: FlaskClient) -> str:
    """The address of a prompt named `a`, with eleven versions."""
    where: str = client.post("/api/prompts", json={"name": "a", "content": "0"}).headers["Location"]
    for number in range(10):
        client.put(where, json={"content": str(number)})
    return where


def test_no_address_leads_to_an_absolute_one(app: Flask, client: FlaskClient, prompt: str) -> None:
    """Behind a proxy that ends TLS, http:// in a Location would lead out of it; a path always leads back here."""
    values = {"uuid:prompt_id": prompt.rpartition("/")[2], "prompt_id": prompt.rpartition("/")[2], "number": "1"}
    seen = set()
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<([^>]*)>", lambda found: values.get(found[1], "a"), rule.rule)
        for asked in (path, f"{path}/", f"/{path}", path.replace("/", "//"), f"{path}//", path.rstrip("/")):
            for method in sorted(rule.methods or ()):
                with client.open("/", method=method, environ_overrides={"PATH_INFO": asked or "/"}) as answer:
                    seen.add(answer.status_code)
                    location = answer.headers.get("Location", "")
                assert "://" not in location and not location.startswith("//"), (method, asked)
                assert answer.status_code not in range(300, 400) or not path.startswith("/api/")
    assert {200, 308, 404} <= seen


@pytest.mark.parametrize("path", ["/api//prompts", "/api/prompts/", "/api/public//v2/prompts"])
def test_a_slash_too_many_is_told_as_every_error_is(client: FlaskClient, path: str) -> None:
    answer = client.get("/", environ_overrides={"PATH_INFO": path})
    assert (answer.status_code, "json" in (answer.mimetype or "")) == (404, True)


def test_docs_with_a_slash_leads_to_docs(client: FlaskClient) -> None:
    answer = client.get("/docs/")
    assert (answer.status_code, answer.headers["Location"]) == (308, "/docs")
    assert client.get("/docs/", base_url="http://localhost/p").headers["Location"] == "/p/docs"
    with client.get("/docs/", follow_redirects=True) as page:
        assert page.status_code == 200


@pytest.mark.parametrize("number", ODD_NUMBERS)
def test_a_number_is_written_in_one_way(client: FlaskClient, prompt: str, number: str) -> None:
    """In ASCII digits, without a plus sign, underscores, or leading zeros."""
    for query in ("limit", "limit=9&before", "limit=9&after"):
        assert client.get(f"{prompt}/versions?{query}={number}").status_code == 422
    for path in ("prompts?limit", "changes?limit", "changes?wait"):
        assert client.get(f"/api/{path}={number}").status_code == 422
    for query in (f"from={number}&to=1", f"from=1&to={number}"):
        assert client.get(f"{prompt}/diff?{query}").status_code == 422
    for path in (f"versions/{number}", f"versions/{number}/content"):
        assert client.get(f"{prompt}/{path}").status_code == 404
    assert client.post(f"{prompt}/versions/{number}/revert").status_code == 404
    langfuse = "/api/public/v2/prompts"
    for path in (f"/a?version={number}", f"?page={number}", f"?limit={number}"):
        assert client.get(langfuse + path).status_code == 400
    assert client.patch(f"{langfuse}/a/versions/{number}", json={"newLabels": []}).status_code == 404
    page = prompt.removeprefix("/api")
    assert client.get(f"{page}/versions/{number}").status_code == 404
    assert client.get(f"{page}/compare?from={number}").data == client.get(f"{page}/compare").data


MAKE = """
import sys
from pathlib import Path
from promptgit import app, settings
client = app.create_app(settings.Settings(data=Path(sys.argv[1]))).test_client()
sys.stdout.buffer.write(client.get("/openapi.json", headers={"X-Request-ID": sys.argv[2]}).data)
"""


def test_every_process_gives_the_same_openapi_document(tmp_path: Path) -> None:
    """Whoever asked first, and however Python orders its sets."""
    texts = set()
    for seed in ("1", "2"):
        command = [sys.executable, "-c", MAKE, str(tmp_path / "data"), f"asked-{seed}"]
        settings = environment(PYTHONHASHSEED=seed) | {"PYTHONPATH": os.pathsep.join(sys.path)}
        texts.add(subprocess.run(command, capture_output=True, check=True, env=settings).stdout)
    (text,) = texts
    assert b"asked-" not in text and b'"request_id":"' in text


# Names in the place of ids


@pytest.mark.parametrize("below", ["", "/versions", "/versions/1/content", "/labels/production"])
@pytest.mark.parametrize("name", ["support/greeting", "a", "x y/ä&b", "a/b/c"])
def test_a_name_in_the_place_of_an_id_is_told_how_to_find_the_id(client: FlaskClient, name: str, below: str) -> None:
    """And what it says works as it stands."""
    made = client.post("/api/prompts", json={"name": name, "content": "x"}).json["id"]
    answer = client.get("/api/prompts/" + quote(name, safe="/") + below)
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    found = re.search(r"'GET (/api/prompts\?name=[^ ']+)'", answer.json["detail"])
    assert found
    assert [one["id"] for one in client.get(found[1]).json] == [made]


def test_an_id_of_no_prompt_is_not_called_a_name(client: FlaskClient) -> None:
    missing = "0190a6b2-3c4d-7e8f-9a0b-1c2d3e4f5a6b"
    assert client.get(f"/api/prompts/{missing}").json["detail"].startswith(f"No prompt has the id '{missing}'. ")
    assert client.get(f"/api/prompts/{missing}/nothing").json["code"] == "http_not_found"


def test_the_id_of_a_name_is_made_as_it_is_documented(client: FlaskClient, repository: Path) -> None:
    """In docs/api.md, and in the README of every clone."""
    made = client.post("/api/prompts", json={"name": "support/greeting", "content": "x"}).json["id"]
    for text in ((ROOT / "docs" / "api.md").read_text(), git_text(repository, "show", "main:README.md")):
        command = re.search(r"python3 -c 'import uuid; .*'", text)
        assert command and str(NAMESPACE) in command[0]
        line = command[0].replace("python3", sys.executable)
        assert subprocess.run(line, shell=True, capture_output=True, check=True, text=True).stdout.strip() == made
