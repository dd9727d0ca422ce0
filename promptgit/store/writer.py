"""The writer: a group commit under the file lock.

A thread queues its operation, and either becomes the leader or waits for an answer. The leader acquires the file lock
once, applies every queued operation in order, each against the state that the ones before it left, makes all their
commits durable together, moves `main` once, and answers all. There is no background thread that a fork could lose.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar, cast

from promptgit import deferral
from promptgit.errors import LockTimeout, OutcomeUnknown
from promptgit.store.batch_maker import BatchMaker, Job
from promptgit.store.git.repository import Repository
from promptgit.store.index.index import Index
from promptgit.store.locks import WriteLock
from promptgit.store.observer import Observer
from promptgit.store.operation import Operation

T = TypeVar("T")

_MOST_IN_A_BATCH = 128
_MOST_PATIENCE = 4  # times the seconds for which no operation has come
_LOOK_SECONDS = 0.005  # how often a leader looks whether a request that was announced will not write after all


class Writer:
    """Runs operations one batch at a time, across threads and processes.

    A leader first waits for the requests that the server has announced, and for the clients that the last batch has
    answered, so that their operations are in its batch. It gives up once no operation has come for the seconds that the
    last batch took, times *gathering*, or after four times as long. Without this, most of them would wait for a whole
    push that carries few operations.
    """

    def __init__(
        self,
        maker: BatchMaker,
        repository: Repository,
        index: Index,
        lock: WriteLock,
        observer: Observer,
        gathering: float = 0.0,
    ) -> None:
        self._maker = maker
        self._repository = repository
        self._index = index
        self._observer = observer
        self._lock = lock
        self.gathering = gathering
        mutex = threading.RLock()
        self._turn = threading.Condition(mutex)
        self._queued = threading.Condition(mutex)  # the leader alone waits for it
        self._queue: list[Job] = []
        self._came = 0.0  # when the last operation was queued, on the monotonic clock
        self._led = False
        self._writers = 0  # how many had an operation in the last batch, or in the queue at its end
        self._seconds = 0.0  # that the last batch took

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
        job = Job(operation)
        deadline = self._deadline()
        with self._turn:
            self._queue.append(job)
            self._came = time.monotonic()
            deferral.announced.discard(deferral.announcement.get())
            if self._is_gathered():  # else the leader goes on waiting
                self._queued.notify()
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
        jobs = [Job(operation) for operation in operations]
        with self._turn:
            deadline = self._deadline()
            if not self._turn.wait_for(lambda: not self._led, deadline - time.monotonic()):
                raise LockTimeout(self._lock.timeout)
            self._led = True
        try:
            with self._locked(deadline):
                made = self._maker.make(jobs, stop_at_refusal)
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

    def _lead(self, own: Job, deadline: float) -> None:
        jobs: list[Job] = []
        try:
            self._gather(deadline)
            with self._locked(deadline):
                with self._turn:
                    # What came while waiting for the file lock goes along.
                    jobs = self._queue[:_MOST_IN_A_BATCH]
                    if own not in jobs:
                        jobs[-1] = own
                    self._queue = [job for job in self._queue if job not in jobs]
                began = time.monotonic()
                self._maker.make(jobs)
                self._seconds = time.monotonic() - began
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

    def _gather(self, deadline: float) -> None:
        """Wait for the operations that are expected; at most half of the time until *deadline*."""
        with self._turn:
            began = self._came = time.monotonic()
            patience = self.gathering * self._seconds
            latest = min(began + _MOST_PATIENCE * patience, (began + deadline) / 2)
            while not self._is_gathered():
                left = min(latest, self._came + patience) - time.monotonic()
                if left <= 0:
                    return
                self._queued.wait(min(left, _LOOK_SECONDS) if deferral.announced else left)

    def _is_gathered(self) -> bool:
        """True if all operations are queued that were announced, and as many as the last batch had writers."""
        queued = len(self._queue)
        return queued >= _MOST_IN_A_BATCH or (queued >= self._writers and not deferral.announced)

    def _hand_over(self, jobs: list[Job]) -> None:
        with self._turn:
            self._writers = len(jobs) + len(self._queue)
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
            self._maker.prepare(deadline)
            yield
