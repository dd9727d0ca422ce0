"""A headless Chromium of the system's, driven over WebDriver; nothing is downloaded, nobody's profile is used."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from axe_core_python.selenium import Axe
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
MISSING = "no browser: install Debian's chromium and chromium-driver"

_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)
_WAIT_SECONDS = 20


class Browser:
    """One window, on the pages of one server."""

    def __init__(self, driver: Chrome, url: str) -> None:
        self.driver = driver
        self.url = url

    def open(self, path: str) -> None:
        self.driver.get(self.url + path)

    def find(self, css: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def all(self, css: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def text(self, css: str = "main") -> str:
        return self.find(css).text

    def write(self, css: str, text: str) -> None:
        """Replace what a field holds, as by typing or pasting."""
        element = self.find(css)
        element.clear()
        element.send_keys(text)

    def press(self, words: str) -> None:
        """Press the button, or follow the link, with these words, and wait for the page that comes."""
        (element,) = self.driver.find_elements(
            By.XPATH, f"//main//*[self::button or self::a][normalize-space()='{words}']"
        )
        self.leave(element)

    def leave(self, element: WebElement) -> None:
        """Click what leads to another page, and wait for it."""
        before = self.find("html")
        element.click()
        self.wait_for_another(before)

    def wait_for_another(self, before: WebElement) -> None:
        """Wait for a whole page that is not the one with the element *before*."""
        self.wait_for(lambda: self._is_whole() and self.find("html") != before)

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until it holds."""
        WebDriverWait(self.driver, _WAIT_SECONDS, 0.02, [WebDriverException]).until(lambda _: condition())

    def _is_whole(self) -> bool:
        return bool(self.driver.execute_script("return document.readyState === 'complete'"))

    def look(self, *, dark: bool = False, width: int = 1280, height: int = 900) -> None:
        """Set the scheme of colours and the size of the window."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def violations(self) -> list[tuple[str, list[str]]]:
        """What axe-core finds that would shut somebody out: its rules, each with the elements that break it."""
        if not self.driver.execute_script("return 'axe' in window"):
            self.driver.execute_script(Axe().axe_script)
        options = "{resultTypes: ['violations'], preload: false}"
        found = self.driver.execute_async_script(
            f"const done = arguments[0]; axe.run({options}).then(found => done(found.violations))"
        )
        return [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found]

    def log(self) -> list[dict[str, str]]:
        """What pages wrote to the console, refusals of their policy among it, since the last look."""
        return list(self.driver.get_log("browser"))  # type: ignore[no-untyped-call]  # selenium's own

    def scripts(self, *, on: bool) -> None:
        """Whether pages may run scripts from the next one on."""
        self.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not on})


@contextmanager
def browser(folder: Path, url: str) -> Iterator[Browser]:
    """A browser with an empty profile in *folder*."""
    assert CHROMIUM and DRIVER, MISSING
    options = ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*_FLAGS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=ChromeService(DRIVER))
    try:
        driver.execute_cdp_cmd("Log.enable", {})
        yield Browser(driver, url)
    finally:
        driver.quit()
