"""The pages as of a day, a commit or a time, as a browser without scripts sees them."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.pages import BROWSER, listed, page_of, save, words
from tests.support import git_text
from tests.test_api_prompts import create


@pytest.fixture
def before(client: FlaskClient, repository: Path) -> str:
    """A commit before a rename, a save and a move of a label."""
    create(client, "folder/a", "Old text")
    client.put(f"/api{page_of('folder/a')}/labels/production", json={"version_number": 1})
    create(client, "gone", "x")
    commit = git_text(repository, "rev-parse", "main")
    save(client, "folder/a", "New text")
    client.put(f"/api{page_of('folder/a')}/labels/production", json={"version_number": 2})
    client.patch(f"/api{page_of('folder/a')}", json={"name": "b"})
    client.delete(f"/api{page_of('gone')}")
    return commit


def test_the_list_is_that_of_then_with_a_way_back(client: FlaskClient, before: str) -> None:
    answer = client.get(f"/?at={before}")
    assert listed(answer) == ["folder/a", "gone"]
    assert f"As of the commit {before[:12]}" in words(answer)
    assert re.search(r'<a href="/">Back to now</a>', answer.text)
    assert "New prompt" not in words(answer) and "Promote a label" not in words(answer)
    assert listed(client.get(f"/?folder=folder&at={before}")) == ["folder/a"]
    assert listed(client.get("/")) == ["b"]


def test_a_prompts_page_is_that_of_then_and_writes_nothing(client: FlaskClient, before: str) -> None:
    """Its name, text, labels and history; no button that writes."""
    (address,) = re.findall(r'<a class="name" href="([^"]*)"', client.get(f"/?folder=folder&at={before}").text)
    answer = client.get(html.unescape(address))
    told = words(answer)
    for shown in ("Old text", "folder/ a", "1 version ", "production → version 1", f"As of the commit {before[:12]}"):
        assert shown.replace(" ", "") in told.replace(" ", ""), shown
    assert "New text" not in told
    for button in ("Edit", "Rename", "Delete", "Set a label", ">Move<"):
        assert button not in answer.text, button
    assert f'<a href="{page_of("folder/a")}">Back to now</a>' in answer.text


def test_the_date_field_leads_to_the_end_of_that_day(client: FlaskClient, before: str) -> None:
    """It is a form of the page's own address: no script is needed."""
    for address in ("/", page_of("folder/a")):
        page = client.get(address).text
        form = re.search(r'<form class="moment" action="([^"]*)">.*?</form>', page, re.S)
        assert form
        assert form[1] == address
        assert 'type="date" name="at"' in form[0]
        later = client.get(address, query_string={"at": "2099-12-31"})
        assert "As of 2099-12-31 23:59:59 UTC, when main was at" in words(later)
        assert 'value="2099-12-31"' in later.text


def test_what_was_not_there_is_an_error_page(client: FlaskClient, before: str) -> None:
    create(client, "later", "x")
    for address, status in (
        ("/?at=1999-12-31", 404),
        ("/?at=yesterday", 422),
        (f"/?at={'0' * 40}", 404),
        (f"{page_of('later')}?at={before}", 404),
        (f"{page_of('gone')}?at={before}", 200),
        (f"{page_of('gone')}?at=2099-01-01", 410),
    ):
        answer = client.get(address, headers=BROWSER)
        assert (answer.status_code, answer.mimetype) == (status, "text/html"), address


def test_a_long_list_of_then_goes_on_over_pages(client: FlaskClient, repository: Path) -> None:
    for at in range(60):
        create(client, f"p{at:02}", "x")
    commit = git_text(repository, "rev-parse", "main")
    client.delete(f"/api{page_of('p55')}")
    following = re.search(r'rel="next" href="([^"]*)"', client.get(f"/?at={commit}").text)
    assert following
    assert listed(client.get(html.unescape(following[1]))) == [f"p{at}" for at in range(50, 60)]
