"""Draw the README's pictures of a made-up example: `python -m tests.screenshots FOLDER`."""

from __future__ import annotations

import itertools
import sys
import tempfile
import time
from pathlib import Path

from promptgit.service.service import Service
from promptgit.store.store import Store
from tests import example
from tests.browser import browser
from tests.support import Server

_HOURS = 19  # between two changes
_CHANGES = 18  # at least as many as the example has


def main() -> None:
    """Write prompt.png (light) and difference.png (dark)."""
    pictures = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        clock = itertools.count(int(time.time()) - _CHANGES * _HOURS * 3600, _HOURS * 3600)
        store = Store(data, lock_timeout=5, clock=lambda: float(next(clock)))
        store.open()
        page = f"/prompts/{example.fill(Service(store, 1 << 20))}"
        store.close()
        with Server(data) as server, browser(Path(folder), server.url) as opened:
            for name, address, dark, height in (
                ("prompt", page, False, 800),
                ("difference", f"{page}/compare?from=2&to=3", True, 620),
            ):
                opened.look(dark=dark, height=height)
                opened.open(address)
                opened.driver.save_screenshot(str(pictures / f"{name}.png"))


if __name__ == "__main__":
    main()
