"""`git clone http://HOST:PORT/prompts.git`, with real git against a real server."""

from __future__ import annotations

import gzip
import http.client
import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.git_client import LS_REFS, REQUEST, V2, children, clone, post, refused, repository_of
from tests.support import (
    Http,
    Server,
    assert_sound,
    foreign_commit,
    git,
    git_text,
    long_history,
)

VERSIONS = ["0", "1", "2"]


def fill(server: Server) -> str:
    """A prompt of three versions; the address of the repository."""
    http = Http(server.url)
    where = http("POST", "/api/prompts", {"name": "a", "content": VERSIONS[0]}).headers["Location"]
    for content in VERSIONS[1:]:
        http("PUT", where, {"content": content})
    return f"{server.url}/prompts.git"


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for the tests that change nothing."""
    with Server(tmp_path_factory.mktemp("still") / "data") as server:
        fill(server)
        yield server


@pytest.fixture
def url(still: Server) -> str:
    return f"{still.url}/prompts.git"


@pytest.fixture
def remote(still: Server) -> Path:
    return still.folder / "prompts.git"


@pytest.mark.parametrize("version", ["0", "1", "2"])
def test_a_clone_has_the_whole_history(url: str, remote: Path, tmp_path: Path, version: str) -> None:
    """In every version of git's protocol."""
    copy = clone(url, tmp_path / "copy", "-c", f"protocol.version={version}")
    assert git_text(copy, "rev-parse", "HEAD") == git_text(remote, "rev-parse", "main")
    assert git_text(copy, "symbolic-ref", "HEAD") == "refs/heads/main"
    assert (copy / "prompts" / "a.md").read_text() == VERSIONS[-1]
    assert_sound(copy)


@pytest.mark.parametrize("version", ["0", "2"])
def test_a_shallow_clone_has_the_newest_commit_alone(url: str, tmp_path: Path, version: str) -> None:
    copy = clone(url, tmp_path / "copy", "-c", f"protocol.version={version}", "--depth", "1")
    assert git_text(copy, "rev-list", "--count", "HEAD") == "1"
    git(copy, "fetch", "-q", "--unshallow")
    assert git_text(copy, "rev-list", "--count", "HEAD") == "4"


@pytest.mark.parametrize("version", ["0", "2"])
def test_a_partial_clone_gets_contents_when_they_are_read(url: str, tmp_path: Path, version: str) -> None:
    setting = ("-c", f"protocol.version={version}")
    copy = clone(url, tmp_path / "copy", *setting, "--filter=blob:none", "--no-checkout")
    missing = git_text(copy, "rev-list", "--objects", "--missing=print", "HEAD").splitlines()
    assert sum(line.startswith("?") for line in missing) == 4  # README.md and three contents
    assert git(copy, "show", "HEAD~1:prompts/a.md") == b"1"


def test_nothing_is_written_into_the_repositorys_settings(url: str, remote: Path, tmp_path: Path) -> None:
    before = (remote / "config").read_bytes()
    clone(url, tmp_path / "copy", "--filter=blob:none", "--depth", "1")
    assert (remote / "config").read_bytes() == before


@contextmanager
def counting(url: str) -> Iterator[tuple[str, list[int]]]:
    """A way to the server that counts what comes back."""
    target, counted = urlsplit(url), [0]

    def pipe(source: socket.socket, sink: socket.socket, count: bool) -> None:
        while chunk := source.recv(1 << 16):
            counted[0] += len(chunk) * count
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)

    def accept() -> None:
        while True:
            try:
                client = listener.accept()[0]
            except OSError:
                return
            with client, socket.create_connection((target.hostname, target.port)) as server:
                up = threading.Thread(target=pipe, args=(client, server, False))
                up.start()
                pipe(server, client, True)
                up.join()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}{target.path}", counted
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_a_fetch_of_a_few_versions_costs_a_few_kilobytes(server: Server, tmp_path: Path) -> None:
    """However long the history is."""
    url, remote = fill(server), repository_of(server)
    long_history(remote, "prompts/long.md", (os.urandom(100).hex() for _ in range(2_000)))
    copy = clone(url, tmp_path / "copy")
    for at in range(3):
        Http(server.url)("POST", "/api/prompts", {"name": f"new{at}", "content": f"{at}"})
    with counting(url) as (through, counted):
        git(copy, "fetch", "-q", through, "main")
    assert git_text(copy, "rev-parse", "FETCH_HEAD") == git_text(remote, "rev-parse", "main")
    assert 500 < counted[0] < 8_000


