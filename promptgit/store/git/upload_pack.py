"""`git upload-pack`: the other side of a clone or a fetch (gitprotocol-http(5), gitprotocol-v2(5))."""

from __future__ import annotations

import logging
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from io import BufferedReader
from pathlib import Path
from typing import IO, cast

from filelock import FileLock

from promptgit.errors import ClonesBusy, MalformedGitRequest, UnusableRepository
from promptgit.store.git.children import end, environment
from promptgit.store.git.command import Git
from promptgit.store.git.packs import drop_stale_multi_pack_index
from promptgit.store.git.slots import Slots

log = logging.getLogger(__name__)

_CHUNK = 1 << 16
_SECONDS_TO_ADVERTISE = 30
_SETTINGS = [
    word
    for setting in (
        # Of several that fit, the last one counts: `main` alone is shown, and HEAD, which is no ref.
        "transfer.hideRefs=refs/",
        "transfer.hideRefs=!refs/heads/main",
        "uploadpack.allowFilter=true",
        # Protocol v2 gives any object by its id; with this, partial clones work in v0 too.
        "uploadpack.allowAnySHA1InWant=true",
        "uploadpack.keepAlive=1",  # a client that has gone is noticed while a pack is prepared
        "pack.threads=1",
    )
    for word in ("-c", setting)
]


class BrokenPack(Exception):
    """git failed in the middle of its answer; it says why."""


class Pack:
    """What git answers, in chunks, while it runs. `close` it: that ends git and frees its slot."""

    def __init__(self, child: subprocess.Popen[bytes], first: bytes, errors: IO[bytes], held: ExitStack) -> None:
        self._child, self._first, self._errors, self._held = child, first, errors, held

    def __iter__(self) -> Iterator[bytes]:
        chunk = self._first
        while chunk:
            yield chunk
            chunk = _read(self._child)
        if self._child.wait() != 0:  # raised, so that the answer has no end and the client notices
            raise BrokenPack(_complaint(self._errors))

    def close(self) -> None:
        """End git, if it still runs."""
        self._held.close()


class UploadPack:
    """Answers clients of one repository; *most* at once, whichever processes use *folder*."""

    def __init__(self, git: Git, folder: Path, most: int) -> None:
        self._git = git
        self._slots = Slots(folder, "clone", most)

    def advertise(self, protocol: str) -> bytes:
        """The refs (or in *protocol* "version=2" the capabilities) with which a client begins.

        Raises:
            ClonesBusy: there is no slot; git shows its user why only here, not when the pack is refused.
            UnusableRepository: git cannot read it.
        """
        slot = self._take_slot()
        try:
            return subprocess.run(
                self._command("--advertise-refs"),
                env=_environment(protocol),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=True,
                timeout=_SECONDS_TO_ADVERTISE,
            ).stdout
        except subprocess.CalledProcessError as error:
            raise UnusableRepository(str(self._git.path), error.stderr.decode(errors="replace").strip()) from error
        finally:
            slot.release()

    def answer(self, request: IO[bytes], protocol: str) -> Pack:
        """What git answers to the client's request, a file at its start.

        Raises:
            ClonesBusy: there is no slot.
            MalformedGitRequest: git cannot understand it.
        """
        with ExitStack() as held:
            slot = self._take_slot()
            held.callback(slot.release)
            errors = held.enter_context(tempfile.TemporaryFile())
            child = held.enter_context(
                subprocess.Popen(
                    self._command(),
                    env=_environment(protocol),
                    stdin=request,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    process_group=0,  # git's own children end with it
                )
            )
            held.callback(end, child)
            first = _read(child)
            if not first and child.wait() != 0:
                raise MalformedGitRequest(f"is not understood: {_complaint(errors)}")
            return Pack(child, first, errors, held.pop_all())

    def _take_slot(self) -> FileLock:
        slot = self._slots.take()
        if slot is None:
            raise ClonesBusy(self._slots.most)
        drop_stale_multi_pack_index(self._git.path / "objects" / "pack")  # git would not look past it
        return slot

    def _command(self, *options: str) -> list[str]:
        # Of low priority, so that the API's answers come first.
        path = str(self._git.path.absolute())
        upload_pack = self._git.command(*_SETTINGS, "upload-pack", "--strict", "--stateless-rpc", *options, path)
        return ["nice", "-n", "10", *upload_pack]


def _read(child: subprocess.Popen[bytes]) -> bytes:
    return cast(BufferedReader, child.stdout).read1(_CHUNK)


def _complaint(errors: IO[bytes]) -> str:
    """What a git that has ended has to say of it."""
    errors.seek(0)
    return errors.read(1_000).decode(errors="replace").strip().removeprefix("fatal: ")


def _environment(protocol: str) -> dict[str, str]:
    return environment() | ({"GIT_PROTOCOL": protocol} if protocol else {})
