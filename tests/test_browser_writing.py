"""What the scripts of forms and keys do, in a real browser: the service is its own process."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from promptgit.domain.names import id_of
from promptgit.domain.variables import names_in
from tests.browser import CHROMIUM, DRIVER, MISSING, Browser, browser
from tests.support import Answer, Http, Server

pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason=MISSING)

Api = Callable[..., Answer]
MESSAGE = ".message"
LINES = "".join(f"line {number}\n" for number in range(1, 60))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("site") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def chromium(site: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser"), site.url) as opened:
        yield opened


@pytest.fixture
def page(chromium: Browser) -> Iterator[Browser]:
    """The browser on a light, wide page; no page asked for what its policy forbids, or threw an error."""
    chromium.look()
    yield chromium
    refused = re.compile(" 412 ")  # what tests ask for
    severe = [one["message"] for one in chromium.log() if one["level"] == "SEVERE"]
    assert [message for message in severe if not refused.search(message)] == []


@pytest.fixture
def api(site: Server) -> Api:
    """A connection for each request: the server closes one that waits for a browser on a busy machine."""
    return lambda *request: Http(site.url)(*request)


def create(api: Api, name: str, content: str) -> str:
    assert api("POST", "/api/prompts", {"name": name, "content": content}).status == 201
    return f"/prompts/{id_of(name)}"


def content(api: Api, where: str) -> str:
    return str(api("GET", f"/api{where}").json["content"])


def value(page: Browser) -> str | None:
    return page.find("#content").get_attribute("value")


def press(page: Browser, *keys: str) -> None:
    """Press keys one after the other, wherever the focus is; those before the last are held if they are modifiers."""
    chain = ActionChains(page.driver)
    for key in keys[:-1]:
        chain.key_down(key)
    chain.send_keys(keys[-1])
    for key in keys[:-1]:
        chain.key_up(key)
    chain.perform()


def drafts(page: Browser) -> int:
    script = "return Object.keys(localStorage).filter((key) => key.startsWith('promptgit draft')).length"
    return int(page.driver.execute_script(script))


def leave_and_open(page: Browser, path: str) -> None:
    """Leave a form whose draft is kept, as a crash or a closed tab does, and open a page."""
    page.wait_for(lambda: drafts(page) > 0)
    page.open(path)


def focused(page: Browser) -> str:
    return " ".join(page.driver.switch_to.active_element.text.split())


def is_above_the_bar(page: Browser) -> bool:
    """True if Save is in the window, and the field that has the focus is not wholly behind its bar."""
    script = """
        const bar = document.querySelector(".savebar").getBoundingClientRect();
        const save = document.querySelector(".savebar .primary").getBoundingClientRect();
        const field = document.activeElement.getBoundingClientRect();
        return save.top >= 0 && save.bottom <= innerHeight && (field.top < bar.top || field.bottom <= bar.top);
    """
    return bool(page.driver.execute_script(script))


def test_save_is_in_sight_and_says_what_it_changes(page: Browser, api: Api) -> None:
    """At all sizes, also of 200 % zoom; the variables are named while somebody types, and Save does not ask again."""
    text = LINES + "{{name}} {{größe}}"
    where = create(api, "sight", text)
    page.open(f"{where}/edit")
    for width, height in ((1280, 900), (390, 844), (640, 450), (390, 422)):
        page.look(width=width, height=height)
        for field in ("#content", "#description", "#author-email"):
            page.find(field).send_keys(Keys.END)
            assert is_above_the_bar(page), (width, height, field)
        assert page.driver.execute_script("return document.documentElement.scrollWidth") <= width
    page.look()
    assert page.text("[data-shortcut]") == "Ctrl+Enter saves"
    assert page.text("[data-change]") == ""
    added = "{{ ½ }} {{٣}} {{_x}} {{#if a}} {{a.b}} {{ a b }} {{{y1}}} {{é}}"
    page.write("#content", f"{text.replace('{{name}}', '')} {added}")
    names = [f"{{{{{name}}}}}" for name in names_in(added)]
    assert page.text("[data-change]") == f"drops {{{{name}}}}, adds {', '.join(names)}", "the rule is Python's"
    assert " bytes · 60 lines" in page.text("[data-size]")
    before = page.find("html")
    press(page, Keys.CONTROL, Keys.ENTER)
    page.wait_for_another(before)
    assert page.text(MESSAGE) == "Saved version 2."
    assert drafts(page) == 0, "what was saved is no draft any more"


def test_a_draft_is_offered_until_it_is_saved(page: Browser, api: Api) -> None:
    where = create(api, "draft", LINES)
    page.open(f"{where}/edit")
    page.find("#content").send_keys("Mine. ")
    page.find("#description").send_keys("My reason")
    typed = value(page)
    leave_and_open(page, f"{where}/edit")
    assert value(page) == LINES
    assert "was not saved" in page.text(".draft")
    page.find(".draft .button").click()
    assert value(page) == typed
    assert page.find("#description").get_attribute("value") == "My reason"
    page.find(".draft .button").click()
    assert value(page) == LINES, "taken back"
    page.find(".draft .button").click()
    leave_and_open(page, f"{where}/edit")

    other = LINES.replace("line 1\n", "line one\n")
    api("PUT", f"/api{where}", {"content": other})
    page.open(f"{where}/edit")
    assert "begun on version 1, while the newest one is 2" in page.text(".draft")
    page.find(".draft .button").click()
    page.press("Save")
    assert "Version 2 was saved after you opened version 1" in page.text()
    assert "the text below has both changes" in page.text()
    assert value(page) == typed.replace("line 1\n", "line one\n") if typed else None
    page.press("Load theirs")
    assert value(page) == other
    page.press("My text alone")
    assert value(page) == typed
    page.press("Both changes")
    before = page.find("html")
    page.find("#author-name").send_keys("Ada", Keys.ENTER)
    page.wait_for_another(before)
    assert page.text(MESSAGE) == "Saved version 3.", "Enter in a field saves, and takes no other text"
    assert content(api, where).startswith("line one\n")
    assert content(api, where).endswith("Mine. ")
    assert drafts(page) == 0

    page.open("/new")
    page.write("#name", "a/new one")
    page.write("#content", "Begun")
    leave_and_open(page, "/new")
    page.find(".draft .button:last-child").click()
    assert page.all(".draft") == []
    assert drafts(page) == 0
    page.driver.execute_script("Storage.prototype.setItem = () => { throw new Error('full') }")
    page.write("#name", "a/new one")
    page.write("#content", "Begun")
    page.press("Create")
    assert page.text(MESSAGE) == "Created “a/new one”.", "a browser that keeps nothing"


def test_single_keys_work_outside_of_fields_until_they_are_switched_off(page: Browser, api: Api) -> None:
    where = create(api, "keys/first", "one")
    api("PUT", f"/api{where}", {"content": "two"})
    create(api, "keys/second", "one")
    page.open("/?folder=keys")
    press(page, "j")
    assert focused(page) == "keys/first"
    press(page, "j")
    press(page, "j")
    assert focused(page) == "keys/second", "the last row"
    press(page, "k")
    before = page.find("html")
    press(page, Keys.ENTER)
    page.wait_for_another(before)
    press(page, "k")
    assert focused(page) == "Version 1", "the last row of the history"
    press(page, "/")
    press(page, "e")
    press(page, "?")
    assert page.find("header [type=search]").get_attribute("value") == "e?", "in a field they are letters"
    assert not page.find("dialog.keys").is_displayed()
    page.driver.execute_script("document.activeElement.blur()")
    press(page, Keys.ALT, "j")
    assert page.driver.execute_script("return document.activeElement === document.body"), "with a modifier"
    before = page.find("html")
    press(page, "e")
    page.wait_for_another(before)
    assert page.text("h1") == "Edit"
    page.open("/")
    press(page, "?")
    for dark, width in ((False, 1280), (True, 390)):
        page.look(dark=dark, width=width)
        assert page.violations() == []
    page.look()
    page.find("dialog [data-toggle]").click()
    press(page, Keys.ESCAPE)
    press(page, "?")
    assert not page.find("dialog.keys").is_displayed()
    page.driver.refresh()
    press(page, "?")
    assert not page.find("dialog.keys").is_displayed(), "remembered"
    page.find("[data-keys]").click()
    assert page.text("dialog [data-toggle]") == "Switch them on"
    page.find("dialog [data-toggle]").click()
    press(page, Keys.ESCAPE)
    press(page, "?")
    assert page.find("dialog.keys").is_displayed()


def test_what_scripts_read_of_drafts_may_be_anything(page: Browser, api: Api) -> None:
    """Drafts of another release, or that somebody spoilt, break no form; those of 30 days ago are dropped."""
    where = create(api, "spoilt", "one")
    page.open("/")
    page.driver.execute_script("localStorage.clear()")
    spoilt = ("", "null", "3", "{", '{"time": 1}', json.dumps({"time": 1, "values": {"content": "old"}}))
    for at, text in enumerate(spoilt):
        script = "localStorage.setItem(`promptgit draft ${arguments[0]} ${arguments[1]}`, arguments[2])"
        page.driver.execute_script(script, f"{where}/edit", at, text)
    page.open(f"{where}/edit")
    assert (page.all(".draft"), drafts(page)) == ([], 0)
    assert page.text("[data-size]").startswith("3 bytes")
