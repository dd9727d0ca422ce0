"""Webhooks: who is told of what, and how far each has been told.

`hooks.json` has the hooks with their secrets; `hooks/<id>.json` how far one is, written by whoever delivers.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

from promptgit.domain.models import CHANGE_TYPES, HOOK_FORMATS, WHOLE_COMMIT, CommitEntry, FeedEntry
from promptgit.errors import HookNotFound, Invalid, UnusableHooks
from promptgit.jobs import hook_formats, outbound
from promptgit.jobs.hook_formats import JSON, Keys
from promptgit.store.files import make_folder_durably, storage_errors, write_durably
from promptgit.store.records import BrokenSeal, Record, RecordsFile

MOST_HOOKS = 50  # each may have a thread
EVENTS = (*CHANGE_TYPES, WHOLE_COMMIT)
"""What a hook can ask for."""
Entry = FeedEntry | CommitEntry
"""What one message tells."""


@dataclass(frozen=True, slots=True)
class Hook:
    """Changes of these types, of prompts whose names begin with *prefix*, are posted to *url* in a format.

    The members are those of its record in `hooks.json`, where those with a default can be left out.
    """

    id: str
    url: str = field(repr=False)  # Slack's is a secret
    events: tuple[str, ...]
    prefix: str
    secret: str = field(repr=False)
    allow_private: bool
    format: str = JSON
    token_file: str = ""

    @property
    def keys(self) -> Keys:
        """What shows the receiver who sends."""
        return Keys(self.secret, self.token_file)

    @property
    def shown_url(self) -> str:
        """The address for people; of one that is a secret itself, the beginning."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}/..." if self.format == hook_formats.SLACK else self.url

    @property
    def wants_releases(self) -> bool:
        """True if it is told of releases, by themselves or within whole commits."""
        return bool({"release", WHOLE_COMMIT} & set(self.events))

    def wanted(self, commit: CommitEntry) -> list[Entry]:
        """What it is told of a commit, in order: changes, and then the commit with all changes below its prefix."""
        below = tuple(change for change in commit.changes if change.is_below(self.prefix))
        told: list[Entry] = [change for change in below if change.type in self.events]
        if below and WHOLE_COMMIT in self.events:
            told.append(CommitEntry(below))
        return told


@dataclass(frozen=True, slots=True)
class DeliveryState:
    """All before and with the commit *cursor* is done; *failing_since* is in seconds since 1970."""

    cursor: str | None
    failures: int = 0
    failing_since: float | None = None
    error: str | None = None


class Hooks:
    """The hooks of one data folder; several processes may read and change them at the same time.

    A file of hooks at *path* is distributed by an administrator, and only read.
    """

    def __init__(self, folder: Path, path: Path | None = None) -> None:
        self.folder = folder
        self._file = RecordsFile(path or folder / "hooks.json", "hooks", distributed=path is not None)
        self._states = folder / "hooks"

    def all(self) -> list[Hook]:
        """Every hook that this version of promptgit can serve, oldest first.

        Raises:
            UnusableHooks: the file cannot be read.
        """
        return [_hook(record) for record in self._records() if not _is_foreign(record)]

    def foreign(self) -> list[str]:
        """The ids of the hooks that another version of promptgit has made, and this one cannot serve.

        Raises:
            UnusableHooks: the file cannot be read.
        """
        return [record["id"] for record in self._records() if _is_foreign(record)]

    def get(self, hook_id: str) -> Hook:
        """One hook.

        Raises:
            HookNotFound, UnusableHooks
        """
        for hook in self.all():
            if hook.id == hook_id:
                return hook
        raise HookNotFound(hook_id)

    def add(
        self,
        url: str,
        events: Sequence[str],
        prefix: str,
        secret: str,
        main: str,
        *,
        allow_private: bool = False,
        form: str = JSON,
        token_file: str = "",
    ) -> Hook:
        """Add a hook of the format *form* that is told of what comes after the commit *main*.

        Raises:
            Invalid: the address, an event, the format or one of its keys is none; or there are too many hooks.
        """
        parts = outbound.check_url(url)
        hook_formats.check(form, parts, Keys(secret, token_file))
        try:
            outbound.resolve(parts, allow_private=allow_private)
        except outbound.Undelivered as error:
            raise Invalid("url", f"cannot be posted to: {error}") from error
        unknown = [event for event in events if event not in EVENTS]
        if unknown or not events:
            raise Invalid("events", f"are none of {', '.join(EVENTS)}: {', '.join(unknown)}")
        asked = tuple(dict.fromkeys(events))
        hook = Hook(secrets.token_hex(4), url, asked, prefix, secret, allow_private, form, token_file)
        with self._changing() as records:
            if len(records) >= MOST_HOOKS:
                raise Invalid("hook", f"is one too many: {MOST_HOOKS} are the most")
            self.note(hook.id, DeliveryState(main))  # before the hook is there: it begins here, not at the beginning
            records.append(_record(hook))
        return hook

    def remove(self, hook_id: str) -> None:
        """Remove a hook; what waits for it is not delivered.

        Raises:
            HookNotFound, UnusableHooks
        """
        with self._changing() as records:
            left = [record for record in records if record["id"] != hook_id]
            if len(left) == len(records):
                raise HookNotFound(hook_id)
            records[:] = left
        self._state_file(hook_id).unlink(missing_ok=True)

    def state(self, hook_id: str) -> DeliveryState:
        """How far a hook is; at the beginning of all, if its file was lost."""
        try:
            return DeliveryState(**json.loads(self._state_file(hook_id).read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):
            return DeliveryState(None)

    def begin(self, hooks: Sequence[Hook], main: str) -> None:
        """Note that hooks of a distributed file that are new on this node get the changes after the commit *main*."""
        for hook in hooks:
            if self._file.distributed and not self._state_file(hook.id).exists():
                self.note(hook.id, DeliveryState(main))

    def note(self, hook_id: str, state: DeliveryState) -> None:
        """Keep how far a hook is; it is on disk when this returns."""
        with storage_errors():
            make_folder_durably(self._states, 0o700)
            write_durably(self._state_file(hook_id), json.dumps(asdict(state)).encode() + b"\n", 0o600)

    def _state_file(self, hook_id: str) -> Path:
        return self._states / f"{hook_id}.json"

    def _records(self) -> list[Record]:
        try:
            records = self._file.read() or []
            for record in records:
                record["id"] if _is_foreign(record) else _hook(record)
        except OSError as error:
            raise UnusableHooks(str(self._file.path), str(error.strerror)) from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            reason = str(error) if isinstance(error, BrokenSeal) else type(error).__name__  # others tell of secrets
            raise UnusableHooks(str(self._file.path), reason) from None
        return records

    @contextmanager
    def _changing(self) -> Iterator[list[Record]]:
        """The records, under the lock; they are written when all went well."""
        with self._file.locked():
            records = self._records()
            yield records
            self._file.write(records)


def _is_foreign(record: Record) -> bool:
    """True of a hook with members or a format that came after this version: to serve half of it would be wrong."""
    return not record.keys() <= _MEMBERS or record.get("format", JSON) not in HOOK_FORMATS


def _record(hook: Hook) -> Record:
    """Without the members that say nothing: a version before them cannot read a file that has them."""
    return {key: value for key, value in asdict(hook).items() if (key, value) not in _SILENT}


def _hook(record: Record) -> Hook:
    return Hook(**{**record, "events": tuple(record["events"])})


_MEMBERS = {member.name for member in fields(Hook)}
_SILENT = {(member.name, member.default) for member in fields(Hook) if member.default is not MISSING}
