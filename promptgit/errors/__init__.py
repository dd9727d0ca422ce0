"""Every refusal, as a tree of exceptions that carry data. Nothing here knows HTTP.

    PromptgitError
     ├─ PromptNotFound, NameNotFound, VersionNotFound, LabelNotFound, CommitNotFound
     ├─ PromptDeleted
     ├─ MalformedHead, MalformedPath, HeadLost
     ├─ Invalid
     │   └─ InvalidName
     ├─ ContentTooLarge
     ├─ DuplicateChange, AmbiguousChange, ChangesRefused
     ├─ NameTaken, PathBlocked
     ├─ Unresolvable, Referenced
     ├─ KeyReused
     ├─ Untranslatable
     ├─ StaleVersion
     │   └─ WeakETag
     ├─ Unavailable
     │   ├─ LockTimeout, TooManyWriters, WriteContended, MainLocked
     │   ├─ OutcomeUnknown
     │   ├─ Damaged
     │   ├─ IndexBusy, NotReady
     │   ├─ SigningFailed, StorageFailed
     │   ├─ UpstreamUnavailable, UpstreamRefused, HeadNotReached
     │   ├─ ProviderUnavailable
     │   └─ ClonesBusy, BlameTimeout
     ├─ StorageFull
     ├─ UnusableRepository
     ├─ BadLine, BackupRefused
     ├─ Unauthenticated, TooManyFailures
     ├─ Forbidden, LabelProtected, OutsidePrefix, MalformedHost, ForeignHost, CrossOrigin
     ├─ LabelGated, LabelNotGated
     ├─ CheckProtected, CheckNotFound
     ├─ RulesNotFound, StaleRules
     ├─ ReleaseNotFound, ReleaseClosed, ReleaseNotReady, ReleaseOutdated, RollbackRefused, SelfApproval
     ├─ TokenNotFound, TokenNameTaken, UnusableTokens
     ├─ SignInRefused, UserHeaderRefused, PersonNotFound
     ├─ HookNotFound, UnusableHooks
     ├─ ManagedElsewhere
     ├─ PushRefused, SmartProtocolOnly
     └─ MalformedGitRequest, GitRequestTooLarge

`code` is a fixed word per kind of error, `str()` a sentence that says what to do.
"""

from promptgit.errors.access import CrossOrigin as CrossOrigin
from promptgit.errors.access import Forbidden as Forbidden
from promptgit.errors.access import ForeignHost as ForeignHost
from promptgit.errors.access import LabelProtected as LabelProtected
from promptgit.errors.access import MalformedHost as MalformedHost
from promptgit.errors.access import OutsidePrefix as OutsidePrefix
from promptgit.errors.access import TokenNameTaken as TokenNameTaken
from promptgit.errors.access import TokenNotFound as TokenNotFound
from promptgit.errors.access import TooManyFailures as TooManyFailures
from promptgit.errors.access import Unauthenticated as Unauthenticated
from promptgit.errors.access import UnusableTokens as UnusableTokens
from promptgit.errors.base import PromptgitError as PromptgitError
from promptgit.errors.base import Unavailable as Unavailable
from promptgit.errors.clones import ClonesBusy as ClonesBusy
from promptgit.errors.clones import GitRequestTooLarge as GitRequestTooLarge
from promptgit.errors.clones import MalformedGitRequest as MalformedGitRequest
from promptgit.errors.clones import PushRefused as PushRefused
from promptgit.errors.clones import SmartProtocolOnly as SmartProtocolOnly
from promptgit.errors.commits import AmbiguousChange as AmbiguousChange
from promptgit.errors.commits import ChangesRefused as ChangesRefused
from promptgit.errors.commits import DuplicateChange as DuplicateChange
from promptgit.errors.hooks import HookNotFound as HookNotFound
from promptgit.errors.hooks import UnusableHooks as UnusableHooks
from promptgit.errors.people import PersonNotFound as PersonNotFound
from promptgit.errors.people import ProviderUnavailable as ProviderUnavailable
from promptgit.errors.people import SignInRefused as SignInRefused
from promptgit.errors.people import UserHeaderRefused as UserHeaderRefused
from promptgit.errors.prompts import CommitNotFound as CommitNotFound
from promptgit.errors.prompts import ContentTooLarge as ContentTooLarge
from promptgit.errors.prompts import HeadLost as HeadLost
from promptgit.errors.prompts import Invalid as Invalid
from promptgit.errors.prompts import InvalidName as InvalidName
from promptgit.errors.prompts import KeyReused as KeyReused
from promptgit.errors.prompts import LabelNotFound as LabelNotFound
from promptgit.errors.prompts import MalformedHead as MalformedHead
from promptgit.errors.prompts import MalformedPath as MalformedPath
from promptgit.errors.prompts import NameNotFound as NameNotFound
from promptgit.errors.prompts import NameTaken as NameTaken
from promptgit.errors.prompts import PathBlocked as PathBlocked
from promptgit.errors.prompts import PromptDeleted as PromptDeleted
from promptgit.errors.prompts import PromptNotFound as PromptNotFound
from promptgit.errors.prompts import Referenced as Referenced
from promptgit.errors.prompts import StaleVersion as StaleVersion
from promptgit.errors.prompts import Unresolvable as Unresolvable
from promptgit.errors.prompts import Untranslatable as Untranslatable
from promptgit.errors.prompts import VersionNotFound as VersionNotFound
from promptgit.errors.prompts import WeakETag as WeakETag
from promptgit.errors.releases import CheckNotFound as CheckNotFound
from promptgit.errors.releases import CheckProtected as CheckProtected
from promptgit.errors.releases import LabelGated as LabelGated
from promptgit.errors.releases import LabelNotGated as LabelNotGated
from promptgit.errors.releases import ReleaseClosed as ReleaseClosed
from promptgit.errors.releases import ReleaseNotFound as ReleaseNotFound
from promptgit.errors.releases import ReleaseNotReady as ReleaseNotReady
from promptgit.errors.releases import ReleaseOutdated as ReleaseOutdated
from promptgit.errors.releases import RollbackRefused as RollbackRefused
from promptgit.errors.releases import RulesNotFound as RulesNotFound
from promptgit.errors.releases import SelfApproval as SelfApproval
from promptgit.errors.releases import StaleRules as StaleRules
from promptgit.errors.storage import BackupRefused as BackupRefused
from promptgit.errors.storage import BadLine as BadLine
from promptgit.errors.storage import BlameTimeout as BlameTimeout
from promptgit.errors.storage import Damaged as Damaged
from promptgit.errors.storage import IndexBusy as IndexBusy
from promptgit.errors.storage import LockTimeout as LockTimeout
from promptgit.errors.storage import MainLocked as MainLocked
from promptgit.errors.storage import NotReady as NotReady
from promptgit.errors.storage import OutcomeUnknown as OutcomeUnknown
from promptgit.errors.storage import SigningFailed as SigningFailed
from promptgit.errors.storage import StorageFailed as StorageFailed
from promptgit.errors.storage import StorageFull as StorageFull
from promptgit.errors.storage import TooManyWriters as TooManyWriters
from promptgit.errors.storage import UnusableRepository as UnusableRepository
from promptgit.errors.storage import WriteContended as WriteContended
from promptgit.errors.upstream import HeadNotReached as HeadNotReached
from promptgit.errors.upstream import ManagedElsewhere as ManagedElsewhere
from promptgit.errors.upstream import UpstreamRefused as UpstreamRefused
from promptgit.errors.upstream import UpstreamUnavailable as UpstreamUnavailable
