"""Git hosts for the tests: bare repositories behind servers of different makes, and a proxy that breaks connections."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.nginx import NGINX, nginx
from tests.support import environment, free_port, git, stat_of, wait_for

_FCGIWRAP = shutil.which("fcgiwrap", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
HAS_NGINX = NGINX is not None and _FCGIWRAP is not None
"""True if a host can be served over HTTP here."""
_SITE = """
  server {{
    listen 127.0.0.1:{port}; client_max_body_size 0;
    location / {{
      fastcgi_pass unix:{folder}/fcgi.sock;
      fastcgi_param SCRIPT_FILENAME {backend}; fastcgi_param PATH_INFO $uri;
      fastcgi_param QUERY_STRING $query_string; fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_TYPE $content_type; fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding; fastcgi_param GIT_PROTOCOL $http_git_protocol;
      fastcgi_param GIT_PROJECT_ROOT {root}; fastcgi_param GIT_HTTP_EXPORT_ALL 1; fastcgi_param REMOTE_USER tests;
    }}
  }}
"""
_BALANCER = """
  upstream nodes {{ {servers} }}
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://nodes; proxy_set_header Host localhost; }} }}
"""
_DULWICH = """
import sys
from dulwich.repo import Repo
from dulwich.server import DictBackend, TCPGitServer
path, port = sys.argv[1:]
TCPGitServer(DictBackend({b"/up.git": Repo(path)}), "127.0.0.1", int(port)).serve_forever()
"""


def bare(folder: Path) -> Path:
    """A new, empty repository `up.git` in *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q", "--bare", "--initial-branch=main", "up.git")
    return folder / "up.git"


@contextmanager
def _running(*command: str, listens: int | Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL, process_group=0) as child:
        try:
            wait_for(lambda: _listens(listens))
            yield child
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, 9)
            wait_for(lambda: not _is_at_work(child.pid))  # until then its children write into the repository


def _is_at_work(group: int) -> bool:
    """True if a process of a group has not ended."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            state, _, its = stat_of(process)[:3]
            if int(its) == group and state not in "ZX":
                return True
    return False


def _listens(where: int | Path) -> bool:
    family, address = (
        (socket.AF_UNIX, str(where)) if isinstance(where, Path) else (socket.AF_INET, ("127.0.0.1", where))
    )
    with socket.socket(family) as probe:
        return probe.connect_ex(address) == 0


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


@contextmanager
def _daemon(path: Path, port: int) -> Iterator[str]:
    options = ["--reuseaddr", "--listen=127.0.0.1", f"--port={port}", "--export-all", "--enable=receive-pack"]
    with _running("git", "daemon", *options, f"--base-path={path.parent}", str(path.parent), listens=port):
        yield f"git://127.0.0.1:{port}/up.git"


@contextmanager
def _nginx(path: Path, port: int) -> Iterator[str]:
    if NGINX is None or _FCGIWRAP is None:
        pytest.skip("there is no nginx with fcgiwrap")
    folder = path.parent / "nginx"
    folder.mkdir(exist_ok=True)
    backend = Path(git(path, "--exec-path").decode().strip()) / "git-http-backend"
    site = _SITE.format(folder=folder, port=port, backend=backend, root=path.parent)
    socket_ = folder / "fcgi.sock"
    socket_.unlink(missing_ok=True)
    with _running(_FCGIWRAP, "-c", "8", "-s", f"unix:{socket_}", listens=socket_), nginx(folder, site):
        yield f"http://127.0.0.1:{port}/up.git"


@contextmanager
def balancer(folder: Path, urls: Sequence[str]) -> Iterator[str]:
    """Nginx in front of nodes, each of which gets every nth request; its address."""
    if NGINX is None:
        pytest.skip("there is no nginx")
    folder.mkdir()
    port = free_port()
    servers = " ".join(f"server {url.removeprefix('http://')};" for url in urls)
    with nginx(folder, _BALANCER.format(port=port, servers=servers)):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _dulwich(path: Path, port: int) -> Iterator[str]:
    with _running(sys.executable, "-c", _DULWICH, str(path), str(port), listens=port):
        yield f"git://127.0.0.1:{port}/up.git"


MAKES = {"daemon": _daemon, "nginx": _nginx, "dulwich": _dulwich}
"""How a host is served: `git daemon`, nginx with fcgiwrap and `git http-backend`, and dulwich's server."""


