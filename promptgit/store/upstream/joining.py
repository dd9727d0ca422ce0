"""The start of a node: a repository that is cloned from the upstream, or one that was there before."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from promptgit.errors import UnusableRepository, UpstreamUnavailable
from promptgit.store.git.command import Git
from promptgit.store.git.remotes import RemoteFailed, fetch_main, find_main, push_main
from promptgit.store.upstream.upstream import REF, Upstream

log = logging.getLogger(__name__)

_JOINING = "refs/promptgit/joining"


class Joining:
    """Brings one folder and its upstream together, before anybody is served."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._repository = upstream.repository
        self._url, self._timeout = upstream.settings.url, upstream.settings.timeout

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
                    return first
                except RemoteFailed:
                    tip = find_main(git, self._url, self._timeout)  # another node was first
                    if tip is None:
                        raise
            fetch_main(git, self._url, REF, self._timeout)
        except RemoteFailed as error:
            raise UpstreamUnavailable(str(error)) from error
        return tip

    def join(self) -> None:
        """Bring a repository that is there to where the upstream's `main` is.

        A history that has never had an upstream is brought to an empty one, or to one that has its beginning. Where
        the upstream of another one does not answer, the folder is served as it is.

        Raises:
            UnusableRepository: it has never had an upstream, and its history is another one.
            UpstreamUnavailable: it has never had an upstream, and whether its history is another one cannot be told.
            MainLocked, StorageFull, StorageFailed, OutcomeUnknown
        """
        if self._repository.ref(REF) is None:
            try:
                self._join_first()
            except RemoteFailed as error:
                raise UpstreamUnavailable(str(error)) from error
            finally:
                self._repository.forget(_JOINING)
        try:
            self._upstream.refresh(time.monotonic() + self._timeout)
        except UpstreamUnavailable as error:
            log.warning(
                "The upstream %s does not answer; the local copy is served: %s", self._upstream.shown_url, error
            )

    def _join_first(self) -> None:
        git = self._repository.git
        with self._upstream.write_lock.held():
            main = self._repository.main()
            tip = find_main(git, self._url, self._timeout)
            if tip is not None:
                fetch_main(git, self._url, _JOINING, self._timeout)
                tip = self._repository.ref(_JOINING)
                assert tip is not None
            if tip is None or (tip != main and self._repository.reaches(main, tip)):
                push_main(git, self._url, main, self._timeout, expected=tip or "")
            elif not self._repository.reaches(tip, main):
                raise UnusableRepository(
                    str(self._repository.path),
                    f"it has a history of its own, and {self._upstream.shown_url} has another one. Serve an empty "
                    "folder, or give the upstream's repository the history that is to stay.",
                )
