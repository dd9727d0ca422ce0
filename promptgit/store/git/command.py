"""The git command, for what it does faster than libgit2, or alone: long histories, differences, upkeep."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BufferedReader, BufferedWriter
from pathlib import Path
from typing import cast

from promptgit.domain.history import Commit
from promptgit.errors import Damaged, UnusableRepository
from promptgit.store.git import paths, raw_log
from promptgit.store.git.children import environment

_OBJECT = re.compile(r"(?<!pack-)\b[0-9a-f]{40}\b")
_CHUNK = 1 << 18
_PIPE = 1 << 20  # what Linux gives everybody
# A repository without settings, attributes, refs or objects, through which another one's objects are read.
_PLAIN = Path(__file__).with_name("plain.git")
# Read from the objects: git takes what its caches say for true, and no cache of its has a checksum that it verifies.
_FROM_OBJECTS = ("-c", "core.commitGraph=false", "-c", "core.multiPackIndex=false")


class Git:
    """Runs git on one bare repository, with nobody's settings. Only ids and paths of ours reach it.

    What is parsed is read without the repository's own settings, too: only its folder of objects is used. *note* is
    called with the id of an object that git could not read, and with what git says.
    """

    def __init__(
        self, path: Path, objects: Path | None = None, *, note: Callable[[str, str], object] = lambda _oid, _said: None
    ) -> None:
        self.path = path
        self._note = note
        self.objects = path / "objects" if objects is None else objects

    @classmethod
    def of(cls, folder: Path) -> Git:
        """The repository that a folder is, or is in.

        Raises:
            UnusableRepository: there is none that can be read.
        """
        asked = ("--absolute-git-dir", "--path-format=absolute", "--git-path", "objects")
        found = cls(folder)._ask("-C", str(folder), "rev-parse", *asked)
        path, objects = found.split("\n")
        return cls(Path(path), Path(objects))

    def head(self) -> str:
        """The commit that is checked out.

        Raises:
            UnusableRepository: there is none, or ids are none of SHA-1.
        """
        head = self._ask(f"--git-dir={self.path}", "rev-parse", "--verify", "HEAD^{commit}")
        if len(head) != 40:
            raise UnusableRepository(str(self.path), "its objects are not named by SHA-1.")
        return head

    def _ask(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", "-c", "safe.directory=*", *arguments],
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise UnusableRepository(str(self.path), done.stderr.decode(errors="replace").strip())
        return os.fsdecode(done.stdout).removesuffix("\n")

    @contextmanager
    def blobs(self) -> Iterator[Callable[[str], bytes]]:
        """A function that reads blobs by their ids in hexadecimal."""
        with subprocess.Popen(
            self._reader("cat-file", "--batch"),
            env=self._plain(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # our own is the log: lines of JSON
        ) as child:
            asked, given = cast(BufferedWriter, child.stdin), cast(BufferedReader, child.stdout)

            def read(oid: str) -> bytes:
                asked.write(oid.encode() + b"\n")
                asked.flush()
                head = given.readline().split()  # <id> blob <size>
                if len(head) != 3:
                    raise UnusableRepository(str(self.path), f"the object {oid} is missing.")
                return given.read(int(head[2]) + 1)[:-1]

            yield read

    def log(self, after: str | None, upto: str, roots: tuple[bytes, ...] = raw_log.ROOTS) -> Iterator[Commit]:
        """The commits after *after* (None: all) up to *upto*, along first parents, oldest first.

        Of their changes those of paths that start with one of *roots*. The first one's parent is *after* only if that
        is in the first-parent history of *upto*.
        """
        revisions = [upto] if after is None else [f"^{after}", upto]
        with subprocess.Popen(
            self._reader(*raw_log.ARGUMENTS, *revisions, "--"),
            env=self._plain() | {"GIT_FLUSH": "0"},  # else it writes each commit by itself
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as child:
            output, errors = cast(BufferedReader, child.stdout), cast(BufferedReader, child.stderr)
            # git goes on while the rows of thousands of commits are written. Refused beyond the user's share; no Linux.
            with suppress(OSError, AttributeError):
                fcntl.fcntl(output, fcntl.F_SETPIPE_SZ, _PIPE)
            try:
                yield from raw_log.parse(iter(lambda: output.read1(_CHUNK), b""), roots)
            except GeneratorExit:
                child.kill()
                raise
            if child.wait() != 0:
                raise UnusableRepository(str(self.path), errors.read().decode(errors="replace").strip())

    def headers(
        self, upto: str, *, after: str | None = None, first_parent: bool = False
    ) -> Iterator[tuple[str, list[bytes]]]:
        """The id and the header lines of the commits that *upto* reaches and *after* does not, newest first."""
        revisions = [upto] if after is None else [upto, f"^{after}"]
        options = ["--topo-order", "--header", *(["--first-parent"] if first_parent else [])]
        with subprocess.Popen(
            self._reader("rev-list", *options, *revisions, "--"),
            env=self._plain(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as child:
            output = cast(BufferedReader, child.stdout)
            rest = b""
            while chunk := output.read1(_CHUNK):
                *records, rest = (rest + chunk).split(b"\0")
                for record in records:
                    oid, *lines = record.split(b"\n\n", 1)[0].split(b"\n")
                    yield oid.decode("ascii"), lines
        if child.returncode != 0:
            raise UnusableRepository(str(self.path), f"its history up to {upto} cannot be read; see 'git fsck'.")

    def signature(self, commit: str, allowed_signers: Path) -> tuple[str, str]:
        """What git says of a commit's SSH signature: a letter (`%G?` of git-log(1); G is good), and whose it is."""
        done = subprocess.run(
            self.command(
                *("-c", f"gpg.ssh.allowedSignersFile={allowed_signers}", "-c", "gpg.ssh.revocationFile="),
                *("-c", "gpg.ssh.program=ssh-keygen", "log", "--no-walk", "--format=%G?%x00%GS", commit, "--"),
            ),
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=True,
        )
        letter, signer = done.stdout.removesuffix("\n").split("\0")
        return letter, signer

    def count(self, upto: str, *, first_parent: bool = False) -> int:
        """How many commits *upto* reaches, itself too."""
        options = ["--count", *(["--first-parent"] if first_parent else [])]
        return int(self.printed("rev-list", *options, upto, "--"))

    def leads_to(self, commit: str, tip: str) -> bool:
        """True if the first-parent history of *tip* holds *commit*; both are ids of commits, which may be the same.

        Raises:
            UnusableRepository: git could not read a commit of that history, so nobody knows.
        """
        command = self._reader("rev-list", "--first-parent", tip, "--")
        with subprocess.Popen(command, env=self._plain(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
            assert child.stdout is not None
            if any(line.strip() == commit.encode() for line in child.stdout):
                child.kill()
                return True
        if child.returncode != 0:
            raise UnusableRepository(str(self.path), f"its history up to {tip} cannot be read; see 'git fsck'.")
        return False

    def diff(self, old: tuple[str, str], new: tuple[str, str]) -> bytes:
        """What `git diff` prints from one (commit, path) to another in a clone without settings and attributes."""
        if old[1] == new[1] and paths.is_plain(old[1]):
            arguments = [old[0], new[0], "--", old[1]]
        else:
            arguments = [f"{old[0]}:{old[1]}", f"{new[0]}:{new[1]}", "--"]
        return self.printed("diff", "--no-ext-diff", "--no-textconv", "--no-color", *arguments)

    def printed(self, *arguments: str, data: bytes = b"", seconds: float | None = None) -> bytes:
        """What a git command prints that reads this repository's objects, and nothing else of it; *data* is its input.

        Raises:
            subprocess.TimeoutExpired: it took longer than so many *seconds*; it was ended.
            Damaged, UnusableRepository: it failed, because of the object that it names; with what it says.
        """
        done = subprocess.run(
            self._reader(*arguments), env=self._plain(), input=data, capture_output=True, timeout=seconds, check=False
        )
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()
            named = _OBJECT.search(said)
            raise self._damaged(named[0], said) if named else UnusableRepository(str(self.path), said)
        return done.stdout

    def read(self, oid: str) -> bytes:
        """The bytes of one object, at the cost of a process.

        Raises:
            Damaged
        """
        head, _, data = self.printed("cat-file", "--batch", data=f"{oid}\n".encode()).partition(b"\n")
        if len(head.split()) != 3:  # its id, its kind and its size
            raise self._damaged(oid, head.decode())
        return data[:-1]

    def _damaged(self, oid: str, said: str) -> Damaged:
        self._note(oid, said)
        return Damaged(oid, f"git says: {said}")

    def expect_objects(self, oids: Sequence[str]) -> None:
        """Refuse if git does not find one of these objects: it reads indexes of packs that libgit2 may do without.

        Raises:
            Damaged
        """
        told = self.printed("cat-file", "--batch-check", data="".join(f"{oid}\n" for oid in oids).encode())
        for line in told.decode().splitlines():
            oid, *found = line.split()
            if len(found) != 2:  # its kind and its size
                raise self._damaged(oid, line)

    def tend(self, *arguments: str, lines: Sequence[str], guard: int) -> list[str]:
        """Run a long command at the lowest priority, durably, with *lines* as its input; the lines that it prints.

        The file *guard* stays open in it: a lock on it ends with the command, also if we are killed.

        Raises:
            UnusableRepository: it failed; with what it says.
        """
        done = subprocess.run(
            ["nice", "-n", "19", *self.command("-c", "core.fsync=all", "-c", "pack.threads=1", *arguments)],
            env=environment(),
            input="".join(f"{line}\n" for line in lines),
            capture_output=True,
            text=True,
            errors="replace",
            pass_fds=(guard,),
        )
        if done.returncode != 0:
            said = done.stderr.strip() or f"git ended with {done.returncode}"
            raise UnusableRepository(str(self.path), said)
        return done.stdout.splitlines()

    def _reader(self, *arguments: str) -> list[str]:
        """A git command that reads this repository's objects, and nothing else of it; with `_plain` as environment."""
        return [
            "git",
            "--no-replace-objects",
            "--literal-pathspecs",
            f"--git-dir={_PLAIN}",
            "-c",
            "safe.directory=*",
            *("-c", f"core.attributesFile={os.devnull}"),
            *_FROM_OBJECTS,
            *arguments,
        ]

    def _plain(self) -> dict[str, str]:
        return environment() | {"GIT_OBJECT_DIRECTORY": str(self.objects), "GIT_ATTR_NOSYSTEM": "1"}

    def command(self, *arguments: str) -> list[str]:
        """A git command on this repository, which obeys its settings."""
        return [
            "git",
            "--no-replace-objects",
            "--literal-pathspecs",
            f"--git-dir={self.path}",
            "-c",
            "safe.directory=*",  # libgit2 has opened it already
            *arguments,
        ]
