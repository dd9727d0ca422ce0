"""What the tests of git over HTTP share: clients, and the git processes of a server."""

from __future__ import annotations

import http.client
import os
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.support import Answer, Http, Server, environment, foreign_commit, git, processes_of

REQUEST = {"Content-Type": "application/x-git-upload-pack-request"}
V2 = {"Git-Protocol": "version=2"}
LS_REFS = b"0014command=ls-refs\n00010009peel\n0000"


def clone(url: str, folder: Path, *options: str) -> Path:
    """Clone over HTTP."""
    git(folder.parent, "clone", "-q", *options, url, str(folder))
    return folder


def refused(*arguments: str) -> str:
    """What git prints to the person whose command fails."""
    done = subprocess.run(["git", *arguments], capture_output=True, env=environment(), text=True, check=False)
    assert done.returncode != 0
    return done.stderr


def repository_of(server: Server) -> Path:
    return server.folder / "prompts.git"


def enlarge(server: Server) -> bytes:
    """Store more than sockets and pipes hold; the request of a clone of it."""
    main = foreign_commit(repository_of(server), {"large": os.urandom(16 << 20)}).encode()
    return b"0011command=fetch0001000fno-progress0032want %s\n0009done\n0000" % main


def post(server: Server, raw: bytes, **headers: str) -> Answer:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return Http(server.url)("POST", "/prompts.git/git-upload-pack", raw=raw, headers=REQUEST | V2 | sent)


def children(server: Server) -> list[Path]:
    """The git processes of a server, in /proc."""
    return processes_of(server.process.pid, "git")


@contextmanager
def cloning(server: Server, request: bytes) -> Iterator[http.client.HTTPResponse]:
    """A client that has the beginning of a large clone, and reads no more."""
    address = urlsplit(server.url)
    with closing(http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)) as connection:
        connection.request("POST", "/prompts.git/git-upload-pack", request, REQUEST | V2)
        yield connection.getresponse()
