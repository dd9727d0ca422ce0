"""Pages by names: permalinks to versions and labels, old names, and names that no prompt has."""

from __future__ import annotations

import re
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from promptgit.auth.tokens import Scope, Tokens
from tests.pages import page_of, save, words
from tests.test_api_prompts import create


def leads(client: FlaskClient, name: str) -> str:
    answer = client.get(f"/names/{name}")
    assert answer.status_code == 302, words(answer)
    return answer.headers["Location"]


def test_a_version_is_reached_by_name_and_number_or_label(client: FlaskClient) -> None:
    """A number wins over a label that looks like one; a prompt that is called so as a whole wins over both."""
    page = page_of("support/greeting")
    create(client, "support/greeting", "1")
    for content in "23":
        save(client, "support/greeting", content)
    for label, number in (("production", 2), ("1", 3)):
        client.put(f"/api{page}/labels/{label}", json={"version_number": number})
    assert leads(client, "support/greeting@3") == f"{page}/versions/3"
    assert leads(client, "support/greeting@production") == f"{page}/versions/2"
    assert leads(client, "support/greeting@1") == f"{page}/versions/1"
    assert leads(client, "support/greeting@latest") == leads(client, "support/greeting@") == page
    missing = client.get("/names/support/greeting@9", follow_redirects=True)
    assert (missing.status_code, "has no version 9" in words(missing)) == (404, True)
    missing = client.get("/names/support/greeting@staging")
    assert (missing.status_code, "has no label" in words(missing)) == (404, True)
    create(client, "support/greeting@3", "x")
    assert leads(client, "support/greeting@3") == page_of("support/greeting@3")
    assert leads(client, "support/greeting@3@1") == f"{page_of('support/greeting@3')}/versions/1"


def test_an_old_name_leads_to_what_it_was_the_name_of(client: FlaskClient) -> None:
    """Until another prompt has it; to a deleted prompt as well."""
    first = page_of("old")
    create(client, "old", "1")
    for name in ("older", "new"):
        client.patch(f"/api{first}", json={"name": name})
    for name in ("old", "older"):
        assert leads(client, name) == first
        assert "What you asked for is called “new” now." in words(client.get(first))
    assert leads(client, "old@1") == f"{first}/versions/1"
    assert leads(client, "new") == first
    second = f"/prompts/{create(client, 'old', '2').json['id']}"
    assert second != first
    assert leads(client, "old") == second
    client.delete(f"/api{second}")
    assert leads(client, "old") == second
    assert client.get(second).status_code == 410
    assert "is called" not in words(client.get(second))
    client.patch(f"/api{first}", json={"name": "old"})
    client.patch(f"/api{first}", json={"name": "new"})
    assert leads(client, "old") == first


def test_an_unknown_name_can_be_created(client: FlaskClient, app: Flask, tmp_path: Path) -> None:
    """By those who may, where a prompt may be called so; the form has the name."""
    unknown = client.get("/names/support/a%20b@3")
    assert unknown.status_code == 404
    assert "No prompt is named “support/a b”" in words(unknown)
    create_it = re.search(r'href="(/new\?[^"]*)">Create it', unknown.text)
    assert create_it
    assert 'value="support/a b"' in client.get(create_it[1]).text
    for name in ("a:b", "con", "-x", "%00", "a/", "%E2%80%AEx"):
        refused = client.get(f"/names/{name}")
        assert (refused.status_code, "Create it" in refused.text) == (404, False)
    assert ">U+202E</span>" in client.get("/names/%E2%80%AEx").text
    secrets = Tokens(tmp_path / "data")
    _, reader = secrets.create("reader", Scope.READ)
    _, seller = secrets.create("seller", Scope.WRITE, write_prefix=("sales/",))
    for token, name, may in ((reader, "x/y", False), (seller, "x/y", False), (seller, "sales/y", True)):
        answer = client.get(f"/names/{name}", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, "Create it" in answer.text) == (404, may)
