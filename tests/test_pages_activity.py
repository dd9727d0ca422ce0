"""What happened: the page, its filters, its Atom feed, the pages of commits and people."""

from __future__ import annotations

import html
import re
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient

from promptgit.app import create_app
from promptgit.domain.names import id_of
from promptgit.settings import Settings
from tests.pages import BROWSER, page_of, words
from tests.support import foreign_commit, git, git_text, long_history
from tests.test_api_prompts import create
from tests.test_pages_releases import Pages


@pytest.fixture
def team(tmp_path: Path) -> Pages:
    return Pages(tmp_path / "data")


ATOM = "{http://www.w3.org/2005/Atom}"


def happened(client: FlaskClient, address: str = "/activity") -> list[str]:
    """The commits on a page, each in words."""
    answer = client.get(address)
    assert answer.status_code == 200, address
    listed = re.findall(r'<div class="done">(.*?)</div>\s*<p class="by">(?!<a href)', answer.text, re.S)
    return [html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", one))).strip() for one in listed]


def following(client: FlaskClient, address: str) -> str:
    found = re.search(r'rel="next" href="([^"]*)"', client.get(address).text)
    assert found, address
    return html.unescape(found[1])


def entries(client: FlaskClient, address: str = "/activity.atom") -> list[ElementTree.Element]:
    return ElementTree.fromstring(client.get(address).data).findall(f"{ATOM}entry")


def test_everything_that_happens_is_told_newest_first(team: Pages) -> None:
    """Each kind in a sentence; a commit that did many things is one entry; who did it leads to their page."""
    team.released(1)
    bob, prompt = team.at("bob"), team.prompt
    team.ok("patch", f"/api/prompts/{team.create('old/name', 'ada')}", "ada", name="old/new", description="Better")
    gone = team.create("gone", "ada")
    team.ok("delete", f"/api/prompts/{gone}", "ada")
    team.ok("post", f"/api/prompts/{gone}/versions/1/revert", "bob")
    for number in (1, 2):
        team.ok("put", f"/api/prompts/{prompt}/labels/staging", "admin", version_number=number)
    team.ok("delete", f"/api/prompts/{prompt}/labels/staging", "admin")
    many = [{"name": f"bulk/{at:02}", "content": "x"} for at in range(25)]
    team.ok("post", "/api/commits", "ada", changes=many, description="Many\n\nat once")
    found = happened(bob)
    assert found[0].startswith("25 versions Created bulk/00 v1") and "All 25 Many" in found[0]
    assert found[1:7] == [
        "Removed staging from support/greeting v2 Remove the label staging of support/greeting",
        "Moved staging of support/greeting from v1 to v2 Point staging at version 2 of support/greeting",
        "Set staging of support/greeting to v1 Point staging at version 1 of support/greeting",
        "Restored gone as v2 Revert to version 1",
        "Deleted gone Delete gone",
        "Created gone v1 Initial version",
    ]
    assert found[7] == "Renamed old/name to old/new Better"
    text = " ".join(found)
    for told in ("Approved release 1 of production", "Released release 1 of production", "Changed the rules"):
        assert told in text
    assert "Check eval passed for support/greeting v1" in text
    page = bob.get("/activity").text
    assert page.count('class="day"') == 1 and 'href="/authors/ada@promptgit"' in page
    assert 'aria-current="page">Activity</a>' in page

    # The page of one commit has all of it.
    commit = re.search(r'href="(/activity/[0-9a-f]{40})"', page)
    assert commit
    whole = bob.get(commit[1])
    assert whole.text.count("<li>Created") == 25 and "at once" in whole.text and "git show" in whole.text
    assert bob.get("/activity/" + "0" * 40).status_code == bob.get("/activity/1").status_code == 404

    # Filters, alone and together; what is not known finds nothing, or is none.
    assert happened(bob, "/activity?folder=old") == [
        "Renamed old/name to old/new Better",
        "Created old/name v1 Initial version",
    ]
    assert happened(bob, "/activity?folder=old/name/&kind=version") == ["Created old/name v1 Initial version"]
    assert happened(bob, "/activity?kind=delete") == ["Deleted gone Delete gone"]
    assert happened(bob, "/activity?folder=bulk/07")[0] == "Created bulk/07 v1 Manyat once This commit did 25 things"
    assert happened(bob, "/activity?person=BOB@promptgit&kind=restore") == ["Restored gone as v2 Revert to version 1"]
    assert [one[:8] for one in happened(bob, "/activity?folder=support&kind=release")] == [
        "Released",
        "Approved",
        "Opened r",
    ]
    assert happened(bob, "/activity?person=nobody") == happened(bob, "/activity?folder=sup") == []
    assert happened(bob, "/activity?kind=nothing&before=-1&folder=/") == found
    shown = bob.get("/activity?person=bob&folder=support&kind=label").text
    assert 'value="bob"' in shown and 'value="support"' in shown and '<option value="label" selected>' in shown

    # A person's page: what they wrote, approved and released.
    page = words(bob.get("/authors/bob@promptgit"))
    assert "Wrote 1 version" in page and "Approved Release 1" in page and "Released Release 1" in page
    assert "gone v2" in page
    assert happened(bob, "/authors/bob@promptgit") == happened(bob, "/activity?person=bob@promptgit")


def test_long_histories_are_looked_through_in_steps(client: FlaskClient, repository: Path) -> None:
    """What the index answers at once is found however old; else a page says how far it has looked, and goes on."""
    create(client, "quiet/a", "x")
    client.delete(f"/api{page_of('quiet/a')}")
    long_history(repository, "prompts/busy/a.md", map(str, range(5_100)))
    assert happened(client, "/activity?folder=quiet") == [
        "Deleted quiet/a Delete quiet/a",
        "Created quiet/a v1 Initial version",
    ]
    assert len(happened(client, "/activity?kind=delete")) == 1
    sought = "/activity?person=a@example.org&folder=quiet"
    assert happened(client, sought) == [] and "Nothing like that was found back to 1970" in words(client.get(sought))
    assert "Look further back" in client.get(sought).text
    assert "Nothing like that has happened." in words(client.get(following(client, sought)))
    seen: list[str] = []
    address = "/activity?before=95"
    while True:
        seen += happened(client, address)
        if 'rel="next"' not in client.get(address).text:
            break
        address = following(client, address)
    assert len(seen) == 93 and seen[-1] == "Created quiet/a v1 Initial version"  # the first commit makes no prompt
    person = words(client.get("/authors/a@example.org"))
    assert "Wrote 5,100 versions" in person and "stored" not in person


def test_authors_of_any_name_have_a_page(client: FlaskClient, repository: Path) -> None:
    """No address, dots and slashes, invisible characters, letters of all kinds; nobody at all has none."""
    create(client, "seen", "x")
    commit = foreign_commit(repository, {"prompts/a.md": b"x"})
    names = ["../..", ".", "a//b", "\u202eevil", "x & y", "名前/ü", "no address", "?#%2e", "&lt;b&gt;"]
    for at, name in enumerate([*names, ""]):
        other = foreign_commit(repository, {f"prompts/p{at}.md": b"x"}, "By hand")
        tree = git_text(repository, "rev-parse", f"{other}^{{tree}}")
        email = "not an address" if name == "no address" else ""
        who = f"{name} <{email}> {at} +0000"
        body = f"tree {tree}\nparent {commit}\nauthor {who}\ncommitter {who}\n\nx"
        made = git(repository, "hash-object", "-t", "commit", "-w", "--literally", "--stdin", data=body.encode())
        commit = made.decode().strip()
        git(repository, "update-ref", "refs/heads/main", commit)
    page = client.get("/activity").text
    links = [html.unescape(one) for one in re.findall(r'<a class="who" href="([^"]*)"', page)]
    found = {link for link in links if not link.endswith(("example.org", "promptgit@localhost"))}
    assert len(found) == len(names) and "unknown" in page and "\u202e" not in page
    for link in found:
        assert not re.search(r"/\.{1,2}(/|$)|//", link.partition("?")[0]), link
        answer = client.get(link)
        assert answer.status_code == 200 and "Wrote 1 version" in words(answer), link
    assert client.get("/authors/not%20an%20address").status_code == 200
    assert (
        client.get("/authors/nobody").status_code
        == client.get(f"/authors?person={quote('a' * 5000)}").status_code
        == 404
    )
    assert client.get("/authors").headers["Location"] == "/activity"


def test_the_feed_is_atom_that_readers_can_rely_on(client: FlaskClient, repository: Path, tmp_path: Path) -> None:
    """Stable ids, who and when, the page's filters; 304 where nothing is new; links only to the address that is set."""
    create(client, "support/a", "x")
    client.put("/api/names/other/b", json={"content": "y", "description": "Why <not>\n\nBecause"})
    foreign_commit(repository, {"prompts/c.md": b"x", "prompts/d.md": b"y"}, "Bell \x07 and \u202e")
    answer = client.get("/activity.atom", headers={"Host": "127.0.0.1:1234"})
    assert answer.content_type == "application/atom+xml; charset=utf-8"
    assert b"127.0.0.1" not in answer.data and b"link" not in answer.data
    two, b, a = entries(client)
    assert [one.findtext(f"{ATOM}title") for one in (two, b, a)] == [
        "2 versions",
        "Created other/b v1",
        "Created support/a v1",
    ]
    assert b.findtext(f"{ATOM}content") == "Why <not>\n\nBecause"
    assert "Created c v1" in (two.findtext(f"{ATOM}content") or "") and "\ufffd" in (
        two.findtext(f"{ATOM}content") or ""
    )
    assert (two.findtext(f"{ATOM}author/{ATOM}name"), two.findtext(f"{ATOM}author/{ATOM}email")) == (
        "admin",
        "admin@example.org",
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", a.findtext(f"{ATOM}updated") or "")
    assert len({one.findtext(f"{ATOM}id") for one in (two, b, a)}) == 3
    (only,) = entries(client, "/activity.atom?folder=support")
    assert only.findtext(f"{ATOM}id") == a.findtext(f"{ATOM}id")
    assert client.get("/activity.atom", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    # No time tells that it has not changed: all commits may be of one second, as where the clock was set back.
    assert "Last-Modified" not in answer.headers
    later = {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}
    assert client.get("/activity.atom", headers=later).status_code == 200
    assert entries(client, "/activity.atom?person=nobody") == []

    public = create_app(Settings(data=tmp_path / "data", public_url="https://prompts.example.org/p")).test_client()
    linked = ElementTree.fromstring(public.get("/activity.atom?folder=support").data)
    assert [link.attrib["href"] for link in linked.findall(f"{ATOM}link")] == [
        "https://prompts.example.org/p/activity.atom?folder=support",
        "https://prompts.example.org/p/activity?folder=support",
    ]
    version = f"https://prompts.example.org/p/prompts/{id_of('support/a')}/versions/1"
    assert [link.attrib["href"] for link in linked.findall(f"{ATOM}entry/{ATOM}link")] == [version]
    assert linked.findtext(f"{ATOM}entry/{ATOM}id") == a.findtext(f"{ATOM}id")
    (link,) = entries(public)[0].findall(f"{ATOM}link")
    assert public.get(link.attrib["href"].removeprefix("https://prompts.example.org/p")).status_code == 200


def test_feed_readers_send_their_token_as_a_password(team: Pages) -> None:
    """They are asked for it, where a page leads to the form; a person who is signed in reads the feed, too."""
    client = team.client.application.test_client()
    refused = client.get("/activity.atom", headers=BROWSER)
    assert refused.status_code == 401 and "Basic" in refused.headers["WWW-Authenticate"]
    assert client.get("/activity", headers=BROWSER).status_code == 303
    secret = team.headers["ada"]["Authorization"].removeprefix("Bearer ")
    assert client.get("/activity.atom", auth=("anything", secret)).status_code == 200
    assert team.at("ada").get("/activity.atom").status_code == 200
