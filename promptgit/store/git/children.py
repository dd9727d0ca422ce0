"""Processes of git that promptgit starts: what they find in their environment, and how they are ended."""

from __future__ import annotations

import os
import signal
import subprocess

_GRACE_SECONDS = 2.0
_NEEDED = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH")


def environment(*also: str) -> dict[str, str]:
    """What git needs of ours, the variables *also* among it: nobody's settings or language, and no secret."""
    kept = {name: os.environ[name] for name in (*_NEEDED, *also) if name in os.environ}
    return kept | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_GRAFT_FILE": f"{os.devnull}/none",  # an empty file would bring advice
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


def end(child: subprocess.Popen[bytes]) -> None:
    """End a child that leads a process group, and all of its group; git removes its temporary files first."""
    if child.poll() is not None:
        return
    os.killpg(child.pid, signal.SIGTERM)
    try:
        child.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
