"""`wsgi:app` under servers that load it before they fork."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import Http, environment

ROOT = Path(__file__).parents[1]


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


@pytest.mark.parametrize("worker", ["gthread", "sync"])
def test_gunicorn_may_load_the_application_before_it_forks(tmp_path: Path, worker: str) -> None:
    """Its children write and read, and each has handles of its own."""
    command = [sys.executable, "-m", "gunicorn", "--preload", "-w", "2", "--threads", "2", "--no-control-socket"]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = subprocess.Popen(
            [*command, "-k", worker, "--bind", f"fd://{listener.fileno()}", "wsgi:app"],
            cwd=ROOT,
            env=environment(PROMPTGIT_DATA=str(tmp_path / "data"), PROMPTGIT_LOG_LEVEL="error"),
            pass_fds=[listener.fileno()],
            stderr=subprocess.PIPE,
        )
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        for at in range(6):
            http = Http(url)
            where = http("POST", "/api/prompts", {"content": "x", "name": f"a{at}"}).headers["Location"]
            assert Http(url)("GET", where).json["content"] == "x"
        process.terminate()
        _, errors = process.communicate(timeout=60)
    assert b"Traceback" not in errors
