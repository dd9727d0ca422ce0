"""The writer: a group commit under the file lock.

A thread queues its operation, and either becomes the leader or waits for an answer. The leader acquires the file lock
once, applies every queued operation in order, each against the state that the ones before it left, makes all their
commits durable together, moves `main` once, and answers all. There is no background thread that a fork could lose.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from promptgit import deferral
from promptgit.errors import LockTimeout, OutcomeUnknown, SigningFailed, WriteContended
from promptgit.store.files import expect_room, storage_errors
from promptgit.store.git.commits import Batch
from promptgit.store.git.refs import MainMoved
from promptgit.store.git.repository import Repository
from promptgit.store.index import requests
from promptgit.store.index.damage import Stumbled, stumbling
from promptgit.store.index.index import Index
from promptgit.store.index.ledger import Ledger
from promptgit.store.locks import WriteLock
from promptgit.store.observer import Observer
from promptgit.store.operation import Operation

T = TypeVar("T")
log = logging.getLogger(__name__)

_MOST_IN_A_BATCH = 128
_ATTEMPTS = 20
_REPAIRS = 2  # of the index, for one batch


@dataclass(slots=True, eq=False)
class _Job:
    operation: Operation[Any]
    answer: Any = None
    error: Exception | None = None
    settled: bool = False  # the error stands, or what the answer tells of is on `main`, on disk
    done: bool = False  # nobody works on it any more


class _EndsEarlier(Exception):
    """Another job than expected makes the last commit of the batch, which is the one to be signed."""

    def __init__(self, job: _Job) -> None:
        self.job = job


class Writer:
    """Runs operations one batch at a time, across threads and processes.

    *clock* gives seconds since 1970. With *sign* the last commit of each batch is signed, which covers all
    before it.
    """

    def __init__(
        self,
        repository: Repository,
        index: Index,
        lock: WriteLock,
        clock: Callable[[], float],
        observer: Observer,
        sign: Callable[[bytes], bytes] | None,
    ) -> None:
        self._repository = repository
        self._index = index
        self._clock = clock
        self._observer = observer
        self._sign = sign
        self._lock = lock
        self._turn = threading.Condition()
        self._queue: list[_Job] = []
        self._led = False

    @property
    def waiting(self) -> int:
        """How many operations of this process's threads wait for a batch to take them."""
        with self._turn:
            return len(self._queue)

    def submit(self, operation: Operation[T]) -> T:
        """Run an operation; its commit is on disk and on `main` when this returns.

        Raises:
            LockTimeout: the lock was not acquired in time; nothing was written.
            MainLocked: another program kept git's lock of `main`; nothing was written.
            StorageFull, StorageFailed: the disk was full, or failed; nothing was written.
            SigningFailed: nothing was written.
            OutcomeUnknown: it may be on `main`, and may stay.
            PromptgitError: what the operation's plan raises.
        """
        job = _Job(operation)
        deadline = self._deadline()
        with self._turn:
            self._queue.append(job)
            while self._led and not job.done:
                # A leader that has taken the job answers it, late or not.
                in_time = self._turn.wait(deadline - time.monotonic() if job in self._queue else None)
                if not in_time and job in self._queue:
                    self._queue.remove(job)
                    raise LockTimeout(self._lock.timeout)
            if not job.done:
                self._led = True
        if not job.done:
            self._lead(job, deadline)
        if job.error is not None:
            raise job.error
        if not job.settled:
            raise OutcomeUnknown  # the leader was ended in the middle
        return cast(T, job.answer)

    def together(self, operations: Sequence[Operation[Any]], *, stop_at_refusal: bool) -> list[Any]:
        """Run operations as one batch; a refused one has its error in the place of its answer.

        With *stop_at_refusal* those after the first refused one are left out, of the answers too.

        Raises:
            LockTimeout, MainLocked, StorageFull, StorageFailed, SigningFailed: nothing was written.
            OutcomeUnknown: they may be on `main`, and may stay.
        """
        jobs = [_Job(operation) for operation in operations]
        with self._turn:
            deadline = self._deadline()
            if not self._turn.wait_for(lambda: not self._led, deadline - time.monotonic()):
                raise LockTimeout(self._lock.timeout)
            self._led = True
        try:
            with self._locked(deadline):
                made = self._make(jobs, stop_at_refusal)
        finally:
            self._hand_over([])
        return [job.error or job.answer for job in made]

    def close(self) -> None:
        """Close what the leaders of batches have open, unless one of them is at work now."""
        with self._turn:
            if not self._led:
                with self._index.led(), self._repository.led():
                    self._index.close()
                    self._repository.close()

    def _deadline(self) -> float:
        """Until when the lock is waited for: what the request that writes has waited before counts, too."""
        latest = time.monotonic() + self._lock.timeout
        return min(latest, deferral.deadline.get() or latest)

    def _lead(self, own: _Job, deadline: float) -> None:
        jobs: list[_Job] = []
        try:
            with self._locked(deadline):
                with self._turn:
                    # What came while waiting for the file lock goes along.
                    jobs = self._queue[:_MOST_IN_A_BATCH]
                    if own not in jobs:
                        jobs[-1] = own
                    self._queue = [job for job in self._queue if job not in jobs]
                self._make(jobs)
        except BaseException as error:
            if not jobs:
                with self._turn:
                    self._queue.remove(own)
                raise
            if not isinstance(error, Exception):
                raise  # the others in the batch have neither answer nor error
            for job in jobs:
                job.error = error
        finally:
            self._hand_over(jobs)

    def _hand_over(self, jobs: list[_Job]) -> None:
        with self._turn:
            for job in jobs:
                job.done = True
            self._led = False
            self._turn.notify_all()

    @contextmanager
    def _locked(self, deadline: float) -> Iterator[None]:
        start = time.monotonic()
        with ExitStack() as held:
            try:
                held.enter_context(self._lock.held(deadline))
            finally:
                self._observer.waited(time.monotonic() - start)
            held.enter_context(self._index.led())
            held.enter_context(self._repository.led())
            yield

    def _make(self, jobs: list[_Job], stop_at_refusal: bool = False) -> list[_Job]:
        """Make the commits durable and visible, or none of them. Returns the jobs that were tried."""
        last = jobs[-1] if jobs else None
        repairs = 0
        for _ in range(_ATTEMPTS):
            try:
                return self._attempt(jobs, last, stop_at_refusal, repairing=repairs < _REPAIRS)
            except Stumbled as found:
                if not self._index.repair(found.error):
                    repairs = _REPAIRS  # a fault of ours: it is the operation's own error
                repairs += 1
            except MainMoved:
                # By somebody without the lock. It is waited for out here, where no transaction keeps others waiting.
                self._repository.main_file.expect_unlocked()
            except _EndsEarlier as found:
                last = found.job
        raise WriteContended

    def _attempt(self, jobs: list[_Job], last: _Job | None, stop_at_refusal: bool, repairing: bool) -> list[_Job]:
        """Run the operations; if their commits are to be signed, *last* must be the job of the last commit.

        With *repairing* an error that a damaged index may have led to is no operation's own: `Stumbled` has it.

        A signature is part of the commit's id, which the index and the answers hold: none can be added later.
        """
        start = time.monotonic()
        expect_room(self._repository.path)
        tried: list[_Job] = []
        committed: _Job | None = None
        with ExitStack() as held:
            with stumbling(repairing):
                connection, ledger, tip = held.enter_context(self._index.writing())
            batch = self._repository.batch(tip, int(self._clock()))
            for job in jobs:
                with stumbling(repairing):
                    if self._apply(job, connection, ledger, batch, self._sign if job is last else None, repairing):
                        committed = job
                tried.append(job)
                if job.error is not None and stop_at_refusal:
                    break
            if not batch.commits:
                self._repository.main_file.expect_durable(tip)  # the answers speak of what is there already
                return _settled(tried)
            if self._sign is not None and committed is not None and committed is not last:
                raise _EndsEarlier(committed)  # those after it were refused, or had nothing to change
            self._repository.store(batch)
            self._repository.move_main(tip, batch.tip, int(self._clock()))
            try:
                self._index.record(connection, batch.tip)
            except Exception:
                # The versions are there; the index takes them in at the next look.
                log.exception("The index could not be brought up to %s", batch.tip)
        self._tidy()
        self._observer.wrote(len(batch.commits), time.monotonic() - start)
        return _settled(tried)

    def _tidy(self) -> None:
        try:
            self._repository.tidy()
        except Exception:
            log.exception("Small packs could not be joined")  # they can be read all the same

    @storage_errors()
    def _apply(
        self,
        job: _Job,
        connection: sqlite3.Connection,
        ledger: Ledger,
        batch: Batch,
        sign: Callable[[bytes], bytes] | None,
        repairing: bool,
    ) -> bool:
        """Run one job; True if it has made a commit."""
        now = self._clock()
        job.error = None
        request, recall = job.operation.request, job.operation.recall

        def read(oid: str) -> bytes | None:
            return batch.read(oid) if oid in batch.objects or oid in self._repository else None

        try:
            with storage_errors(), stumbling(repairing):
                if request and recall and (made := requests.find(connection, request, read, now)):
                    job.answer = recall(connection, made)
                    return False
                edit = job.operation.plan(connection)
                commit = None if edit is None else batch.commit(edit, sign, requests.headers_of(request))
        except (SigningFailed, Stumbled):
            raise
        except Exception as error:
            job.error = error  # this operation fails alone
            return False
        if commit is not None:
            ledger.apply([commit], batch.read)
            ledger.flush()
            if request:
                requests.note(connection, [(commit.id, request)])
        job.answer = job.operation.answer(connection)
        return commit is not None


def _settled(jobs: list[_Job]) -> list[_Job]:
    for job in jobs:
        job.settled = True
    return jobs
