from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from flask import Flask
from flask.testing import FlaskClient

from promptgit.app import create_app
from promptgit.service.service import Service
from promptgit.settings import Settings
from promptgit.store.store import Store
from tests.people import People
from tests.providers import Provider, Site, sign_in
from tests.support import Server

# Every run tries the same examples: a failure seen once is seen again.
hypothesis.settings.register_profile("promptgit", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("promptgit")


# The files that take the longest, which come first: so no worker is left with one of them at the end.
LONGEST = (
    *("test_nodes", "test_upstream", "test_litellm_package"),
    *("test_past", "test_browser_releases", "test_commits_model", "test_docs", "test_releases_stateful"),
    *("test_browser", "test_fuzz", "test_real_history", "test_races", "test_cli_usage"),
    *("test_stop", "test_serving", "test_generators", "test_costs", "test_commands", "test_upkeep", "test_cli"),
)


_MEMORY, _ROOM = Path("/dev/shm"), 4 << 30


def pytest_configure() -> None:
    """Put temporary folders into memory where there is room: a busy disk takes a second for a new repository's fsyncs.

    Every fsync is still made. What is asserted of power cuts has file systems of its own (tests/faults).
    """
    if "TMPDIR" not in os.environ and _may_run_files(_MEMORY) and shutil.disk_usage(_MEMORY).free > _ROOM:
        os.environ["TMPDIR"] = str(_MEMORY)
        tempfile.tempdir = None  # as it documents: gettempdir() looks again


def _may_run_files(folder: Path) -> bool:
    """True if it can be written to and its programs run: hooks are some, and containers forbid that for /dev/shm."""
    return os.access(folder, os.W_OK) and not os.statvfs(folder).f_flag & os.ST_NOEXEC


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; mark tests by what their modules and fixtures use, but for `slow` ones."""
    places = {name: at for at, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(LONGEST)))
    for item in items:
        names = {*vars(item.getparent(pytest.Module).obj), *getattr(item, "fixturenames", ())}
        if names & {"browser", "driver"}:
            item.add_marker(pytest.mark.browser)
        if names & {"Server", "server", "shared", "command"}:
            item.add_marker(pytest.mark.server)
        if "langfuse" in item.path.stem:
            item.add_marker(pytest.mark.langfuse)


class Clock:
    """A clock that stands still until told otherwise."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Store:
    store = Store(tmp_path / "data", lock_timeout=5, clock=clock)
    store.open()
    return store


@pytest.fixture
def service(store: Store) -> Service:
    return Service(store, max_content=1 << 20)


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    return create_app(Settings(data=tmp_path / "data", lock_timeout=0.2, max_content_bytes=20_000))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The bare repository of `store` and `app`."""
    return tmp_path / "data" / "prompts.git"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "data") as server:
        yield server


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests of a file, each with prompts of its own."""
    with Server(tmp_path_factory.mktemp("shared") / "data") as server:
        yield server


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[str, str]:
    """The files of a certificate for localhost, which signs itself, and of its key."""
    files = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-out", files[0], "-keyout", files[1]]
    subprocess.run(command, check=True, capture_output=True)
    return files


@pytest.fixture(scope="module")
def shared_provider() -> Iterator[Provider]:
    """An OpenID provider of our own."""
    provider = Provider()
    yield provider
    provider.go_away()


@pytest.fixture
def provider(shared_provider: Provider) -> Provider:
    """A provider as it is at first: making its key takes the time of a test."""
    shared_provider.reset()
    return shared_provider


@pytest.fixture
def site(tmp_path: Path, provider: Provider) -> Site:
    """A service whose people have accounts at the provider."""
    return Site(tmp_path, provider.issuer)


@pytest.fixture
def ada(site: Site) -> FlaskClient:
    """Ada's browser, signed in."""
    browser = site.browser()
    assert sign_in(browser).status_code == 303
    return browser


@pytest.fixture(scope="session")
def real_history() -> Path:
    """A file of real prompt histories, where there is one."""
    folder = Path(os.environ.get("PROMPTGIT_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
    path = folder / "awesome-copilot.jsonl.gz"
    if not path.exists():
        pytest.skip(f"no real prompt history at {path}: set PROMPTGIT_TEST_DATA to its folder")
    return path


@pytest.fixture
def people(server: Server) -> Iterator[People]:
    made = People(server.folder, server.url)
    yield made
    made.close()
