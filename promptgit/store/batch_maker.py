"""From queued operations to commits on `main`: one batch, under the write lock that the caller holds."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from promptgit.domain.history import Commit
from promptgit.domain.models import Request
from promptgit.errors import OutcomeUnknown, PromptgitError, SigningFailed, WriteContended
from promptgit.store.files import expect_room, storage_errors
from promptgit.store.git.commits import Batch
from promptgit.store.git.refs import MainMoved
from promptgit.store.git.repository import Repository
from promptgit.store.index import requests
from promptgit.store.index.damage import Stumbled, stumbling
from promptgit.store.index.index import Index
from promptgit.store.index.ledger import Ledger
from promptgit.store.observer import Observer
from promptgit.store.operation import Operation
from promptgit.store.upstream.joining import expect_alone
from promptgit.store.upstream.pushes import Pusher

log = logging.getLogger(__name__)

_ATTEMPTS = 20
_REPAIRS = 2  # of the index, for one batch

_Made = tuple[Commit, Request | None]


@dataclass(slots=True, eq=False)
class Job:
    """An operation, and what has become of it."""

    operation: Operation[Any]
    answer: Any = None
    error: Exception | None = None
    settled: bool = False  # the error stands, or what the answer tells of is on `main`, on disk
    done: bool = False  # nobody works on it any more


class _EndsEarlier(Exception):
    """Another job than expected makes the last commit of the batch, which is the one to be signed."""

    def __init__(self, job: Job) -> None:
        self.job = job


class BatchMaker:
    """Runs the operations of one batch after the other on a repository and its index; for one thread at a time.

    *clock* gives seconds since 1970. With *sign* the last commit of each batch is signed, which covers all before it.
    With *pusher* a batch is on `main` once the upstream has accepted it; a race with other nodes that is lost is run
    again for *patience* seconds.
    """

    def __init__(
        self,
        repository: Repository,
        index: Index,
        clock: Callable[[], float],
        observer: Observer,
        sign: Callable[[bytes], bytes] | None,
        pusher: Pusher | None,
        patience: float,
    ) -> None:
        self._repository = repository
        self._index = index
        self._clock = clock
        self._observer = observer
        self._sign = sign
        self._pusher = pusher
        self._patience = patience

    def prepare(self, deadline: float) -> None:
        """Wait until a batch may begin, if the upstream bounds that; *deadline* is on the monotonic clock.

        Raises:
            UpstreamUnavailable: it may not begin before *deadline*.
        """
        if self._pusher is not None:
            self._pusher.prepare(deadline)

    def make(self, jobs: list[Job], stop_at_refusal: bool = False) -> list[Job]:
        """Make the commits durable and visible, or none of them. Returns the jobs that were tried."""
        last = jobs[-1] if jobs else None
        repairs = moves = 0
        patient = time.monotonic() + self._patience
        deadline = patient if self._pusher is None else self._pusher.deadline()
        for _ in range(_ATTEMPTS):
            try:
                return self._attempt(jobs, last, stop_at_refusal, deadline, repairing=repairs < _REPAIRS)
            except Stumbled as found:
                if not self._index.repair(found.error):
                    repairs = _REPAIRS  # a fault of ours: it is the operation's own error
                repairs += 1
            except MainMoved:
                if moves and time.monotonic() > patient:
                    break
                # It is waited for out here, where no transaction keeps others waiting.
                if self._pusher is None:
                    self._repository.main_file.expect_unlocked()  # by somebody without the lock
                else:
                    self._pusher.renew(moves, deadline)
                moves += 1
            except _EndsEarlier as found:
                last = found.job
        raise WriteContended

    def _attempt(
        self, jobs: list[Job], last: Job | None, stop_at_refusal: bool, deadline: float, *, repairing: bool
    ) -> list[Job]:
        """Run the operations; if their commits are to be signed, *last* must be the job of the last commit.

        The upstream is waited for until *deadline*, on the monotonic clock.

        With *repairing* an error that a damaged index may have led to is no operation's own: `Stumbled` has it.

        A signature is part of the commit's id, which the index and the answers hold: none can be added later. Hosts
        can demand that each commit has one, so with an upstream each has.
        """
        start = time.monotonic()
        expect_room(self._repository.path)
        if self._pusher is None:
            expect_alone(self._repository)
        tried: list[Job] = []
        made: list[_Made] = []
        committed: Job | None = None
        with ExitStack() as held:
            with stumbling(repairing):
                connection, ledger, tip = held.enter_context(self._index.writing())
            batch = self._repository.batch(tip, int(self._clock()))
            for job in jobs:
                sign = self._sign if job is last or self._pusher is not None else None
                with stumbling(repairing):
                    commit = self._apply(job, connection, ledger, batch, sign, repairing)
                if commit is not None:
                    made.append((commit, job.operation.request))
                    committed = job
                tried.append(job)
                if job.error is not None and stop_at_refusal:
                    break
            if not batch.commits:
                # The answers speak of what is there already.
                self._repository.main_file.expect_durable(tip)
                held.close()
                if self._pusher is not None:
                    self._pusher.confirm(tip, deadline)
                return _settled(tried)
            if self._sign is not None and committed is not last and self._pusher is None:
                assert committed is not None
                raise _EndsEarlier(committed)  # those after it were refused, or had nothing to change
            self._repository.store(batch)
            if self._pusher is None:
                self._repository.move_main(tip, batch.tip, int(self._clock()))
                self._record(connection, batch.tip)
        if self._pusher is not None:  # the transaction has ended: the network is waited for
            try:
                self._pusher.land(tip, batch.tip, deadline)
            except (PromptgitError, MainMoved):
                raise
            except Exception as error:  # a push may have been sent by then
                log.exception("What became of %s at the upstream cannot be told", batch.tip)
                raise OutcomeUnknown from error
            self._take_landed(tip, batch, made)
        self._tidy()
        self._observer.wrote(len(batch.commits), time.monotonic() - start)
        return _settled(tried)

    def _take_landed(self, tip: str, batch: Batch, made: list[_Made]) -> None:
        """Move `main` to where the upstream's is since the push, and bring the index along.

        Raises:
            OutcomeUnknown: `main` could not be moved here. It is moved with the next fetch.
        """
        with ExitStack() as held:
            connection = None
            try:
                found, ledger, head = held.enter_context(self._index.writing())
                if head == tip:
                    _note(found, ledger, batch, made)
                    connection = found
            except Exception:
                log.exception("The index could not be brought up to %s", batch.tip)
            try:
                self._repository.move_main(tip, batch.tip, int(self._clock()))
            except OutcomeUnknown:
                raise
            except Exception as error:
                log.exception("The upstream has accepted %s, and main cannot be moved there", batch.tip)
                raise OutcomeUnknown from error
            if connection is not None:
                self._record(connection, batch.tip)

    def _record(self, connection: sqlite3.Connection, tip: str) -> None:
        try:
            self._index.record(connection, tip)
        except Exception:
            # The versions are there; the index takes them in at the next look.
            log.exception("The index could not be brought up to %s", tip)

    def _tidy(self) -> None:
        try:
            self._repository.tidy()
        except Exception:
            log.exception("Small packs could not be joined")  # they can be read all the same

    @storage_errors()
    def _apply(
        self,
        job: Job,
        connection: sqlite3.Connection,
        ledger: Ledger,
        batch: Batch,
        sign: Callable[[bytes], bytes] | None,
        repairing: bool,
    ) -> Commit | None:
        """Run one job; the commit that it has made, if any."""
        now = self._clock()
        job.error = None
        request, recall = job.operation.request, job.operation.recall

        def read(oid: str) -> bytes | None:
            return batch.read(oid) if oid in batch.objects or oid in self._repository else None

        try:
            with storage_errors(), stumbling(repairing):
                if request and recall and (made := requests.find(connection, request, read, now)):
                    job.answer = recall(connection, made)
                    return None
                edit = job.operation.plan(connection)
                commit = None if edit is None else batch.commit(edit, sign, self._headers(request, batch))
        except (SigningFailed, Stumbled):
            raise
        except Exception as error:
            job.error = error  # this operation fails alone
            return None
        if commit is not None:
            _note(connection, ledger, batch, [(commit, request)])
        job.answer = job.operation.answer(connection)
        return commit

    def _headers(self, request: Request | None, batch: Batch) -> list[str]:
        unique = [self._pusher.unique_header()] if self._pusher is not None and not batch.commits else []
        return [*requests.headers_of(request), *unique]


def _note(connection: sqlite3.Connection, ledger: Ledger, batch: Batch, made: list[_Made]) -> None:
    """Take commits of a batch into the index, within a transaction."""
    ledger.apply([commit for commit, _ in made], batch.read)
    ledger.flush()
    if asked := [(commit.id, request) for commit, request in made if request]:
        requests.note(connection, asked)


def _settled(jobs: list[Job]) -> list[Job]:
    for job in jobs:
        job.settled = True
    return jobs