class Host:
    """A repository served by one of MAKES; `stop` kills the server, `start` brings it back at the same address."""

    def __init__(self, path: Path, make: str) -> None:
        self.path = path
        self.port = free_port()
        self._make = make
        self._running = ExitStack()
        self.url = ""

    def start(self) -> None:
        self.url = self._running.enter_context(MAKES[self._make](self.path, self.port))

    def stop(self) -> None:
        """Kill the server, and all that it has started; nobody has its port any more."""
        self._running.close()
        wait_for(lambda: _is_free(self.port))

    def hook(self, name: str, script: str | None) -> None:
        """Install a hook, or remove it."""
        file = self.path / "hooks" / name
        file.unlink(missing_ok=True)
        if script is not None:
            fresh = file.with_name("fresh")
            fresh.write_text(f"#!/bin/sh\n{script}\n")
            fresh.chmod(0o755)
            fresh.rename(file)


@contextmanager
def host(folder: Path, make: str = "daemon") -> Iterator[Host]:
    made = Host(bare(folder), make)
    made.start()
    try:
        yield made
    finally:
        made.stop()


class Wire:
    """A TCP proxy in front of a host, which breaks pushes over git:// or HTTP as it is told.

    `fault` is None; "before": the connection ends before the host sees what is pushed; "after": it ends once the host
    has answered, and nothing of the answer comes through; "lost": the same, and from then on it is "away": connections
    end at once.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.fault: str | None = None
        self.seconds = 0.0
        """How long each connection takes to be made."""
        self.reply = b""
        """What each request is answered with in the place of the host's answer."""
        self.cuts = 0
        """How many pushes were cut so far."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            if self.fault == "away":
                return
            threading.Event().wait(self.seconds)
            if self.reply:
                client.recv(1 << 16)
                client.sendall(self.reply)
                return
            with socket.create_connection(("127.0.0.1", self.target)) as server:
                threading.Thread(target=self._answer, args=(server, client), daemon=True).start()
                try:
                    self._forward(client, server)
                finally:
                    with suppress(OSError):
                        server.shutdown(socket.SHUT_RDWR)  # to close it ends nothing while a thread reads from it

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        first = True
        while data := client.recv(1 << 16):
            if self._is_push(data, first):
                self.cuts += self.fault is not None
                if self.fault == "before":
                    return
                if self.fault in ("after", "lost"):
                    if self.fault == "lost":
                        self.fault = "away"
                    self._swallow(client, server, data)
                    return
            first = False
            server.sendall(data)
        server.shutdown(socket.SHUT_WR)
        threading.Event().wait(60)

    @staticmethod
    def _is_push(data: bytes, first: bool) -> bool:
        """True for the bytes with which a client moves a ref, in either protocol."""
        return b"refs/heads/main\0" in data or data.startswith(b"POST /up.git/git-receive-pack ")

    def _swallow(self, client: socket.socket, server: socket.socket, data: bytes) -> None:
        """Bring the push to the host, and end the connection to the client before the answer."""
        client.settimeout(0.2)
        with suppress(OSError):
            client.shutdown(socket.SHUT_WR)  # nothing of the answer passes from here on
        server.sendall(data)
        with suppress(TimeoutError):
            while data := client.recv(1 << 16):
                server.sendall(data)
        server.shutdown(socket.SHUT_WR)
        server.settimeout(10)
        with suppress(OSError):
            while server.recv(1 << 16):
                pass

    @staticmethod
    def _answer(server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 16):
                client.sendall(data)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)


@contextmanager
def wire(target: int) -> Iterator[Wire]:
    made = Wire(target)
    try:
        yield made
    finally:
        made.close()
