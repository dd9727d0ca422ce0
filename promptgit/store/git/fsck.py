"""What git finds wrong in a repository, by git-fsck(1)."""

from __future__ import annotations

import os
import subprocess

from promptgit.store.git.children import environment
from promptgit.store.git.command import Git

_LOOKS = 5  # beside four writers without pause 9 looks of 84 met a pack that had gone (git 2.39, 2026-11)


def damages(git: Git) -> list[str]:
    """A line for each object that is missing, or is not what its id says.

    A pack that others replace while git reads is damaged to git. So git looks again where packs came or went.
    """
    command = git.command("fsck", "--full", "--no-dangling", "--no-reflogs", "--no-progress")
    for _ in range(_LOOKS):
        packs = os.stat(git.objects / "pack").st_mtime_ns
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, errors="replace")
        if done.returncode == 0:
            return []
        if os.stat(git.objects / "pack").st_mtime_ns == packs:
            break
    return (done.stdout + done.stderr).splitlines()