def test_a_push_is_refused_and_git_says_why(url: str, remote: Path, tmp_path: Path) -> None:
    copy = clone(url, tmp_path / "copy")
    git(copy, "commit", "-q", "--allow-empty", "-m", "Mine")
    before = git_text(remote, "rev-parse", "main")
    said = refused("-C", str(copy), "push", "origin", "main")
    assert "remote: This repository is read only" in said
    assert "403" in said
    assert git_text(remote, "rev-parse", "main") == before


def test_a_push_is_a_problem_to_other_clients(still: Server) -> None:
    http = Http(still.url)
    for answer in (
        http("GET", "/prompts.git/info/refs?service=git-receive-pack"),
        http("POST", "/prompts.git/git-receive-pack", raw=b"0000"),
    ):
        assert (answer.status, answer.json["code"]) == (403, "push_refused")
        assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["", "/", "/info/refs", "/info/refs?service=git-x", "/HEAD", "/objects/info/packs"])
def test_the_dumb_protocol_is_refused(still: Server, path: str) -> None:
    answer = Http(still.url)("GET", f"/prompts.git{path}")
    assert (answer.status, answer.json["code"]) == (403, "smart_protocol_only")


def test_only_main_is_shown(server: Server, tmp_path: Path) -> None:
    """What an administrator keeps beside it is not cloned, nor listed in any version of the protocol."""
    url, remote = fill(server), repository_of(server)
    main = git_text(remote, "rev-parse", "main")
    foreign_commit(remote, {"secret": b"x"})
    git(remote, "branch", "private", "main")
    git(remote, "update-ref", "refs/heads/main", main)
    git(remote, "tag", "t", "private")
    git(remote, "config", "transfer.hideRefs", "!refs/heads/private")
    for version in ("0", "2"):
        listed = git_text(tmp_path, "-c", f"protocol.version={version}", "ls-remote", url).split()
        assert listed == [main, "HEAD", main, "refs/heads/main"]
    assert (
        git_text(clone(url, tmp_path / "copy", "--mirror"), "for-each-ref", "--format=%(refname)") == "refs/heads/main"
    )


@pytest.mark.parametrize(("protocol", "start"), [("version=2", b"000eversion 2\n"), ("", b"001e# service=git-upl")])
def test_answers_are_never_cached(still: Server, protocol: str, start: bytes) -> None:
    answer = Http(still.url)(
        "GET", "/prompts.git/info/refs?service=git-upload-pack", headers={"Git-Protocol": protocol}
    )
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/x-git-upload-pack-advertisement"
    assert answer.headers["Cache-Control"] == "no-cache, max-age=0, must-revalidate"
    assert answer.body.startswith(start)
    head = Http(still.url)("HEAD", "/prompts.git/info/refs?service=git-upload-pack")
    assert (head.status, head.body) == (200, b"")


def test_a_request_may_be_packed(still: Server, remote: Path) -> None:
    plain, packed = post(still, LS_REFS), post(still, gzip.compress(LS_REFS), Content_Encoding="gzip")
    assert plain.status == packed.status == 200
    assert plain.headers["Content-Type"] == "application/x-git-upload-pack-result"
    assert plain.body == packed.body
    assert git(remote, "rev-parse", "main").strip() in packed.body


