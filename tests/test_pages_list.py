"""The list of prompts: sorted, filtered, searched, as a browser without scripts sees it."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from promptgit.domain.names import id_of
from tests.pages import listed, save, words
from tests.support import git
from tests.test_api_prompts import ADA, create

BEN = {"name": "Ben & Co", "email": "ben@example.org"}


def point(client: FlaskClient, name: str, label: str, number: int) -> None:
    assert client.put(f"/api/prompts/{id_of(name)}/labels/{label}", json={"version_number": number}).status_code == 200


def links(answer: TestResponse, said: str) -> list[str]:
    """Where the links lead that say this, without what is told to screen readers alone."""
    found = re.findall(
        r'<a [^>]*?href="([^"]*)"[^>]*>(.*?)</a>', re.sub(r'<span class="unseen">.*?</span>', "", answer.text)
    )
    return [html.unescape(to) for to, text in found if re.sub(r"<[^>]*>", "", text).strip() == said]


def chips(answer: TestResponse) -> dict[str, str]:
    """What narrows the list, each with the address of the list without it."""
    found = re.findall(r'<span class="chip">(.*?) <a href="([^"]*)"', answer.text)
    return {html.unescape(re.sub(r"<[^>]*>", "", said)): html.unescape(to) for said, to in found}


def all_pages(client: FlaskClient, where: str) -> list[str]:
    found: list[str] = []
    while where:
        answer = client.get(where)
        found += listed(answer)
        following = re.search(r'rel="next" href="([^"]*)"', answer.text)
        where = html.unescape(following[1]) if following else ""
    return found


@pytest.fixture
def prompts(client: FlaskClient) -> FlaskClient:
    create(client, "support/greeting", "Hello {{name}}!\nA Question,\nand another QUESTION", author=ADA)
    create(client, "support/mail/long", "---\ntags: [mail, häufig]\n---\nNothing to ask", author=BEN)
    create(client, "billing/question", "---\ntags: [mail]\n---\nPay", author=ADA)
    create(client, "zebra", "Stripes", author=BEN)
    point(client, "support/greeting", "production", 1)
    point(client, "zebra", "production", 1)
    return client


def test_what_changed_last_comes_first_page_by_page(client: FlaskClient, repository: Path) -> None:
    """Of one second by name; a prompt that changes meanwhile moves no page."""
    old = "".join(
        f"commit refs/heads/main\ncommitter a <a@b> {1_000 - at // 40} +0000\ndata 1\nx\n"
        f"{'from refs/heads/main^0' + chr(10) if at == 0 else ''}M 100644 inline prompts/p{at:03}.md\ndata 1\nx\n"
        for at in range(120)
    )
    git(repository, "fast-import", "--quiet", "--force", data=old.encode())
    expected = [f"p{at:03}" for at in range(120)]
    assert all_pages(client, "/?sort=change") == expected
    first = client.get("/?sort=change")
    following = re.search(r'rel="next" href="([^"]*)"', first.text)
    assert following
    assert re.search(r'<th scope="col" aria-sort="descending"><a [^>]*>Changed', first.text)
    assert links(first, "Name") == ["/"]
    save(client, "p049", "changed", "Anew")
    assert listed(client.get("/?sort=change"))[:3] == ["p049", "p000", "p001"]
    assert listed(client.get(html.unescape(following[1])))[:2] == ["p050", "p051"]
    assert all_pages(client, "/?sort=change&author=a") == [name for name in expected if name != "p049"]
    for nonsense in ("x", "99999999999999999999 p", "-", "-5 a"):
        assert client.get("/", query_string={"sort": "change", "after": nonsense}).status_code == 200


def test_labels_have_columns_and_the_rest_stand_below_the_name(prompts: FlaskClient) -> None:
    for label in ("a", "b", "staging"):
        point(prompts, "zebra", label, 1)
    point(prompts, "support/greeting", "staging", 1)
    save(prompts, "zebra", "More stripes")
    answer = prompts.get("/")
    heads = [re.sub(r"<[^>]*>", "", head).strip() for head in re.findall(r"<th .*?</th>", answer.text)]
    assert heads == ["Name ↑", "Last change", "Changed", "latest", "production", "staging", "a"]
    row = answer.text[answer.text.index(">zebra<") :]
    cells = [" ".join(re.sub(r"<[^>]*>", "", cell).split()) for cell in re.findall(r"<td.*?</td>", row, re.S)]
    assert cells == ["Update zebra", "promptgit just now", "latest v2", "production v1", "staging v1", "a v1"]
    assert re.findall(r'class="label" href="[^"]*/labels/(\w)"', row) == ["b"]
    assert f'href="/prompts/{id_of("zebra")}/labels/production"' in row


def test_filters_go_together_with_search_and_folder_and_each_can_be_removed(prompts: FlaskClient) -> None:
    assert listed(prompts.get("/?label=production")) == ["support/greeting", "zebra"]
    assert sorted(listed(prompts.get("/?label=production&sort=change"))) == ["support/greeting", "zebra"]
    assert listed(prompts.get("/?author=Ada L.")) == ["billing/question", "support/greeting"]
    assert listed(prompts.get("/?author=ben@example.org")) == ["support/mail/long", "zebra"]
    assert listed(prompts.get("/?tag=mail")) == ["billing/question", "support/mail/long"]
    assert listed(prompts.get("/?tag=häufig&sort=change")) == ["support/mail/long"]
    answer = prompts.get("/?folder=support&q=question&label=production&author=Ada L.&sort=change")
    assert listed(answer) == ["support/greeting"]
    assert "1 found" in words(answer)
    assert chips(answer) == {
        "Search question": "/?folder=support&label=production&author=Ada+L.&sort=change",
        "Label production": "/?folder=support&q=question&author=Ada+L.&sort=change",
        "Changed by Ada L.": "/?folder=support&q=question&label=production&sort=change",
    }
    nothing = prompts.get("/?folder=support&tag=mail&label=production")
    assert "No prompt here fits the filter." in words(nothing)
    assert links(nothing, "Look in all folders") == ["/?label=production&tag=mail"]
    for name in ("q", "label", "author", "tag"):
        assert "0 found" in words(prompts.get("/", query_string={name: "no'such%"}))
    form = answer.text[answer.text.index('<details class="filter">') :]
    assert re.findall(r"<option selected>(.*?)</option>", form) == ["production"]
    assert re.findall(r'<input type="hidden" name="(\w+)"', form)[:3] == ["folder", "q", "sort"]
    assert re.findall(r'<option value="([^"]+)">', form) == ["Ada L.", "Ben &amp; Co", "häufig", "mail"]
    search = answer.text[answer.text.index('<form class="search"') :].partition("</form>")[0]
    assert re.findall(r'<input type="hidden" name="(\w+)"', search) == ["folder", "label", "author", "sort"]


def test_a_search_tells_the_line_of_each_hit_and_marks_the_word(prompts: FlaskClient) -> None:
    create(prompts, "odd", "x" * 500 + "İ<QUESTION>\u202e{{question}}" + "y" * 500 + "\r\nquestion\r\n")
    answer = prompts.get("/?q=question")
    assert listed(answer) == ["billing/question", "odd", "support/greeting"]
    assert "3 found" in words(answer)
    assert "line 2 A Question, and 1 more line" in words(answer)
    assert "<mark>Question</mark>" in answer.text
    assert "billing/<wbr>" in re.sub(r"</?(span|bdi)[^>]*>", "", answer.text)
    assert re.search(r'<a class="name"[^>]*>.*?<mark>question</mark>.*?</a>', answer.text)
    assert "&lt;<mark>QUESTION</mark>&gt;" in answer.text
    assert "U+202E" in words(answer)
    assert "x" * 51 not in answer.text
    assert "its name" in words(answer)
    short = prompts.get("/?q=!")
    assert (listed(short), "<mark>!</mark>" in short.text) == (["support/greeting"], True)


def test_folders_have_counts_and_a_new_prompt_begins_in_its_folder(prompts: FlaskClient) -> None:
    answer = prompts.get("/?folder=support")
    tree = words(answer).partition("All prompts")[2].partition("Deleted")[0]
    assert tree.split() == ["billing", "1", "prompt", "support", "2", "prompts", "mail", "1", "prompt"]
    assert "2 prompts" in words(answer)
    (address,) = links(answer, "New prompt")
    assert address == "/new?name=support/"
    assert 'name="name" required value="support/"' in prompts.get(address).text
    assert links(prompts.get("/"), "New prompt") == ["/new"]
