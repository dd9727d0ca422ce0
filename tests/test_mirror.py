"""`PROMPTGIT_MIRROR`: another repository that follows `main`."""

from __future__ import annotations

import base64
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from promptgit.jobs.mirror import Mirror, MirrorState, of
from promptgit.settings import Settings
from promptgit.store.store import Store
from tests.conftest import Clock
from tests.support import Http, Server, assert_sound, foreign_commit, git, git_text, wait_for
from tests.upstreams import host


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """Where the mirror is to be; nothing is there yet."""
    return tmp_path / "remote.git"


@pytest.fixture
def mirror(store: Store, remote: Path, clock: Clock) -> Mirror:
    return Mirror(store.repository, str(remote), store.folder / "mirror.json", clock)


def init(remote: Path) -> None:
    git(remote.parent, "init", "-q", "--bare", "--initial-branch=main", str(remote))


def main_of(repository: Path) -> str:
    return git_text(repository, "for-each-ref", "--format=%(objectname)", "refs/heads/main")


def status(data: Path) -> MirrorState:
    return Mirror(Store(data, lock_timeout=5).repository, "", data / "mirror.json").status()


def measured(server: Server, gauge: str) -> float:
    lines = Http(server.url)("GET", "/metrics").body.decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{gauge} "))


def test_every_write_reaches_the_mirror(tmp_path: Path, remote: Path) -> None:
    init(remote)
    with Server(tmp_path / "data", PROMPTGIT_MIRROR=str(remote), PROMPTGIT_PUSH_INTERVAL="0") as server:
        created = Http(server.url)("POST", "/api/prompts", {"name": "a", "content": "0"}).json
        for at in range(1, 4):
            commit = Http(server.url)("PUT", f"/api/prompts/{created['id']}", {"content": f"{at}"}).json["commit"]
            wait_for(lambda commit=commit: main_of(remote) == commit)  # type: ignore[misc]
        wait_for(lambda: status(server.folder) == MirrorState(pushed=commit))
    assert_sound(remote)
    assert git_text(remote, "for-each-ref", "--format=%(refname)") == "refs/heads/main"


def test_a_mirror_that_comes_later_gets_everything(tmp_path: Path, remote: Path) -> None:
    """Meanwhile writes go on, and the status tells what is the matter."""
    with Server(tmp_path / "data", PROMPTGIT_MIRROR=str(remote), PROMPTGIT_PUSH_INTERVAL="0") as server:
        commit = Http(server.url)("POST", "/api/prompts", {"content": "x"}).json["commit"]
        wait_for(lambda: status(server.folder).failures > 0)
        told = status(server.folder)
        assert told.pushed is None
        assert told.lag(time.time()) > 0
        assert str(remote) in str(told.error)
        assert measured(server, "promptgit_mirror_lag_seconds") > 0
        assert measured(server, "promptgit_mirror_failures") > 0
        init(remote)
        wait_for(lambda: status(server.folder) == MirrorState(pushed=commit))
        assert measured(server, "promptgit_mirror_lag_seconds") == 0
        assert main_of(remote) == commit


def test_a_mirror_on_another_host(store: Store, tmp_path: Path) -> None:
    """Over the network; while nothing listens there, it is a failure like any other."""
    with host(tmp_path / "host") as other:
        mirror = Mirror(store.repository, other.url, store.folder / "mirror.json")
        mirror.turn()
        assert mirror.status().failures == 0
        assert main_of(other.path) == store.repository.main()
    foreign_commit(store.repository.path, {"prompts/a.md": b"x"})
    mirror.turn()
    assert mirror.status().failures == 1
    assert "Connection refused" in str(mirror.status().error)


def test_the_status_tells_lag_and_failures(store: Store, mirror: Mirror, remote: Path, clock: Clock) -> None:
    """In seconds since something waits, and in a row; both are over with the next success."""
    assert mirror.status() == MirrorState()
    for failures in range(1, 4):
        mirror.turn()
        assert mirror.status().failures == failures
        clock.now += 10
    assert mirror.status().lag(clock.now) == 30
    init(remote)
    mirror.turn()
    assert mirror.status() == MirrorState(pushed=store.repository.main())
    assert mirror.status().lag(clock.now) == 0


def test_pauses_grow_and_are_bounded(mirror: Mirror, remote: Path) -> None:
    pauses = [mirror.turn() for _ in range(9)]
    for pause, longest in zip(pauses, (1, 2, 4, 8, 16, 32, 60, 60, 60), strict=True):
        assert longest / 2 <= pause <= longest
    assert len(set(pauses)) == len(pauses)
    init(remote)
    assert mirror.turn() < 1


def test_where_nothing_is_new_nothing_is_pushed(mirror: Mirror, remote: Path) -> None:
    """A look costs no process: it is done although the mirror has gone."""
    init(remote)
    mirror.turn()
    remote.rename(remote.with_name("elsewhere"))
    assert mirror.turn() < 1
    assert mirror.status().failures == 0


