"""Webhooks: who is told of what, and how far each has been told.

`hooks.json` has the hooks with their secrets; `hooks/<id>.json` how far one is, written by whoever delivers.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from promptgit.domain.models import CHANGE_TYPES, FeedEntry
from promptgit.errors import HookNotFound, Invalid, UnusableHooks
from promptgit.jobs import outbound
from promptgit.store.files import make_folder_durably, storage_errors, write_durably
from promptgit.store.records import Record, RecordsFile

MOST_HOOKS = 50  # each may have a thread
_SECRET_PREFIX = "whsec_"  # noqa: S105  # of the Standard Webhooks specification, "Signature scheme"
_SECRET_BYTES = range(24, 65)


@dataclass(frozen=True, slots=True)
class Hook:
    """Changes of these types, of prompts whose names begin with *prefix*, are posted to *url*."""

    id: str
    url: str
    events: tuple[str, ...]
    prefix: str
    secret: str = field(repr=False)
    allow_private: bool

    def wants(self, change: FeedEntry) -> bool:
        """Whether it is told of a change; of a rename also if the name before begins so."""
        names = [change.name, change.other] if change.type == "rename" else [change.name]
        return change.type in self.events and any((name or "").startswith(self.prefix) for name in names)


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
        """Every hook, oldest first.

        Raises:
            UnusableHooks: the file cannot be read.
        """
        return [_hook(record) for record in self._records()]

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
        self, url: str, events: Sequence[str], prefix: str, secret: str, main: str, *, allow_private: bool = False
    ) -> Hook:
        """Add a hook that is told of what comes after the commit *main*.

        Raises:
            Invalid: the address, an event or the secret is none; or there are too many hooks.
        """
        parts = outbound.check_url(url)
        try:
            outbound.resolve(parts, allow_private=allow_private)
        except outbound.Undelivered as error:
            raise Invalid("url", f"cannot be posted to: {error}") from error
        unknown = [event for event in events if event not in CHANGE_TYPES]
        if unknown or not events:
            raise Invalid("events", f"are none of {', '.join(CHANGE_TYPES)}: {', '.join(unknown)}")
        signing_key(secret)
        hook = Hook(secrets.token_hex(4), url, tuple(dict.fromkeys(events)), prefix, secret, allow_private)
        with self._changing() as records:
            if len(records) >= MOST_HOOKS:
                raise Invalid("hook", f"is one too many: {MOST_HOOKS} are the most")
            self.note(hook.id, DeliveryState(main))  # before the hook is there: it begins here, not at the beginning
            records.append(asdict(hook))
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
                _hook(record)
        except OSError as error:
            raise UnusableHooks(str(self._file.path), str(error.strerror)) from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UnusableHooks(str(self._file.path), type(error).__name__) from None
        return records

    @contextmanager
    def _changing(self) -> Iterator[list[Record]]:
        """The records, under the lock; they are written when all went well."""
        with self._file.locked():
            records = self._records()
            yield records
            self._file.write(records)


def signing_key(secret: str) -> bytes:
    """The bytes that a secret stands for.

    Raises:
        Invalid: it is not written as Standard Webhooks has it.
    """
    try:
        key = base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(_SECRET_PREFIX) or len(key) not in _SECRET_BYTES:
        raise Invalid(
            "secret",
            "is not 'whsec_' and 24 to 64 bytes in base64; make one: echo \"whsec_$(openssl rand -base64 32)\"",
        )
    return key


def _hook(record: Record) -> Hook:
    return Hook(**{**record, "events": tuple(record["events"])})
