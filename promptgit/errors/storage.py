"""What the folder, the repository or the machine does not allow."""

from __future__ import annotations

from dataclasses import dataclass

from promptgit.errors.base import PromptgitError, Unavailable


@dataclass(eq=False)
class LockTimeout(Unavailable):
    """The write lock was not had in time."""

    code = "write_lock_timeout"
    sentence = "Another writer held the write lock for {self.seconds:g} seconds. Nothing was written; try again."
    seconds: float


class TooManyWriters(Unavailable):
    """The process's queue of requests that wait to write is full, and this request was refused at once."""

    code = "too_many_writers"
    sentence = "Too many requests already wait to write. Nothing was written; try again."


class WriteContended(Unavailable):
    """Somebody without the write lock, or other nodes of the same upstream, kept moving `main`."""

    code = "write_contended"
    sentence = "Others kept moving main. Nothing was written; try again."


@dataclass(eq=False)
class MainLocked(Unavailable):
    """Another program holds git's lock of `main`, the file *lock*."""

    code = "main_locked"
    sentence = (
        "Another program holds git's lock of main, {self.lock}. Nothing was written; try again. "
        "If no git works in the repository any more, remove that file."
    )
    lock: str


class OutcomeUnknown(Unavailable):
    """The disk failed after `main` was moved, or the answer of the upstream was lost: the write may last, or not."""

    code = "outcome_unknown"
    sentence = (
        "The disk, or the upstream, failed at a moment at which it cannot be said whether the write will last. "
        "Send the same request again: that neither loses it nor makes it twice."
    )


@dataclass(eq=False)
class Damaged(Unavailable):
    """An object cannot be read from the repository: it is missing, or not what its id says. Nothing was written."""

    code = "damaged"
    retry_after = 60  # somebody has to repair it first
    oid: str
    reason: str

    def __str__(self) -> str:
        return (
            f"The repository's object {self.oid} cannot be read: {self.reason.removesuffix('.')}. Nothing was written. "
            "Bring it back from a backup or a clone; 'promptgit check' lists all that are damaged."
        )


@dataclass(eq=False)
class BlameTimeout(Unavailable):
    """Who wrote each line could not be found in time, waiting for others who asked included."""

    code = "blame_timeout"
    retry_after = 5
    sentence = (
        "To find out who wrote each line takes longer than {self.seconds:g} seconds: the history is very long, or many "
        "ask at once. Try again, or ask 'git blame' in a clone."
    )
    seconds: float


class IndexBusy(Unavailable):
    """The index is being brought up to date by another process."""

    code = "index_busy"
    sentence = "The index is being rebuilt from git. Try again."


@dataclass(eq=False)
class NotReady(Unavailable):
    """Requests cannot be answered now; *reason* says why."""

    code = "not_ready"
    reason: str

    def __str__(self) -> str:
        return f"Not ready to serve: {self.reason.removesuffix('.')}."


@dataclass(eq=False)
class SigningFailed(Unavailable):
    """The commit could not be signed."""

    code = "signing_failed"
    sentence = "Nothing can be signed with the key {self.key} (PROMPTGIT_SIGNING_KEY): {self.reason}."
    key: str
    reason: str


@dataclass(eq=False)
class StorageFailed(Unavailable):
    """The system could not open, read, write or fsync something before a write was made. Nothing was written.

    *reason* is in the system's words, such as "Input/output error" or "Too many open files".
    """

    code = "storage_failed"
    retry_after = 10  # somebody may have to repair something first
    sentence = (
        "The storage failed: {self.reason}. Nothing was written. "
        "Try again; if it fails again, have the disk and the log of the service looked at."
    )
    reason: str


class StorageFull(PromptgitError):
    """The disk is full. Nothing was written."""

    code = "storage_full"
    sentence = "The disk is full. Nothing was written; reads go on. Make room and try again."


@dataclass(eq=False)
class UnusableRepository(PromptgitError):
    """The folder holds no repository that can be opened."""

    code = "unusable_repository"
    sentence = "The repository {self.path} cannot be used: {self.reason}"
    path: str
    reason: str


@dataclass(eq=False)
class BadLine(PromptgitError):
    """A line of an import that cannot be taken; *number* counts from 1."""

    code = "bad_line"
    sentence = "Line {self.number}: {self.reason}"
    number: int
    reason: str


@dataclass(eq=False)
class BackupRefused(PromptgitError):
    """A backup cannot be made there."""

    code = "backup_refused"
    sentence = "No backup can be made at {self.path}: {self.reason}"
    path: str
    reason: str
