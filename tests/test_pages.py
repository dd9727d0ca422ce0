"""The pages that read, over HTTP, as a browser without scripts sees them."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from promptgit.domain.names import id_of
from tests.pages import BROWSER, listed, page_of, save, words
from tests.support import foreign_commit, git, git_text, long_history
from tests.test_api_prompts import ADA, create


@pytest.fixture
def prompts(client: FlaskClient) -> FlaskClient:
    for name in ("support/greeting", "support/mail/long", "support-2", "billing/a/b", "zebra"):
        create(client, name, f"Text of {name}", author=ADA)
    return client


def test_an_empty_service_says_how_to_begin(client: FlaskClient) -> None:
    told = words(client.get("/"))
    assert "No prompts yet" in told
    assert "curl -X POST http://localhost/api/prompts" in told
    assert 'href="/new"' in client.get("/").text


def test_the_list_shows_each_prompts_newest_change(prompts: FlaskClient) -> None:
    save(prompts, "zebra", "Stripes", "More stripes\n\nBecause")
    answer = prompts.get("/")
    assert listed(answer) == ["billing/a/b", "support-2", "support/greeting", "support/mail/long", "zebra"]
    assert "More stripes" in words(answer)
    assert "Because" not in words(answer)
    assert "promptgit just now latest v2" in words(answer)


def test_folders_lead_to_what_lies_in_them(prompts: FlaskClient) -> None:
    tree = re.search(r'<nav class="folders".*?</nav>', prompts.get("/").text, re.S)
    assert tree
    assert re.findall(r'href="/\?folder=([^"]*)"', tree[0]) == ["billing", "support"]
    answer = prompts.get("/?folder=support")
    assert listed(answer) == ["support/greeting", "support/mail/long"]
    assert 'href="/?folder=support/mail"' in answer.text
    assert listed(prompts.get("/?folder=support/mail/")) == ["support/mail/long"]
    assert "No prompts here" in words(prompts.get("/?folder=nowhere"))


def test_search_finds_names_and_texts_as_the_api_does(prompts: FlaskClient) -> None:
    assert listed(prompts.get("/?q=TEXT+of+zeb")) == ["zebra"]
    assert listed(prompts.get("/?q=support&folder=support")) == ["support/greeting", "support/mail/long"]
    assert "Nothing has these characters" in words(prompts.get("/?q=%3Cnothing%3E%00"))


def test_a_long_list_goes_on_over_pages(client: FlaskClient, repository: Path) -> None:
    foreign_commit(repository, {f"prompts/p{at:03}.md": b"x" for at in range(120)})
    found: list[str] = []
    where: str | None = "/"
    while where:
        answer = client.get(where)
        found += listed(answer)
        following = re.search(r'rel="next" href="([^"]*)"', answer.text)
        where = following[1].replace("&amp;", "&") if following else None
    assert found == [f"p{at:03}" for at in range(120)]


def test_a_prompt_is_reached_by_name_too(prompts: FlaskClient) -> None:
    answer = prompts.get("/names/support/greeting")
    assert (answer.status_code, answer.headers["Location"]) == (302, page_of("support/greeting"))


def test_a_prompts_page_tells_where_it_is_kept(client: FlaskClient) -> None:
    create(client, "it's [odd]", "x")
    told = client.get(page_of("it's [odd]")).text
    assert (
        "git --literal-pathspecs log --first-parent --follow -M100% -p -- "
        "&#39;prompts/it&#39;&#34;&#39;&#34;&#39;s [odd].md&#39;" in told
    )
    create(client, "plain", "x")
    assert "git log --first-parent --follow -M100% -p -- prompts/plain.md" in client.get(page_of("plain")).text


def test_the_history_says_which_versions_are_the_same(prompts: FlaskClient) -> None:
    """However far apart they are: the other one need not be on the same page."""
    for at in range(2, 56):
        save(prompts, "zebra", f"Text {at}")
    save(prompts, "zebra", "Text of zebra", "Back to the start")
    told = words(prompts.get(page_of("zebra")))
    assert "same as version 1" in told
    assert told.count("same as version") == 1
    assert "same as version 1" in words(prompts.get(page_of("zebra") + "/versions/56"))
    assert "same as version" not in words(prompts.get(page_of("zebra") + "/versions/1"))


def numbers(answer: TestResponse) -> list[int]:
    return [int(number) for number in re.findall(r'<li id="v(\d+)">', answer.text)]


def test_a_long_history_is_read_page_by_page_in_both_directions(client: FlaskClient, repository: Path) -> None:
    create(client, "long", "0")
    long_history(repository, "prompts/long.md", map(str, range(1, 121)))
    page = page_of("long")
    assert numbers(client.get(page)) == list(range(121, 71, -1))
    assert "121 to 72 of 121 versions" in words(client.get(page))
    older = client.get(f"{page}?before=72")
    assert numbers(older) == list(range(71, 21, -1))
    assert f'rel="prev" href="{page}?before=122#history"' in older.text
    assert f'rel="next" href="{page}?before=22#history"' in older.text
    last = client.get(f"{page}?before=22")
    assert numbers(last) == list(range(21, 0, -1))
    assert 'rel="next"' not in last.text
    for beyond in ("999999", "x", "-1", "9" * 40):
        assert numbers(client.get(f"{page}?before={beyond}"))[0] == 121
    assert numbers(client.get(f"{page}?before=1")) == []


def days(repository: Path, path: str, texts: list[bytes]) -> None:
    """A version of a file on each day from 2024-01-01 on, at noon."""
    first = 1_704_110_400
    commits = b"".join(
        b"commit refs/heads/main\ncommitter a <a@b> %d +0000\ndata 1\nx\n%sM 100644 inline %s\ndata %d\n%s\n"
        % (first + at * 86_400, b"" if at else b"from refs/heads/main^0\n", path.encode(), len(text), text)
        for at, text in enumerate(texts)
    )
    git(repository, "fast-import", "--quiet", "--force", data=commits)


def test_a_history_is_entered_at_a_number_or_a_day(client: FlaskClient, repository: Path) -> None:
    """The version stands among its neighbours; a day leads to the version that was the newest one at its end."""
    client.get("/")
    days(repository, "prompts/long.md", [b"%d" % at for at in range(120)])
    page = page_of("long")

    def led(query: str) -> str:
        answer = client.get(f"{page}/history?{query}")
        assert answer.status_code == 303
        where: str = answer.headers["Location"]
        assert int(where.partition("#v")[2]) in numbers(client.get(where))
        return where

    assert led("version=120") == led("day=2030-01-01") == led("") == led("version=&day=") == f"{page}#v120"
    assert led("version=50") == led("day=2024-02-19") == f"{page}?before=71#v50"
    assert led("version=1") == led("day=2024-01-01") == led("day=0001-01-01") == f"{page}?before=21#v1"
    assert led("version=5&day=2030-01-01").endswith("#v5")
    commit = git_text(repository, "rev-parse", "main~19")
    assert led(f"day=2030-01-01&at={commit}") == f"{page}?at={commit}#v101"
    for query, status, told in (
        ("version=121", 404, "has no version"),
        ("version=x", 404, "has no version"),
        ("day=2024-02-30", 422, "no day such as"),
    ):
        answer = client.get(f"{page}/history?{query}", headers=BROWSER)
        assert answer.status_code == status
        assert told in words(answer)


def test_the_size_of_a_text_is_drawn_where_it_changes(client: FlaskClient, repository: Path) -> None:
    client.get("/")
    days(repository, "prompts/grows.md", [b"x" * size for size in (100, 50, 200, 150)])
    days(repository, "prompts/level.md", [b"x" * size for size in (100, 101, 102, 103)])
    grows = client.get(page_of("grows"))
    assert "Size of the text50 to 200 bytes" in words(grows)
    path = re.search(r'class="sizes".*?<path d="([^"]*)"', grows.text, re.S)
    assert path
    assert path[1] == "M2 44H2V22H334V32H666V2H998V12H998V44", "half the height, a quarter, all of it, three quarters"
    assert "Size of the text" not in words(client.get(page_of("level")))


def test_a_version_that_cannot_be_read_is_left_out_of_the_graph(client: FlaskClient, repository: Path) -> None:
    client.get("/")
    days(repository, "prompts/a.md", [b"x" * size for size in (100, 50, 200, 150)])
    client.get(page_of("a"))  # the index is made
    blob = git_text(repository, "rev-parse", "main~2:prompts/a.md")
    (repository / "objects" / blob[:2] / blob[2:]).unlink()  # so few objects are no pack
    answer = client.get(page_of("a"))
    assert answer.status_code == 200
    assert "Size of the text100 to 200 bytes" in words(answer)


def test_a_timeline_of_many_versions_has_few_strokes(client: FlaskClient, repository: Path) -> None:
    create(client, "long", "0")
    commits = "".join(
        f"commit refs/heads/main\ncommitter a <a@b> {at * 1000} +0000\ndata 1\nx\n"
        f"{'from refs/heads/main^0' + chr(10) if at == 1 else ''}M 100644 inline prompts/long.md\ndata 5\n{at:05}\n"
        for at in range(1, 1_000)
    )
    git(repository, "fast-import", "--quiet", "--force", data=commits.encode())
    strokes = re.search(r'class="strokes" d="([^"]*)"', client.get(page_of("long")).text)
    assert strokes
    assert 2 <= strokes[1].count("M") <= 240


def test_a_version_that_is_not_there_is_a_page_that_says_so(prompts: FlaskClient) -> None:
    for address in ("/versions/9", "/versions/0", "/versions/x", "/compare?from=1&to=7", "/compare?from=0"):
        answer = prompts.get(page_of("zebra") + address)
        assert (answer.status_code, answer.mimetype) == (404, "text/html")
        assert "has no version" in words(answer)
    assert prompts.get(page_of("nobody")).status_code == 404


def test_any_two_versions_are_compared(prompts: FlaskClient) -> None:
    save(prompts, "zebra", "Text of a zebra")
    save(prompts, "zebra", "Text of two zebras")
    for view in ("", "&view=inline"):
        answer = prompts.get(f"{page_of('zebra')}/compare?from=1&to=3{view}")
        assert "<ins>" in answer.text
        assert "<del>zebra</del>" in answer.text
    assert "Version 2 → 3" in words(prompts.get(f"{page_of('zebra')}/compare"))
    assert "The two are the same" in words(prompts.get(f"{page_of('zebra')}/compare?from=2&to=2"))
    backwards = prompts.get(f"{page_of('zebra')}/compare?from=3&to=1")
    assert "<ins>zebra</ins>" in backwards.text


def chosen(answer: TestResponse) -> list[str]:
    return re.findall(r'aria-current="true">([^<]*)<', answer.text)


def test_a_reader_chooses_how_to_compare_and_keeps_it(prompts: FlaskClient) -> None:
    """Each choice is a link that says all of them; the session keeps the last ones, and no nonsense."""
    save(prompts, "zebra", "Text of  zebra\nNew")
    page = f"{page_of('zebra')}/compare"
    by_default = ["Side by side", "By word", "All white space"]
    assert chosen(prompts.get(page)) == by_default
    assert chosen(prompts.get(f"{page}?view=x&by=&space=1")) == by_default
    link = re.search(r'href="([^"]*)">White space ignored<', prompts.get(page).text)
    assert link
    answer = prompts.get(html.unescape(link[1]))
    assert chosen(answer) == ["Side by side", "By word", "White space ignored"]
    assert "−0 +1 lines · 1 more that differs in white space alone is ignored" in words(answer)
    assert chosen(prompts.get(f"{page}?by=line&view=inline")) == ["In one column", "By line", "White space ignored"]
    assert chosen(prompts.get(f"{page}?from=1&to=1")) == ["In one column", "By line", "White space ignored"]
    save(prompts, "zebra", "Text of  zebra \nNew")
    assert "Apart from white space, the two are the same" in words(prompts.get(page))


def test_either_side_of_a_comparison_is_reverted_to(prompts: FlaskClient) -> None:
    """Not the newest version, and of a deleted prompt that one too; labels stand with their version."""
    for at in range(2, 5):
        save(prompts, "zebra", f"Text {at}")
    where = page_of("zebra")
    prompts.put(f"/api{where}/labels/production", json={"version_number": 2})

    def offered(query: str) -> list[str]:
        return re.findall(rf'href="{where}/versions/(\d+)/revert"', prompts.get(f"{where}/compare?{query}").text)

    assert offered("from=2&to=3") == ["2", "3"]
    assert offered("from=1&to=4") == ["1"]
    assert offered("from=4&to=2") == ["2"]
    assert offered("from=2&to=2") == ["2"]
    assert "production" in words(prompts.get(f"{where}/compare?from=1&to=2"))
    prompts.delete(f"/api{where}")
    assert offered("from=1&to=4") == ["1", "4"]


def test_a_deleted_prompt_has_a_page_and_is_found(prompts: FlaskClient) -> None:
    prompts.delete(f"/api/prompts/{id_of('zebra')}", json={"description": "Not needed", "author": ADA})
    answer = prompts.get(page_of("zebra"))
    assert answer.status_code == 410
    assert "Deleted just now by Ada L.: Not needed" in words(answer)
    assert "Text of zebra" in words(answer)
    assert "Restore" in words(answer)
    assert listed(prompts.get("/deleted")) == ["zebra"]
    assert "zebra" not in listed(prompts.get("/"))


def test_many_deleted_prompts_go_on_over_pages(client: FlaskClient, repository: Path) -> None:
    names = [f"prompts/p{at:03}.md" for at in range(70)]
    foreign_commit(repository, {name: name.encode() for name in names})
    foreign_commit(repository, dict.fromkeys(names))
    first = client.get("/deleted")
    following = re.search(r'rel="next" href="([^"]*)"', first.text)
    assert following
    assert listed(first) + listed(client.get(following[1])) == [f"p{at:03}" for at in range(70)]
