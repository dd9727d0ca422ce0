"""One folder on disk: the repository, its index and its writer, put together."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from promptgit.domain.models import Author
from promptgit.errors import NotReady, PromptgitError, StorageFailed, StorageFull, Unavailable, UnusableRepository
from promptgit.store import mounts
from promptgit.store.batch_maker import BatchMaker
from promptgit.store.files import expect_room, fsync_tree, has_hard_links, make_folder_durably, storage_errors
from promptgit.store.git import kinds, objects
from promptgit.store.git.blame import Blame
from promptgit.store.git.refs import MAIN
from promptgit.store.git.repository import Repository
from promptgit.store.git.signatures import Signer
from promptgit.store.git.upkeep import Upkeep
from promptgit.store.index import change_queries, queries, release_queries
from promptgit.store.index.connections import Unusable, head_of
from promptgit.store.index.content_tables import ContentTables
from promptgit.store.index.index import Index
from promptgit.store.index.intake import Progress
from promptgit.store.locks import WriteLock
from promptgit.store.observer import Observer
from promptgit.store.upstream.joining import Joining
from promptgit.store.upstream.pushes import Pusher
from promptgit.store.upstream.upstream import Upstream, UpstreamSettings
from promptgit.store.writer import Writer

log = logging.getLogger(__name__)

# Kernels write back within half a minute, unless a file system is mounted with another interval.
_WRITTEN_BACK_SECONDS = 3_600.0
_FOLLOW_SECONDS = 10.0
_SAMPLED_PROMPTS = 8  # whose newest content is read for each look at readiness
_GATHERING = 0.25  # with an upstream, see `Writer`: 64 clients come back one soon after the other, in 0.05 to 0.15 s

COMMITTER = Author("promptgit", "promptgit@localhost")


class Store:
    """What lies in one folder. Cheap to make; nothing is opened before it is used.

    *lock_timeout* is in seconds; *clock* gives seconds since 1970; *observer* is told what is written;
    *signing_key* is the path of an SSH key. With *upstream* a write is done once that has accepted it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        lock_timeout: float,
        clock: Callable[[], float] = time.time,
        observer: Observer | None = None,
        signing_key: str = "",
        upstream: UpstreamSettings | None = None,
    ) -> None:
        self.folder = folder
        self.committer = COMMITTER
        self.repository = Repository(folder / "prompts.git", COMMITTER, patience=lock_timeout)
        self.index = Index(folder / "index.sqlite3", self.repository, clock)
        self.content_tables = ContentTables(self.index, self.repository)
        self.signer = Signer(Path(signing_key)) if signing_key else None
        sign = self.signer.sign if self.signer else None
        self._write_lock = WriteLock(folder / "write.lock", lock_timeout)
        observer = observer or Observer()
        self.upstream = Upstream(upstream, self.repository, self._write_lock, clock, observer) if upstream else None
        pusher = Pusher(self.upstream) if self.upstream else None
        maker = BatchMaker(self.repository, self.index, clock, observer, sign, pusher, lock_timeout)
        gathering = _GATHERING if self.upstream else 0.0
        self.writer = Writer(maker, self.repository, self.index, self._write_lock, observer, gathering)
        self.blame = Blame(self.repository.git, folder)
        self.upkeep = Upkeep(self.repository, self._write_lock)
        self.clock = clock
        self._sampled = 0

    def open(
        self, progress: Progress | None = None, *, catch_up: bool = True, born: int | None = None, follow: bool = False
    ) -> None:
        """Make what is missing: the folder, the repository with its first commit; and with *catch_up* the index.

        With *follow* `main` is brought to where the upstream's is, if there is one, and it answers soon.

        A first commit that is made is dated *born*, in seconds since 1970; None: now. An import of an older history
        follows on it.

        Raises:
            LockTimeout: another writer kept the write lock.
            UnusableRepository: the folder holds something else, or another history than the upstream.
            UpstreamUnavailable: there is no copy of the upstream here to be served.
            SigningFailed: the signing key cannot be used.
        """
        if self.signer is not None:
            self.signer.check()
        with storage_errors():
            make_folder_durably(self.folder)
        self._expect_hard_links()
        if not self.repository.is_complete():
            with self._write_lock.held():
                now = int(self.clock())
                origin = Joining(self.upstream).origin if self.upstream else None
                self.repository.create(now if born is None else min(born, now), origin)
        main_file = self.repository.main_file
        if main_file.is_left_locked() or main_file.is_head_locked():
            with self._write_lock.held():
                main_file.sweep()
                main_file.free_head()
        if self.upstream is not None:
            Joining(self.upstream).join()
            if follow:
                self._follow(self.upstream)
        if catch_up:
            self.index.catch_up(progress)

    @staticmethod
    def _follow(upstream: Upstream) -> None:
        try:
            upstream.refresh(time.monotonic() + _FOLLOW_SECONDS)
        except Unavailable as error:
            log.warning("The local copy is served, for %s cannot be followed: %s", upstream.shown_url, error)

    def _expect_hard_links(self) -> None:
        try:
            with storage_errors():
                is_possible = has_hard_links(self.folder)
        except StorageFailed as error:
            reason = f"its folder cannot be written to: {error.reason}."
            raise UnusableRepository(str(self.repository.path), reason) from error
        if not is_possible:
            raise UnusableRepository(
                str(self.repository.path),
                "its file system has no hard links, without which main cannot be moved safely. Put the folder on "
                "another, such as ext4, xfs, btrfs, ZFS or APFS.",
            )

    def settle(self) -> None:
        """Make what others have put into the repository lately stay through a power cut: a backup, a clone.

        The first write stands on it. Call it once before requests are served.
        """
        fsync_tree(self.repository.path, since=self.clock() - _WRITTEN_BACK_SECONDS)

    def expect_ready(self) -> None:
        """Refuse if requests cannot be answered; an index that is behind is brought up to `main`.

        Raises:
            NotReady: it says why.
        """
        try:
            self.repository.close()  # a handle that is open would go on reading what is not there any more
            self.repository.essentials.expect_whole()
            main = self.repository.main()
            if not self.repository.is_commit(main):
                raise kinds.without_commit(self.repository.path, main)
            self.repository.read(objects.tree_of(self.repository.read(main)))
            self.repository.main_file.settle()  # a write whose fsync failed is not ready to be built upon
            self.index.catch_up()
            self._expect_undamaged()
        except Exception as error:  # of git, of SQLite, of the system: whatever it is, nobody can be served
            raise NotReady(str(error) or repr(error)) from error

    def _expect_undamaged(self) -> None:
        """Refuse if an object that could not be read is still so, or the newest content of the next few prompts is."""
        settled: list[str] = []
        try:
            for oid, seen_at in self.repository.unreadable.noted().items():
                if self._is_in_history(seen_at):
                    self.repository.read(oid)
                    self.repository.git.expect_objects([oid])
                settled.append(oid)
        finally:
            if settled:
                self.repository.unreadable.forget(settled)
        sample = self.index.read(queries.newest_after, self._sampled, _SAMPLED_PROMPTS)
        self._sampled = sample[-1][0] if len(sample) == _SAMPLED_PROMPTS else 0  # and from the first one again
        for _, blob in sample:
            self.repository.read(blob)

    def lost_tips(self) -> list[str]:
        """The former tips of `main` that are kept under refs, and that its first-parent history does not have now."""
        return [tip for tip in self.repository.own_refs.kept_tips() if not self._is_in_history(tip)]

    def _is_in_history(self, tip: str) -> bool:
        main = self.repository.main()
        try:
            # An index that is at `main` has all commits of its first-parent history, and says so at once.
            found = self.index.peek(
                lambda connection: (
                    change_queries.number_of(connection, tip) is not None if head_of(connection) == main else None
                )
            )
        except (Unusable, sqlite3.Error, PromptgitError, OSError):
            found = None  # git says it without an index
        try:
            return self.repository.git.leads_to(tip, main) if found is None else found
        except UnusableRepository:
            return False  # nothing says that it has come back

    def warnings(self) -> list[str]:
        """What does not keep the folder from being served, but should not stay; a sentence each."""
        try:
            lost, head = self.lost_tips(), self.repository.head()
        except UnusableRepository as error:  # main can be read, else nobody would be served
            return [str(error)]
        found = [
            f"main was rewritten: its first-parent history no longer has {tip}, which is kept under "
            f"refs/promptgit/lost/{tip}. Bring it back, or remove that ref; see docs/recovery.md."
            for tip in lost
        ]
        if head != MAIN:
            found.append(
                f"HEAD points at {head}: clones do not check out main. Run 'git symbolic-ref HEAD {MAIN}' in it."
            )
        found += [
            f"prompts.git borrows objects from {lender}, and what is removed there is lost here. "
            "Run 'git repack -a -d' in it, and then remove its file objects/info/alternates."
            for lender in kinds.lenders(self.repository.path)
        ]
        if (kind := mounts.network_file_system(self.folder)) is not None:
            found.append(
                f"{self.folder} is on a network file system ({kind}), whose locks and fsync cannot be relied on. "
                "Put it on a local disk."
            )
        return found

    def write_warnings(self) -> list[str]:
        """Why no write is taken at present, a sentence each; reads go on."""
        found = []
        try:
            expect_room(self.folder)
        except StorageFull:
            found.append("Less than 1 MiB is free, so no write is taken. Make room.")
        except StorageFailed as error:
            found.append(f"No write is taken: {error}")
        if not os.access(self.repository.path, os.W_OK):
            found.append(f"{self.repository.path} cannot be written to, so no write is taken. Change its owner.")
        return found

    def rule_warnings(self) -> list[str]:
        """What is wrong with the rules, and which labels do not show what was released; a sentence each.

        Raises:
            IndexBusy: the index could not be brought up to `main` in time.
        """
        return self.index.read(release_queries.warnings)

    def close(self) -> None:
        """Close what this thread has open, and what leaders of batches pass on.

        Call it before a fork, for neither SQLite nor libgit2 may go through one.
        """
        self.index.close()
        self.repository.close()
        self.writer.close()
