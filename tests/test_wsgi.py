"""`wsgi:app` under other servers, also such as load it before they fork."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import Http, environment, free_port, wait_for

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
GUNICORN = [sys.executable, "-m", "gunicorn", "--preload", "-w", "2", "--threads", "2", "--no-control-socket"]
UWSGI = shutil.which("uwsgi") or shutil.which("uwsgi", path=str(BIN)) or "uwsgi"
SERVERS = {
    "gunicorn gthread": [*GUNICORN, "-k", "gthread", "-b", "127.0.0.1:PORT", "wsgi:app"],
    "gunicorn sync": [*GUNICORN, "-k", "sync", "-b", "127.0.0.1:PORT", "wsgi:app"],
    "waitress": [str(BIN / "waitress-serve"), "--listen", "127.0.0.1:PORT", "wsgi:app"],
    "uwsgi": [
        *(UWSGI, "--http-socket", "127.0.0.1:PORT", "--master", "--processes", "2", "--threads", "2", "--die-on-term"),
        *("--enable-threads", "--virtualenv", sys.prefix, "--need-app", "--module", "wsgi:app"),
    ],
}


def test_loading_the_application_opens_nothing_and_starts_no_thread(tmp_path: Path) -> None:
    """So a server may load it and fork then."""
    look = (
        "import os, threading, wsgi; print(threading.active_count()); "
        "print([path for path in map(os.path.realpath, os.scandir('/proc/self/fd')) if '/data/' in path])"
    )
    done = subprocess.run(
        [sys.executable, "-c", look],
        cwd=ROOT,
        env=environment(PROMPTGIT_DATA=str(tmp_path / "data")),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["1", "[]"]


@pytest.mark.parametrize("server", SERVERS)
def test_other_servers_serve_it(tmp_path: Path, server: str) -> None:
    """Their processes write and read, with handles of their own, and git clones."""
    port = free_port()
    command = [part.replace("PORT", str(port)) for part in SERVERS[server]]
    if shutil.which(command[0]) is None:
        pytest.skip(f"there is no {command[0]}")
    with open(tmp_path / "log", "wb") as log:
        settings = {"PROMPTGIT_DATA": str(tmp_path / "data"), "PROMPTGIT_LOG_LEVEL": "error"}
        process = subprocess.Popen(command, cwd=ROOT, env=environment(**settings), stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: _listens(port))
        for at in range(6):
            made = Http(url)("POST", "/api/prompts", {"content": "x", "name": f"a{at}"})
            assert made.status == 201
            assert Http(url)("GET", made.headers["Location"]).json["content"] == "x"
        clone = ["git", "clone", "-q", f"{url}/prompts.git", str(tmp_path / "clone")]
        subprocess.run(clone, check=True, env=environment())
        assert len(list((tmp_path / "clone/prompts").iterdir())) == 6
    finally:
        process.terminate()
        process.wait(60)
    assert "Traceback" not in (tmp_path / "log").read_text()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
