"""Bringing a data folder and an upstream together, once: by a clone, or with the history that the folder has."""

from __future__ import annotations

import hashlib
from pathlib import Path

from promptgit.errors import UnusableRepository
from promptgit.store.files import write_durably
from promptgit.store.git.command import Git
from promptgit.store.git.remotes import RemoteFailed, fetch_main, find_main, push_main
from promptgit.store.git.repository import Repository
from promptgit.store.upstream.upstream import REF, Upstream, unavailable

_JOINING = "refs/promptgit/joining"
_JOINED = "promptgit-joined"  # a file of the repository: the digest of the upstream's address
_CLONE_SECONDS = 3_600.0  # whole histories may be large


class Joining:
    """Brings one folder and its upstream together, before anybody is served."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._repository = upstream.repository
        self._url, self._timeout = upstream.settings.url, upstream.settings.timeout
        self._digest = hashlib.sha256(upstream.shown_url.encode()).hexdigest().encode()

    def origin(self, path: Path, first: str) -> str:
        """Where `main` of a new repository at *path* begins: at the upstream's, or at *first* if there is none yet.

        Raises:
            UpstreamUnavailable: there is no copy here, and none can be had.
        """
        git = Git(path)
        try:
            tip = find_main(git, self._url, self._timeout)
            if tip is None:
                try:
                    push_main(git, self._url, first, self._timeout, expected="")
                except RemoteFailed:
                    tip = find_main(git, self._url, self._timeout)  # another node was first
                    if tip is None:
                        raise
            if tip is not None:
                fetch_main(git, self._url, REF, _CLONE_SECONDS)
        except RemoteFailed as error:
            raise unavailable(str(error)) from error
        (path / _JOINED).write_bytes(self._digest)
        return tip or first

    def join(self) -> None:
        """Make sure that the repository and this upstream have one history; a look at a file says where that is known.

        The history is brought to an upstream that is empty, or that has its beginning.

        Raises:
            UnusableRepository: the two have different histories.
            UpstreamUnavailable: whether they have cannot be told.
            LockTimeout, StorageFull, StorageFailed
        """
        joined = self._repository.path / _JOINED
        if joined.exists() and joined.read_bytes() == self._digest:
            return
        try:
            with self._upstream.write_lock.held():
                self._bring()
                write_durably(joined, self._digest)
        except RemoteFailed as error:
            raise unavailable(str(error)) from error
        finally:
            self._repository.own_refs.remove(_JOINING)

    def _bring(self) -> None:
        git = self._repository.git
        main = self._repository.main()
        tip = find_main(git, self._url, self._timeout)
        if tip is not None:
            self._upstream.free(_JOINING)
            fetch_main(git, self._url, _JOINING, _CLONE_SECONDS)
            tip = self._repository.own_refs.get(_JOINING)
            assert tip is not None
        if tip is None or (tip != main and self._repository.reaches(main, tip)):
            push_main(git, self._url, main, _CLONE_SECONDS, expected=tip or "")
        elif not self._repository.reaches(tip, main):
            raise UnusableRepository(
                str(self._repository.path),
                f"it has a history of its own, and {self._upstream.shown_url} has another one. Serve an empty "
                "folder, or give the upstream's repository the history that is to stay.",
            )


def expect_alone(repository: Repository) -> None:
    """Refuse to write, without its upstream, to a repository that has one: the other nodes would not have it.

    Raises:
        UnusableRepository
    """
    if (joined := repository.path / _JOINED).exists():
        raise UnusableRepository(
            str(repository.path),
            "it belongs to an upstream, and is written to through that alone: set PROMPTGIT_UPSTREAM. "
            f"If it is to stand alone from now on, remove {joined}.",
        )
