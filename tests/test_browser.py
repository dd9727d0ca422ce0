"""The pages in a real browser, end to end: the service is its own process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from selenium.webdriver.common.keys import Keys

from promptgit.auth.tokens import Scope, Tokens
from promptgit.domain.names import id_of
from promptgit.service.service import Service
from promptgit.store.store import Store
from tests import example
from tests.browser import CHROMIUM, DRIVER, MISSING, Browser, browser
from tests.support import Http, Server, command
from tests.test_tokens import make

pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason=MISSING)

ODD = "\ufeffone\r\ntwo\rthree\n\n \tfour\x0c\x1b \r\n\u2028five \U000e0041"
MESSAGE = ".message"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("site") / "data"
    store = Store(folder, lock_timeout=5)
    store.open()
    example.fill(Service(store, 1 << 20))
    store.close()
    with Server(folder) as server:
        yield server


@pytest.fixture(scope="module")
def chromium(site: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser"), site.url) as opened:
        yield opened


@pytest.fixture
def page(chromium: Browser) -> Iterator[Browser]:
    """The browser, with a light page and with scripts."""
    chromium.look()
    chromium.scripts(on=True)
    yield chromium
    assert [entry for entry in chromium.log() if "Content Security" in entry["message"]] == []


@pytest.fixture
def api(site: Server) -> Http:
    return Http(site.url)


def create(api: Http, name: str, *contents: str) -> str:
    """A prompt with these versions; its page."""
    assert api("POST", "/api/prompts", {"name": name, "content": contents[0]}).status == 201
    for content in contents[1:]:
        assert api("PUT", f"/api/prompts/{id_of(name)}", {"content": content}).status == 200
    return f"/prompts/{id_of(name)}"


def newest(api: Http, page: str) -> bytes:
    number = api("GET", f"/api{page}").json["version_number"]
    return api("GET", f"/api{page}/versions/{number}/content").body


def test_from_an_empty_form_to_a_reverted_prompt(page: Browser, api: Http) -> None:
    """Create, edit, look at the history, compare, revert: by pressing what the pages offer."""
    page.open("/")
    page.leave(page.find("header .button"))
    page.write("#name", "journey/first")
    page.write("#content", "Hello there, my friend.\nSecond line.")
    page.write("#description", "Begin")
    page.write("#author-name", "Ada")
    page.press("Create")
    assert page.text(MESSAGE) == "Created “journey/first”."
    page.press("Edit")
    assert page.find("#author-name").get_attribute("value") == "Ada"
    page.write("#content", "Hello there, my dear friend.\nSecond line.")
    page.press("Save")
    assert page.text(MESSAGE) == "Saved version 2."
    page.press("Compare the two chosen")
    assert [element.text.strip() for element in page.all("ins")] == ["dear"]
    page.press("In one column")
    assert [element.text.strip() for element in page.all("ins")] == ["dear"]
    page.press("Revert to version 1")
    assert "this text becomes version 3" in page.text()
    page.write("#description", "Too dear")
    page.press("Revert to version 1")
    assert page.text(MESSAGE) == "Reverted to version 1 successfully."
    assert page.text("#text") == "Version 3"
    assert "same as version 1" in page.text(".versions li")
    assert "Too dear" in page.text(".versions li")
    where = urlsplit(page.driver.current_url).path
    assert newest(api, where) == b"Hello there, my friend.\nSecond line."
    page.driver.refresh()
    assert page.all(MESSAGE) == []


@pytest.mark.parametrize("text", [ODD, "\n\nx\n", "x\r\n\r\ny\r\n", "\r", "a\rb\r"])
def test_a_text_area_changes_no_byte_of_a_prompt(page: Browser, api: Http, text: str) -> None:
    """Whatever a browser makes of line ends, controls and odd characters on their way to the page and back."""
    where = create(api, f"bytes {text.encode().hex()[:90]}", text)
    page.open(f"{where}/edit")
    page.press("Save")
    assert page.text(MESSAGE) == "Nothing was changed, so nothing was saved."
    page.press("Edit")
    page.find("#content").send_keys(Keys.CONTROL, Keys.END)
    page.find("#content").send_keys("!")
    page.press("Save")
    assert newest(api, where).decode() == text + "!"


def test_somebody_elses_save_is_shown_and_nothing_is_lost(page: Browser, api: Http) -> None:
    where = create(api, "conflict", "One sentence to begin with.\n")
    page.open(f"{where}/edit")
    page.write("#content", "My own sentence.")
    api("PUT", f"/api{where}", {"content": "One other sentence to begin with.\n", "description": "Theirs"})
    page.press("Save")
    assert "Version 2 was saved after you opened version 1" in page.text()
    assert page.text(".others ins").strip() == "other"
    assert page.find("#content").get_attribute("value") == "My own sentence."
    page.press("Save on top of version 2")
    assert newest(api, where) == b"My own sentence."


def test_a_token_signs_in_once_and_out_again(page: Browser, tmp_path: Path) -> None:
    """From a link to a prompt over the sign-in to that prompt; links work from then on, until the token ends."""
    store = Store(tmp_path / "data", lock_timeout=5)
    store.open()
    where = f"/prompts/{Service(store, 100).create('Hello', name='greeting').id}"
    store.close()
    tokens = Tokens(tmp_path / "data")
    _, secret = tokens.create("rae", Scope.WRITE)
    with Server(tmp_path / "data") as server:
        page.driver.get(server.url + where)
        assert page.text("h1") == "Sign in"
        for dark, width in ((False, 1280), (True, 390)):
            page.look(dark=dark, width=width)
            assert page.violations() == []
        page.write("#token", "pgt_wrong")
        page.press("Sign in")
        assert "No active token has this secret" in page.text(".error")
        page.write("#token", secret)
        page.press("Sign in")
        assert (page.text("h1"), urlsplit(page.driver.current_url).path) == ("greeting", where)
        assert page.text(".signed .who bdi") == "rae"
        assert page.driver.execute_script("return document.cookie") == ""
        for dark, width in ((False, 1280), (True, 390)):
            page.look(dark=dark, width=width)
            assert page.violations() == []
            assert page.driver.execute_script("return document.documentElement.scrollWidth") <= width
        page.press("Raw")
        assert page.text("body") == "Hello"
        page.driver.get(f"{server.url}/api{where}")
        assert "Hello" not in page.driver.page_source
        page.driver.get(server.url + where)
        page.press("Edit")
        page.write("#content", "Hello there")
        page.press("Save")
        assert page.text(MESSAGE) == "Saved version 2."
        page.leave(page.find(".signed button"))
        assert page.text(MESSAGE) == "You are signed out."
        page.driver.get(server.url + where)
        page.write("#token", secret)
        page.press("Sign in")
        tokens.revoke("rae")
        page.driver.refresh()
        assert "revoked" in page.text(MESSAGE)


def test_the_pages_of_people_shut_nobody_out(page: Browser, tmp_path: Path) -> None:
    """Somebody whom a proxy names makes a token; axe-core finds nothing there, nor in the list of people."""
    header = {"headers": {"X-Forwarded-Email": "rae@example.org"}}
    names = {"PROMPTGIT_USER_HEADER": "X-Forwarded-Email", "PROMPTGIT_TRUSTED_PROXIES": "127.0.0.1"}
    Tokens(tmp_path / "data").create("ci", Scope.WRITE, owner="the platform", write_prefix=["support/"])
    page.driver.execute_cdp_cmd("Network.enable", {})
    page.driver.execute_cdp_cmd("Network.setExtraHTTPHeaders", header)
    try:
        with Server(tmp_path / "data", **names, PROMPTGIT_USER_SCOPE="admin") as server:
            page.driver.get(f"{server.url}/tokens")

            def made(*, dark: bool, width: int) -> None:
                page.look(dark=dark, width=width)
                page.write("#name", "laptop")
                page.press("Make the token")
                assert page.violations() == []
                assert page.driver.execute_script("return document.documentElement.scrollWidth") <= width

            made(dark=True, width=390)
            assert page.text(".made code").startswith("pgt_")
            assert page.find(".made button").get_attribute("aria-label") == "Copy the secret"
            made(dark=False, width=1280)
            assert "neither is given again" in page.text(".error")
            page.leave(page.find(".places a[href='/people']"))
            assert page.violations() == []
            assert "rae@example.org" in page.text(".people")
    finally:
        page.driver.execute_cdp_cmd("Network.setExtraHTTPHeaders", {"headers": {}})


def test_going_back_and_saving_again_is_a_conflict_not_a_loss(page: Browser, api: Http) -> None:
    where = create(api, "back", "one")
    page.open(f"{where}/edit")
    page.write("#content", "two")
    page.press("Save")
    page.driver.back()
    page.write("#content", "three")
    page.press("Save")
    assert "Version 2 was saved after you opened version 1" in page.text()
    assert newest(api, where) == b"two"


def test_a_double_click_saves_once(page: Browser, api: Http) -> None:
    where = create(api, "double", "one")
    page.open(f"{where}/edit")
    page.write("#content", "two")
    before = page.find("html")
    page.driver.execute_script("const b = document.querySelector('.primary'); b.click(); b.click();")
    page.wait_for_another(before)
    assert page.text(MESSAGE) == "Saved version 2."
    assert api("GET", f"/api{where}").json["version_number"] == 2


def test_a_prompt_is_renamed_deleted_and_restored(page: Browser, api: Http) -> None:
    where = create(api, "life/before", "text\n")
    page.open(where)
    page.press("Rename")
    page.write("#name", "life/after")
    page.press("Rename")
    assert page.text(MESSAGE) == "Renamed to “life/after”."
    page.press("Delete")
    page.write("#name", "something else")
    page.press("Delete this prompt")
    assert "is another one" in page.text(".error")
    page.write("#name", "life/after")
    page.press("Delete this prompt")
    assert page.text(MESSAGE).startswith("Deleted “life/after”.")
    page.open("/deleted")
    page.press("life/after")
    page.press("Restore")
    page.press("Restore version 1")
    assert page.text(MESSAGE) == "Restored “life/after” as version 1 had it."
    assert newest(api, where) == b"text\n"


def test_a_label_is_set_moved_and_removed(page: Browser, api: Http) -> None:
    """With a reason, and a look at what a move would change."""
    page.open(create(api, "labelled", "one two three\n", "one two four\n"))
    page.press("Set a label")
    page.write("#label", "production")
    page.write("#version-number", "1")
    page.write("#description", "It works")
    page.press("Set the label")
    assert page.text(MESSAGE) == "production now points at version 1."
    assert page.text("#v1 .label bdi") == "production"
    page.leave(page.find("#v1 .label"))
    assert (page.text("del"), page.text("ins")) == ("three", "four")
    assert "It works" in page.text(".moves")
    page.press("Move")
    assert page.find("#version-number").get_attribute("value") == "2"
    page.press("Move the label")
    assert page.text(MESSAGE) == "production now points at version 2."
    page.leave(page.find("#v2 .label"))
    assert "Nothing: it points at the newest version." in page.text()
    page.press("Remove")
    page.press("Remove this label")
    assert page.text(MESSAGE) == "Removed the label production."
    assert page.all(".label") == []


@pytest.mark.parametrize("scripts", [True, False])
def test_a_label_is_promoted(page: Browser, api: Http, scripts: bool) -> None:
    """What will move is looked at first; by keyboard alone."""
    folder = f"promoted-{scripts}".lower()
    for name in ("a", "b"):
        where = create(api, f"{folder}/{name}", "one\n", "one\ntwo\n")
        api("PUT", f"/api{where}/labels/production", {"version_number": 1})
    page.scripts(on=scripts)
    page.open(f"/?folder={folder}")
    page.press("Promote a label")
    page.write("#from", "latest")
    page.write("#label", "production")
    before = page.find("html")
    page.find("#label").send_keys(Keys.ENTER)
    page.wait_for_another(before)
    assert [element.text for element in page.all(".promotion .name")] == [f"{folder}/a", f"{folder}/b"]
    assert page.text(".promotion li .tally") == "+1 −0 lines"
    page.write("#description", "Evaluated")
    page.press("Promote 2 prompts")
    assert page.text(MESSAGE) == "production points where latest does: 2 prompts moved."
    assert api("GET", f"/api{where}").json["labels"] == {"production": 2}


def test_everything_works_without_scripts(page: Browser, api: Http) -> None:
    where = create(api, "plain", "one two three\n")
    page.scripts(on=False)
    page.open(f"{where}/edit")
    assert page.text("[data-size]") == "", "the script did not run"
    page.write("#content", "one two four\n")
    page.press("Save")
    assert page.text(MESSAGE) == "Saved version 2."
    page.press("Compare the two chosen")
    assert page.text("ins") == "four"
    page.open(f"{where}/versions/1")
    page.press("Revert to this version")
    page.press("Revert to version 1")
    assert page.text(MESSAGE) == "Reverted to version 1 successfully."
    assert newest(api, where) == b"one two three\n"
    before = page.find("html")
    page.find("[type=search]").send_keys("plain", Keys.ENTER)
    page.wait_for_another(before)
    page.press("plain")
    assert page.text("h1") == "plain"


def test_the_script_tells_the_size_and_what_is_invisible(page: Browser, api: Http) -> None:
    where = create(api, "size", "é\n")
    page.open(f"{where}/edit")
    assert page.text("[data-size]") == "3 bytes · 1 line"
    page.find("#content").send_keys("a\u202eb")
    page.wait_for(lambda: "U+202E" in page.text("[data-size]"))


def test_a_page_is_used_by_keyboard_alone(page: Browser, api: Http) -> None:
    page.open(create(api, "keys", "one"))
    page.driver.switch_to.active_element.send_keys(Keys.TAB)
    assert page.driver.switch_to.active_element.text == "Skip to the content"
    outline = page.driver.execute_script("return getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_a_text_is_copied_with_every_character_that_the_page_boxes(page: Browser, api: Http) -> None:
    where = create(api, "copied", ODD)
    origin = {"origin": page.url, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    page.driver.execute_cdp_cmd("Browser.grantPermissions", origin)
    page.open(where)
    page.find("button[data-copies]").click()
    page.wait_for(lambda: page.text("button[data-copies]") == "Copied")
    assert page.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])") == ODD
    page.scripts(on=False)
    page.open(f"{where}?view=rendered")
    assert not page.find("button[data-copies]").is_displayed()
    assert page.text(".rendered").startswith("U+FEFF")


def test_what_a_prompt_holds_does_nothing_and_breaks_no_layout(page: Browser, api: Http) -> None:
    """Markup, escapes of terminals, overrides of direction, one endless line, ten thousand lines."""
    evil = "<script>document.title = 'owned'</script>\x1b[31m\u202eleft\u202c </textarea><h1>"
    texts = [evil, "x" * 200_000, "".join(f"line {at}\n" for at in range(10_000))]
    where = create(api, "evil/" + "n" * 95 + "/" + "w" * 95, *texts)
    for address in ("/versions/1", "/versions/2", "", "/compare?from=1&to=2", "/compare?from=2&to=3", "/edit"):
        page.open(where + address)
        assert "owned" not in page.driver.title
        for width in (1280, 390):
            page.look(width=width)
            assert page.driver.execute_script("return document.documentElement.scrollWidth") <= width, address
    page.open(f"{where}/versions/1")
    boxes = [box.text for box in page.all(".content .invisible")]
    assert boxes == ["ESC", "U+202E", "U+202C"]


def every_page(api: Http) -> list[str]:
    where = f"/prompts/{id_of('support/greeting')}"
    below = (
        *("", "/edit", "/rename", "/delete", "/versions/2", "/versions/2/blame", "/versions/1/revert", "/versions/99"),
        *("/compare?from=2&to=3", "/compare?from=1&to=5&view=inline&by=line&space=ignored"),
        *("/labels/production", "/labels/production/remove", "/point", "/point?label=production"),
    )
    gone = create(api, "gone \u05d0", "bye {{x}}")
    api("DELETE", f"/api{gone}")
    chat = '---\nconfig: {model: x, long: "%s"}\ntags: [a]\ntype: chat\n---\n' % ("y" * 120)
    chat += '{{role "user"}}\n#### A\n[b](http://c.example) `{{d}}`\n> e\n\n|f|\n|-|\n|g|\n{{placeholder "h"}}\n'
    said = create(api, "axe chat", chat)
    promote = ["/promote", "/promote?from=latest&label=production", "/promote?from=No&label=production"]
    return [
        "/",
        "/?q=nothing at all",
        "/?q=you&label=production&author=Ben Okafor&sort=change",
        "/?folder=support",
        "/new",
        "/deleted",
        "/names/support/greeting@2",
        *promote,
        gone,
        *(said, f"{said}?view=rendered"),
        *(where + path for path in below),
    ]


def test_no_page_shuts_anybody_out(page: Browser, api: Http) -> None:
    """axe-core finds nothing to mend, in light and in dark, wide and narrow; nor does a conflict's page."""
    addresses = every_page(api)
    where = create(api, "axe", "one two three\n")

    def check() -> None:
        for dark, width in ((False, 1280), (True, 390)):
            page.look(dark=dark, width=width)
            assert page.violations() == [], f"{page.driver.current_url}, {dark=}"

    page.open(f"{where}/edit")
    page.write("#content", "one \u202etwo four")
    page.write("#author-name", "<")
    api("PUT", f"/api{where}", {"content": "one two five\n"})
    page.press("Save")
    assert page.all(".error")
    assert page.all(".others")
    check()
    for address in addresses:
        page.open(address)
        check()


