"""Every refusal, as a tree of exceptions that carry data. Nothing here knows HTTP.

    PromptgitError
     ├─ PromptNotFound, NameNotFound, VersionNotFound, LabelNotFound, CommitNotFound
     ├─ PromptDeleted
     ├─ MalformedHead, HeadLost
     ├─ Invalid
     │   └─ InvalidName
     ├─ ContentTooLarge
     ├─ NameTaken, PathBlocked
     ├─ KeyReused
     ├─ StaleVersion
     │   └─ WeakETag
     ├─ Unavailable
     │   ├─ LockTimeout, TooManyWriters, WriteContended, MainLocked
     │   ├─ OutcomeUnknown
     │   ├─ Damaged
     │   ├─ IndexBusy, NotReady
     │   ├─ SigningFailed, StorageFailed
     │   └─ ClonesBusy
     ├─ StorageFull
     ├─ UnusableRepository
     ├─ BadLine, BackupRefused
     ├─ Unauthenticated, TooManyFailures
     ├─ Forbidden, LabelProtected, MalformedHost, ForeignHost, CrossOrigin
     ├─ TokenNotFound, TokenNameTaken, UnusableTokens
     ├─ HookNotFound, UnusableHooks
     ├─ PushRefused, SmartProtocolOnly
     └─ MalformedGitRequest, GitRequestTooLarge

`code` is a fixed word per kind of error, `str()` a sentence that says what to do.
Arguments all go to `super().__init__`, so that every error pickles.
"""

from promptgit.errors.access import (
    CrossOrigin,
    Forbidden,
    ForeignHost,
    LabelProtected,
    MalformedHost,
    TokenNameTaken,
    TokenNotFound,
    TooManyFailures,
    Unauthenticated,
    UnusableTokens,
)
from promptgit.errors.base import PromptgitError, Unavailable
from promptgit.errors.clones import ClonesBusy, GitRequestTooLarge, MalformedGitRequest, PushRefused, SmartProtocolOnly
from promptgit.errors.hooks import HookNotFound, UnusableHooks
from promptgit.errors.prompts import (
    CommitNotFound,
    ContentTooLarge,
    HeadLost,
    Invalid,
    InvalidName,
    KeyReused,
    LabelNotFound,
    MalformedHead,
    NameNotFound,
    NameTaken,
    PathBlocked,
    PromptDeleted,
    PromptNotFound,
    StaleVersion,
    VersionNotFound,
    WeakETag,
)
from promptgit.errors.storage import (
    BackupRefused,
    BadLine,
    Damaged,
    IndexBusy,
    LockTimeout,
    MainLocked,
    NotReady,
    OutcomeUnknown,
    SigningFailed,
    StorageFailed,
    StorageFull,
    TooManyWriters,
    UnusableRepository,
    WriteContended,
)

__all__ = [
    "BackupRefused",
    "BadLine",
    "ClonesBusy",
    "CommitNotFound",
    "ContentTooLarge",
    "CrossOrigin",
    "Damaged",
    "Forbidden",
    "ForeignHost",
    "GitRequestTooLarge",
    "HeadLost",
    "HookNotFound",
    "IndexBusy",
    "Invalid",
    "InvalidName",
    "KeyReused",
    "LabelNotFound",
    "LabelProtected",
    "LockTimeout",
    "MainLocked",
    "MalformedGitRequest",
    "MalformedHead",
    "MalformedHost",
    "NameNotFound",
    "NameTaken",
    "NotReady",
    "OutcomeUnknown",
    "PathBlocked",
    "PromptDeleted",
    "PromptNotFound",
    "PromptgitError",
    "PushRefused",
    "SigningFailed",
    "SmartProtocolOnly",
    "StaleVersion",
    "StorageFailed",
    "StorageFull",
    "TokenNameTaken",
    "TokenNotFound",
    "TooManyFailures",
    "TooManyWriters",
    "Unauthenticated",
    "Unavailable",
    "UnusableHooks",
    "UnusableRepository",
    "UnusableTokens",
    "VersionNotFound",
    "WeakETag",
    "WriteContended",
]