def test_a_request_may_come_in_chunks(still: Server) -> None:
    address = urlsplit(still.url)
    with closing(http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)) as connection:
        parts = iter([LS_REFS[:7], LS_REFS[7:]])
        connection.request("POST", "/prompts.git/git-upload-pack", parts, REQUEST | V2, encode_chunked=True)
        assert connection.getresponse().read() == post(still, LS_REFS).body


@pytest.mark.parametrize(
    ("raw", "headers", "status", "code"),
    [
        (b"no gzip", {"Content_Encoding": "gzip"}, 400, "malformed_git_request"),
        (gzip.compress(LS_REFS)[:-9], {"Content_Encoding": "gzip"}, 400, "malformed_git_request"),
        (gzip.compress(LS_REFS) + b"more", {"Content_Encoding": "gzip"}, 400, "malformed_git_request"),
        (LS_REFS, {"Content_Encoding": "br"}, 400, "malformed_git_request"),
        (LS_REFS, {"Content_Type": "text/plain"}, 400, "malformed_git_request"),
        (b"0008xxxx", {}, 400, "malformed_git_request"),
        (gzip.compress(bytes(33 << 20)), {"Content_Encoding": "gzip"}, 413, "git_request_too_large"),
        (bytes(33 << 20), {}, 413, "git_request_too_large"),
    ],
    ids=["no gzip", "cut", "more", "other coding", "other type", "no git", "unpacked too large", "too large"],
)
def test_a_request_that_cannot_be_taken_is_a_problem(
    still: Server, raw: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    answer = post(still, raw, **headers)
    assert (answer.status, answer.json["code"]) == (status, code), answer.body
    assert children(still) == []


def test_what_a_client_wishes_is_no_command(still: Server) -> None:
    """A Git-Protocol header that no git sends is left aside."""
    for wish in ("version=2; touch x", "version=2$(id)", "x" * 200):
        answer = Http(still.url)(
            "GET", "/prompts.git/info/refs?service=git-upload-pack", headers={"Git-Protocol": wish}
        )
        assert answer.body.startswith(b"001e# service=")


def test_clones_beside_writers_are_sound(server: Server, tmp_path: Path) -> None:
    """Each is a state that was acknowledged, whole."""
    url = fill(server)
    where = Http(server.url)("POST", "/api/prompts", {"name": "busy", "content": "first"}).json
    acknowledged, done = {where["commit"]}, threading.Event()

    def write(writer: int) -> None:
        http = Http(server.url)
        at = 0
        while not done.is_set():
            answer = http("PUT", f"/api/prompts/{where['id']}", {"content": f"{writer} {at}"})
            assert answer.status == 200
            acknowledged.add(answer.json["commit"])
            at += 1

    def copy(at: int) -> Path:
        return clone(url, tmp_path / f"copy{at}", "--mirror")

    with ThreadPoolExecutor(6) as pool:
        writers = [pool.submit(write, at) for at in range(3)]
        try:
            copies = list(pool.map(copy, range(3))) + list(pool.map(copy, range(3, 6)))
        finally:
            done.set()
        for writer in writers:
            writer.result()
    for made in copies:
        assert_sound(made)
        assert git_text(made, "rev-parse", "main") in acknowledged


def test_a_mirror_is_a_backup_that_a_service_starts_on(server: Server, tmp_path: Path) -> None:
    """A folder with nothing but a mirror as its repository works at once."""
    url = fill(server)
    (tmp_path / "other").mkdir()
    clone(url, tmp_path / "other" / "prompts.git", "--mirror")
    before = Http(server.url)("GET", "/api/prompts?name=a&include=content").json
    with Server(tmp_path / "other") as other:
        http = Http(other.url)
        assert http("GET", "/api/prompts?name=a&include=content").json == before
        answer = http("PUT", f"/api/prompts/{before[0]['id']}", {"content": "after"})
        assert answer.json["version_number"] == len(VERSIONS) + 1
        copy = clone(f"{other.url}/prompts.git", tmp_path / "copy")
        assert (copy / "prompts" / "a.md").read_text() == "after"
