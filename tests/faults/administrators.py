"""Administrators, who work with git in the bare repository and in clones of it, beside a running service."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from filelock import FileLock

from tests.support import environment, git_text

_REPACK = ("gc", "repack", "maintenance")
_REPEATS = 30  # upkeep goes on without a pause there, and a repack that it overtakes fails
_TRIES = 3  # without the writers' lock, before it is taken as docs/recovery.md has it


class Administrator:
    """One of them; *gits* is the folder of the git that is used (empty: the one in the path).

    *done* counts the commands of git; *acknowledged* are the files whose commits git has put on `main`, with their
    contents; *lost_races* counts pushes and imports that git refused because `main` had moved; *repeated* counts the
    commands that joined packs, met one that upkeep had joined meanwhile, said so, and were given again.
    """

    def __init__(self, folder: Path, elsewhere: Path, gits: str = "") -> None:
        self._folder, self._repository, self._clone = folder, folder / "prompts.git", elsewhere / "clone"
        self._path = os.pathsep.join(filter(None, [gits, os.environ["PATH"]]))
        self._numbers = itertools.count()
        self.done: Counter[str] = Counter()
        self.acknowledged: dict[str, bytes] = {}
        self.lost_races = 0
        self.repeated: Counter[str] = Counter()
        elsewhere.mkdir()
        # Its own upkeep, in the background, would take folders from under a merge there (git 2.55).
        still = ("-c", "gc.auto=0", "-c", "maintenance.auto=false")
        self._git(elsewhere, "clone", "-q", *still, str(self._repository), str(self._clone))

    def keep_up(self) -> None:
        """Every command of upkeep that may run beside writers."""
        for words in (
            "pack-refs --all",
            "repack -a -d -q",
            "reflog expire --expire=now --all",
            "gc --quiet",
            "maintenance run --quiet",
            "pack-refs --all --prune",
        ):
            self._git(self._repository, *words.split())

    def push(self) -> None:
        """Commit a prompt in a clone, and push it on top of what others have written meanwhile."""
        path, content = self._commit("pushed")

        def push() -> bool:
            self._git(self._clone, "pull", "--quiet", "--rebase", "origin", "main")
            return self._is_done(self._clone, "push", "--quiet", "origin", "HEAD:main")

        self._until_it_gets_in(push)
        self.acknowledged[path] = content

    def merge(self) -> None:
        """Merge a prompt that was committed beside `main`, with `main` as the first parent, and push that."""
        path, content = self._commit("merged")
        self._git(self._clone, "branch", "--force", "side")

        def push() -> bool:
            self._git(self._clone, "fetch", "--quiet", "origin", "main")
            self._git(self._clone, "reset", "--quiet", "--hard", "FETCH_HEAD")
            self._git(self._clone, "merge", "--quiet", "--no-ff", "--no-edit", "side")
            return self._is_done(self._clone, "push", "--quiet", "origin", "HEAD:main")

        self._until_it_gets_in(push)
        self.acknowledged[path] = content

    def import_quickly(self) -> None:
        """git-fast-import(1), which refuses by itself what would lose others' commits."""
        number = next(self._numbers)
        path, content = f"prompts/imported/{number}.md", b"imported %d\n" % number
        head = "commit refs/heads/main\ncommitter a <a@example.org> now\ndata 1\nx\nfrom refs/heads/main^0\n"
        stream = f"{head}M 100644 inline {path}\ndata {len(content)}\n".encode() + content
        options = ("--quiet", "--date-format=now")
        self._until_it_gets_in(lambda: self._is_done(self._repository, "fast-import", *options, data=stream))
        self.acknowledged[path] = content

    def _commit(self, kind: str) -> tuple[str, bytes]:
        number = next(self._numbers)
        path, content = f"prompts/{kind}/{number}.md", f"{kind} {number}\n".encode()
        (self._clone / path).parent.mkdir(parents=True, exist_ok=True)
        (self._clone / path).write_bytes(content)
        self._git(self._clone, "add", "-A")
        self._git(self._clone, "commit", "--quiet", "-m", f"{kind} {number}")
        return path, content

    def _until_it_gets_in(self, attempt: Callable[[], bool]) -> None:
        for at in itertools.count():
            with ExitStack() as held:
                if at >= _TRIES:
                    held.enter_context(FileLock(self._folder / "write.lock", poll_interval=0.001))
                before = git_text(self._repository, "rev-parse", "main")
                if attempt():
                    return
            # Not by what git says, which changes from version to version.
            assert git_text(self._repository, "rev-parse", "main") != before, "main has not moved, but git refused"
            self.lost_races += 1

    def _is_done(self, folder: Path, *arguments: str, data: bytes = b"") -> bool:
        """True if git has moved `main`."""
        return self._run(folder, *arguments, data=data).returncode == 0

    def _git(self, folder: Path, *arguments: str) -> None:
        for _ in range(_REPEATS):
            done = self._run(folder, *arguments)
            if done.returncode == 0:
                return
            self.repeated[arguments[0]] += 1
            assert arguments[0] in _REPACK, (arguments, done.stderr.decode())
        raise AssertionError((arguments, done.stderr.decode()))

    def _run(self, folder: Path, *arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        self.done[arguments[0]] += 1
        command, its = ["git", "-C", str(folder), *arguments], environment(PATH=self._path)
        return subprocess.run(command, input=data, capture_output=True, env=its, check=False)