def test_real_prompts_are_looked_at(page: Browser, real_history: Path, tmp_path: Path) -> None:
    """Their lists, their longest histories and their differences; nothing is wider than the window."""
    folder = tmp_path / "data"
    assert command("import", str(real_history), "--data", str(folder)).returncode == 0
    with Server(folder) as server:
        api = Http(server.url)
        prompts = api("GET", "/api/prompts?limit=1000").json
        longest = sorted(prompts, key=lambda prompt: -prompt["version_number"])[:3]
        addresses = [f"/prompts/{prompt['id']}" for prompt in longest]
        addresses += [f"{address}/compare?from=1&to=3" for address in addresses]
        for address in ("/", "/?q=copilot", *addresses):
            page.driver.get(server.url + address)
            assert page.all("h1"), address
            for width in (1280, 390):
                page.look(width=width)
                assert page.driver.execute_script("return document.documentElement.scrollWidth") <= width, address


def test_a_listed_page_of_another_origin_may_write_and_read(page: Browser, tmp_path: Path) -> None:
    """And no other page: both are served from ports of their own on this machine."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("<!doctype html><title>x</title>")
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path / "site")
    with ExitStack() as opened:
        pages = []
        for _ in range(2):
            server = opened.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), handler))
            opened.callback(server.shutdown)
            threading.Thread(target=server.serve_forever, args=(0.01,)).start()
            pages.append(f"http://127.0.0.1:{server.server_port}")
        secret = make(tmp_path / "data", "app", "write")
        api = opened.enter_context(Server(tmp_path / "data", PROMPTGIT_CORS_ORIGINS=pages[0]))
        page.driver.get(pages[0])
        assert page.driver.execute_async_script(CROSS_ORIGIN, api.url, secret) == [201, True, 200, 412, "1"]
        page.driver.get(pages[1])
        assert page.driver.execute_async_script(CROSS_ORIGIN, api.url, secret) == "TypeError: Failed to fetch"


CROSS_ORIGIN = """
const [url, secret, done] = arguments;
const send = (method, path, body, headers = {}) => fetch(url + path, {
    method, body: body && JSON.stringify(body),
    headers: {"Authorization": `Bearer ${secret}`, "Content-Type": "application/json", ...headers},
});
(async () => {
    const made = await send("POST", "/api/prompts", {content: "1"});
    const tag = made.headers.get("ETag"), where = made.headers.get("Location");
    const read = await send("GET", where);
    const stale = await send("PUT", where, {content: "2"}, {"If-Match": '"9"', "Idempotency-Key": "x"});
    const versions = await send("GET", `${where}/versions`);
    done([made.status, tag !== null, read.status, stale.status, versions.headers.get("X-Total-Count")]);
})().catch(error => done(String(error)));
"""
