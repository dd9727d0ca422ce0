"""Releases in a real browser: from a proposal to production and back; every page open to everybody."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser import CHROMIUM, DRIVER, MISSING, Browser, browser
from tests.support import Server
from tests.test_pages_releases import Pages

pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason=MISSING)

LONG = "support/" + "a-folder-with-a-long-name-that-goes-on/" * 2 + "x" * 90
MANY = 25


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """A team with a release of one version, one of many prompts with a long name among them, and one that was made."""
    team = Pages(tmp_path_factory.mktemp("team") / "data")
    team.released(1)
    team.open(2, description="One " + "W" * 300 + "\n\n" + "more words " * 200)
    names = [LONG, *(f"support/many-{at}" for at in range(MANY))]
    items = [{"prompt_id": team.create(name, "ada"), "version_number": 1} for name in names]
    team.open(items=items, description="Many")
    team.check(2, "failure")
    team.ok("post", "/api/releases/2/approve", "bob", description="Good " * 50)
    return team


@pytest.fixture(scope="module")
def page(team: Pages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Server(team.folder) as server, browser(tmp_path_factory.mktemp("browser"), server.url) as opened:
        yield opened
        assert [entry for entry in opened.log() if "Content Security" in entry["message"]] == []


def become(page: Browser, team: Pages, who: str) -> None:
    """Sign in as somebody of the team."""
    page.look()
    page.driver.delete_all_cookies()
    page.open("/sign-in")
    page.write("#token", team.headers[who]["Authorization"].removeprefix("Bearer "))
    page.press("Sign in")


def test_no_page_of_releases_shuts_anybody_out(page: Browser, team: Pages) -> None:
    """axe-core finds nothing, light and dark; nothing is wider than a desk's window, a zoomed one, or a phone."""
    addresses = [
        *("/releases", "/releases/1", "/releases/2", "/releases/3", "/releases/2/reject", "/releases/1/approve"),
        *("/releases/new", "/releases/new?label=production&from=latest&prefix=support/"),
        *("/activity", "/activity?folder=support&kind=release", "/authors/ada@promptgit", "/authors/bob@promptgit"),
        *(team.page, f"{team.page}/versions/2", f"{team.page}/labels/production"),
        f"{team.page}/versions/3/propose?label=production",
    ]
    forms = [f"{team.page}{form}" for form in ("/point?label=production", "/rename", "/delete")]
    for who, opened in (("bob", addresses), ("admin", forms)):
        become(page, team, who)
        for address in opened:
            page.open(address)
            assert page.all("h1"), address
            for dark, width in ((False, 640), (False, 1280), (True, 390)):
                page.look(dark=dark, width=width)
                assert page.driver.execute_script("return document.documentElement.scrollWidth") <= width, address
                if width == 640:  # 1280 in a zoom of 200 %
                    continue
                assert page.violations() == [], f"{address}, {dark=}"


def test_from_a_proposal_to_production_and_back(page: Browser, team: Pages) -> None:
    """By pressing what the pages offer, without scripts."""
    page.scripts(on=False)
    become(page, team, "writer")
    page.open(f"{team.page}/versions/3")
    page.press("Propose for production")
    page.write("#description", "Better")
    page.press("Propose")
    assert page.text(".message") == "Opened release 4."
    assert page.text(".ship ins") == "3"
    team.check(3)
    become(page, team, "bob")
    page.open("/releases")
    page.leave(page.find("a[href='/releases/4']"))
    page.press("Approve")
    page.press("Approve")
    page.press("Release")
    page.press("Release")
    assert page.text(".message") == "production points at what release 4 ships."
    assert team.label() == 3
    page.press("Roll back")
    page.write("#description", "Worse")
    page.press("Roll back")
    assert page.text(".message") == "Rolled back, as release 5."
    assert team.label() == 1
    page.scripts(on=True)


def test_the_differences_of_many_prompts_are_folded_and_opened(page: Browser, team: Pages) -> None:
    become(page, team, "bob")
    page.open("/releases/3")
    folded = page.all(".ship")
    assert len(folded) == MANY + 1 and not any(one.get_attribute("open") for one in folded)
    page.find(".ship > summary").click()
    assert "text 1" in page.text(".ship")