def test_a_mirror_that_went_another_way_is_never_forced(store: Store, mirror: Mirror, remote: Path) -> None:
    init(remote)
    mirror.turn()
    theirs = foreign_commit(remote, {"prompts/theirs.md": b"x"})
    ours = foreign_commit(store.repository.path, {"prompts/ours.md": b"x"})
    for _ in range(2):
        mirror.turn()
    assert main_of(remote) == theirs
    assert main_of(store.repository.path) == ours
    assert "nothing is forced" in str(mirror.status().error)
    assert mirror.status().failures == 2


def test_hooks_and_settings_of_the_repository_do_not_matter(store: Store, mirror: Mirror, remote: Path) -> None:
    init(remote)
    path = store.repository.path
    hook = path / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    git(path, "tag", "-a", "-m", "x", "t", "main")
    for key in ("push.followTags", "push.gpgSign", "remote.pushDefault"):
        git(path, "config", key, "true")
    mirror.turn()
    assert git_text(remote, "for-each-ref", "--format=%(refname)") == "refs/heads/main"


def test_a_status_that_a_power_cut_took_is_made_anew(store: Store, mirror: Mirror, remote: Path) -> None:
    init(remote)
    for left in ("", "{", "[]", '{"more": 1}'):
        (store.folder / "mirror.json").write_text(left)
        mirror.turn()
        assert mirror.status() == MirrorState(pushed=store.repository.main())


class _Guarded(BaseHTTPRequestHandler):
    """Asks for a password, notes what it is told, and has nothing."""

    server: ThreadingHTTPServer
    told: list[str] = []
    process_list = ""

    def do_GET(self) -> None:
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                _Guarded.process_list += process.read_text(errors="replace")
        given = self.headers.get("Authorization")
        if self.path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.server.server_port}{self.path[6:]}")
        elif given is None:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
        else:
            self.told.append(base64.b64decode(given.removeprefix("Basic ")).decode())
            self.send_response(500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def guarded() -> Iterator[tuple[str, list[str]]]:
    """A host that wants a password, and the passwords that it was told."""
    _Guarded.told.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Guarded) as host:
        threading.Thread(target=host.serve_forever).start()
        try:
            yield f"127.0.0.1:{host.server_port}", _Guarded.told
        finally:
            host.shutdown()


@pytest.mark.parametrize(
    ("userinfo", "told"),
    [("ada:s3cr%40t%25n", "ada:s3cr@t%n"), ("t0ken", "t0ken:"), ("$(id):'s3cr@t`", "$(id):'s3cr@t`")],
)
def test_a_password_is_told_to_the_mirror_alone(
    store: Store, caplog: pytest.LogCaptureFixture, userinfo: str, told: str
) -> None:
    """It is in no log, no status and no process list."""
    with guarded() as (address, heard):
        mirror = Mirror(store.repository, f"http://{userinfo}@{address}/x.git", store.folder / "mirror.json")
        with caplog.at_level(logging.DEBUG):
            mirror.turn()
    assert heard == [told]
    assert f"http://{address}/x.git" in caplog.text
    assert f"http://{address}/x.git" in _Guarded.process_list
    for secret in ("s3cr", "t0ken"):
        assert secret not in caplog.text
        assert secret not in _Guarded.process_list
        assert secret not in (store.folder / "mirror.json").read_text()


def test_a_credential_helper_of_the_user_is_asked(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each push, for a token may live an hour; other settings of the user are not obeyed."""
    home = tmp_path / "home"
    home.mkdir()
    secret = home / "secret"
    (home / ".gitconfig").write_text(
        f'[credential]\n helper = "!echo username=ada; echo password=$(cat {secret}); :"\n[push]\n gpgSign = true\n'
    )
    monkeypatch.setenv("HOME", str(home))
    with guarded() as (address, heard):
        mirror = Mirror(store.repository, f"http://{address}/x.git", store.folder / "mirror.json")
        for token in ("first", "second"):
            secret.write_text(token)
            mirror.turn()
    assert heard == ["ada:first", "ada:second"]


def test_a_password_is_not_told_to_the_host_that_a_mirror_sends_us_to(store: Store) -> None:
    with guarded() as (address, heard):
        mirror = Mirror(store.repository, f"http://ada:s3cret@{address}/moved/x.git", store.folder / "mirror.json")
        mirror.turn()
        assert "localhost" in str(mirror.status().error)
        assert heard == []


def test_a_password_that_should_be_quoted_is_not_told(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(data=store.folder, mirror="http://ada:s3cr/et@127.0.0.1:1/x.git")
    mirror = of(settings)
    mirror.turn()
    assert mirror.status().failures == 1
    assert "127.0.0.1:1/x.git" in caplog.text
    for told in (caplog.text, str(mirror.status()), repr(settings)):
        assert "s3cr" not in told


@pytest.mark.parametrize("url", ["ssh://ada:s3cret@[::1/x.git", "http://ada:s3cret@\u2100/x"])
def test_an_address_that_is_none_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(ValueError, match="PROMPTGIT_MIRROR is no address") as refusal:
        Settings(mirror=url)
    assert "s3cr" not in str(refusal.value)
