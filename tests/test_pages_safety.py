"""The pages' errors, their policy, and what texts that mean harm do to them: nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from promptgit.store.git.repository import Repository
from tests.pages import BROWSER, page_of, save, words
from tests.support import foreign_commit
from tests.test_api_prompts import create


@pytest.fixture
def prompts(client: FlaskClient) -> FlaskClient:
    create(client, "zebra", "Text of zebra")
    return client


def test_errors_are_pages_for_people_and_problems_for_programs(prompts: FlaskClient) -> None:
    for address, headers, mimetype in (
        ("/nowhere", BROWSER, "text/html"),
        ("/nowhere", {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}, "text/html"),
        ("/nowhere", {}, "application/problem+json"),
        ("/nowhere", {"Accept": "*/*"}, "application/problem+json"),
        ("/nowhere", {"Accept": "application/json, text/plain, */*"}, "application/problem+json"),
        ("/api/nowhere", BROWSER, "application/problem+json"),
        (f"/api{page_of('nobody')}", BROWSER, "application/problem+json"),
        (page_of("nobody"), {}, "text/html"),
    ):
        answer = prompts.get(address, headers=headers)
        assert (answer.status_code, answer.mimetype) == (404, mimetype), address
    assert prompts.delete("/new", headers=BROWSER).status_code == 405


def test_a_fault_is_a_page_without_a_traceback(prompts: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Repository, "content")
    answer = prompts.get(page_of("zebra"))
    assert (answer.status_code, answer.mimetype) == (500, "text/html")
    assert "Something went wrong" in words(answer)
    assert "Traceback" not in answer.text


class _Inline(HTMLParser):
    """Finds what the policy refuses: scripts, styles and handlers in the page, and addresses of other hosts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open = tag
        for name, value in attrs:
            if name == "style" or name.startswith("on") or re.match(r"(?i)https?:|//|javascript:", value or ""):
                self.found.append(f"{tag} {name}={value}")

    def handle_endtag(self, tag: str) -> None:
        self.open = ""

    def handle_data(self, data: str) -> None:
        if self.open in ("script", "style") and data.strip():
            self.found.append(data)


def addresses(name: str) -> list[str]:
    """All pages of a prompt of two versions, and those of all prompts."""
    page = page_of(name)
    below = ("", "/edit", "/rename", "/delete", "/versions/1", "/versions/1/revert", "/compare", "/compare?view=inline")
    return ["/", "/?q=x", "/new", "/deleted", *(page + path for path in below)]


def test_no_page_holds_what_its_policy_refuses(prompts: FlaskClient) -> None:
    save(prompts, "zebra", "<script>alert(1)</script>\u202e", '"><img src=x onerror=alert(1)>')
    for address in addresses("zebra"):
        answer = prompts.get(address)
        assert answer.status_code == 200, address
        parser = _Inline()
        parser.feed(answer.text)
        assert parser.found == [], address
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;")
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert answer.headers.getlist("Referrer-Policy") == ["same-origin"]
        assert answer.headers.getlist("X-Content-Type-Options") == ["nosniff"]


def test_names_from_git_do_nothing_to_a_page(client: FlaskClient, repository: Path) -> None:
    """Git allows what the rules for names refuse."""
    name = "a<b>&\u202e/\x7f[31m"
    foreign_commit(repository, {f"prompts/{name}.md": b"one"}, "Descr\u202eiption <i>")
    foreign_commit(repository, {f"prompts/{name}.md": b"two"}, "Again")
    for address in addresses(name):
        answer = client.get(address)
        assert answer.status_code == 200
        assert "<b>" not in answer.text
        assert "<i>" not in answer.text
        assert "\u202e" not in re.findall(r"<title>.*?</title>", answer.text, re.DOTALL)[0]
    told = client.get("/").text
    assert "\x7f" not in told
    assert ">U+007F<" in told


def test_the_first_line_of_a_description_is_shown_and_the_rest_folded(client: FlaskClient) -> None:
    create(client, "a", "x", description="First line\n\n" + "More " * 1_900)
    told = client.get(page_of("a")).text
    assert re.search(r'<details class="description"><summary><bdi dir="auto">First line</bdi></summary>', told)


def test_a_large_prompt_is_shown_whole(client: FlaskClient, repository: Path) -> None:
    create(client, "a", "x")
    one_line, many = b"x" * 200_000, b"".join(b"line %d\n" % at for at in range(10_000))
    foreign_commit(repository, {"prompts/a.md": one_line})
    assert one_line.decode() in client.get(page_of("a")).text
    foreign_commit(repository, {"prompts/a.md": many})
    assert many.decode() in client.get(page_of("a")).text
    assert client.get(page_of("a") + "/compare").status_code == 200


def test_what_never_changes_is_kept_by_browsers_for_long(client: FlaskClient) -> None:
    """Styles and scripts have their fingerprint in the address."""
    for address in re.findall(r'(?:href|src)="(/static/[^"]*)"', client.get("/").text):
        answer = client.get(address, buffered=True)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]
