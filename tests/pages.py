"""Pages and forms without a browser: opened, read and sent as one does it."""

from __future__ import annotations

import html
import re
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from promptgit.domain.names import id_of

_CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"
BROWSER = {"Accept": f"{_CHROMIUM},application/signed-exchange;v=b3;q=0.7"}


def page_of(name: str) -> str:
    """The address of a prompt's page."""
    return f"/prompts/{id_of(name)}"


def words(answer: TestResponse) -> str:
    """What a page says, without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", answer.text))


def save(client: FlaskClient, name: str, content: str, description: str = "") -> None:
    answer = client.put(f"/api/prompts/{id_of(name)}", json={"content": content, "description": description})
    assert answer.status_code == 200


def listed(answer: TestResponse) -> list[str]:
    """The names in a list of prompts."""
    return [re.sub(r"<[^>]*>", "", name) for name in re.findall(r'<a class="name"[^>]*>(.*?)</a>', answer.text)]


def fields(page: str) -> dict[str, str]:
    """The fields of a page's form, as a browser fills them from the HTML."""
    form = page[page.index('<form method="post"') :]
    found: dict[str, str] = {}
    for tag in re.findall(r"<input [^>]*>", form):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        assert name
        if 'type="checkbox"' in tag and " checked" not in tag:
            continue
        found[name[1]] = html.unescape(value[1]) if value else ""
    for name_, value_ in re.findall(r'<textarea [^>]*name="([^"]*)"[^>]*>(.*?)</textarea>', form, re.S):
        # HTML: line ends are LF to the parser, and the first one after the tag is dropped.
        found[name_] = re.sub(r"\r\n|\r", "\n", html.unescape(value_)).removeprefix("\n")
    return found


def send(client: FlaskClient, address: str, **changed: str) -> TestResponse:
    """Open a form, change some fields, and send it."""
    return submit(client, address, fields(client.get(address).text) | changed)


def submit(client: FlaskClient, address: str, form: dict[str, str]) -> TestResponse:
    """Send a form as a browser does: every line end as CR LF."""
    return client.post(address, data={name: re.sub(r"\r\n|\r|\n", "\r\n", value) for name, value in form.items()})


def told(client: FlaskClient, answer: TestResponse) -> str:
    """The message on the page that follows a form."""
    assert answer.status_code == 303, words(answer)
    page = client.get(answer.headers["Location"]).text
    found = re.search(r'<p class="message" role="status">(.*?)</p>', page)
    assert found
    return re.sub(r"<[^>]*>", "", found[1])


def content(client: FlaskClient, name: str) -> str:
    """The newest text of the prompt of a name."""
    number = client.get(f"/api/prompts/{id_of(name)}").json["version_number"]
    return client.get(f"/api/prompts/{id_of(name)}/versions/{number}/content").data.decode()


def newest(client: FlaskClient, name: str) -> Any:
    """The prompt of a name, as the API has it."""
    return client.get(f"/api/prompts/{id_of(name)}").json
