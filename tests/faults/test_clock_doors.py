"""What ends by the clock, and what must not: tokens, sessions, answers that caches keep, repeats of a write."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

from promptgit.auth.tokens import Scope, Tokens
from tests.faults.clocks import DAY, WrongClock
from tests.faults.test_clocks import JUMPS
from tests.pages import BROWSER, fields
from tests.support import Answer, Http, Server


class Browser:
    """Keeps one cookie, as browsers do."""

    def __init__(self, url: str) -> None:
        self._http, self._cookie = Http(url), ""

    def get(self, path: str) -> Answer:
        return self._kept(self._http("GET", path, headers=BROWSER | {"Cookie": self._cookie}))

    def sign_in(self, secret: str) -> Answer:
        form = fields(self.get("/sign-in").body.decode()) | {"token": secret}
        headers = {"Cookie": self._cookie, "Content-Type": "application/x-www-form-urlencoded"}
        return self._kept(self._http("POST", "/sign-in", headers=headers, raw=urlencode(form).encode()))

    def _kept(self, answer: Answer) -> Answer:
        if "Set-Cookie" in answer.headers:
            self._cookie = answer.headers["Set-Cookie"].partition(";")[0]
        return answer


def test_a_token_ends_by_the_clock_and_a_revoked_one_stays_so(tmp_path: Path) -> None:
    """A wrong clock lets nobody in for good, and shuts nobody out for good; who is signed out can sign in."""
    clock = WrongClock(tmp_path / "clock")
    tokens = Tokens(tmp_path / "data")
    _, lasting = tokens.create("lasting", Scope.WRITE)
    _, short = tokens.create("short", Scope.READ, 3_600)
    revoked, gone = tokens.create("revoked", Scope.READ)
    tokens.revoke(revoked.id)
    with Server(tmp_path / "data", **clock.settings) as server:
        http, browser = Http(server.url), Browser(server.url)

        def status(secret: str) -> int:
            return http("GET", "/api/prompts", headers={"Authorization": f"Bearer {secret}"}).status

        for jump in JUMPS:
            jump(clock)
            assert (status(lasting), status(gone)) == (200, 401)
            assert status(short) == (200 if clock.seconds < 3_600 else 401)
            if (found := browser.get("/").status) != 200:
                assert (found, browser.sign_in(lasting).status) == (303, 303)
                assert browser.get("/").status == 200
        clock.set(0)
        assert (status(lasting), status(short), status(gone)) == (200, 200, 401)


def test_what_caches_keep_and_repeats_do_not_come_from_the_clock(tmp_path: Path) -> None:
    """ETags follow what has changed; no time tells a cache that something is still the same."""
    clock = WrongClock(tmp_path / "clock")
    with Server(tmp_path / "data", **clock.settings) as server:
        http = Http(server.url)
        where = http("POST", "/api/prompts", {"name": "a", "content": "0"}).headers["Location"]
        for at, jump in enumerate(JUMPS, start=1):
            addresses = (where, f"{where}/versions/{at}", f"{where}/labels/latest", "/activity.atom")
            seen = {path: http("GET", path) for path in addresses}
            jump(clock)
            for path, answer in seen.items():
                assert http("GET", path, headers={"If-None-Match": answer.headers["ETag"]}).status == 304, path
                assert "Last-Modified" not in answer.headers
            headers = {"If-Match": seen[where].headers["ETag"], "Idempotency-Key": f"{at}"}
            saved = [http("PUT", where, {"content": f"{at}"}, headers) for _ in range(2)]
            assert [answer.status for answer in saved] == [200, 200]
            assert (saved[0].json["version_number"], saved[0].body) == (at + 1, saved[1].body)
            for path in (where, "/activity.atom"):
                assert http("GET", path, headers={"If-None-Match": seen[path].headers["ETag"]}).status == 200
            assert http("PUT", where, {"content": "stale"}, headers | {"Idempotency-Key": "stale"}).status == 412
        clock.set(-DAY)
        assert http("PUT", where, {"content": f"{at}"}, headers).body == saved[0].body
