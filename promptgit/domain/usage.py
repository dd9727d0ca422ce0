"""Who reads what: how often on which day, and the same in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from promptgit.domain.times import ago

_RECENT_DAYS = 7


class Served(NamedTuple):
    """A version whose content an answer had.

    *label* is what it was asked for by: `latest` means the newest, "" the version's number.
    """

    prompt_id: str
    number: int
    label: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Reads of one version of a prompt, by one label (None: by its number), by one credential (None: without one).

    `days` has how often on each day (UTC, as 2026-11-25) of those that are kept; `last_read` is aware and in UTC.
    """

    version_number: int
    label: str | None
    who: str | None
    last_read: datetime
    days: Mapping[str, int]

    def as_json(self) -> dict[str, object]:
        """What the API says of it."""
        return {
            "version_number": self.version_number,
            "label": self.label,
            "who": self.who,
            "last_read": self.last_read,
            "days": self.days,
        }


class _Reads(Protocol):
    """What words are made of: the server's values, and the client's."""

    @property
    def who(self) -> str | None: ...
    @property
    def last_read(self) -> datetime: ...
    @property
    def days(self) -> Mapping[str, int]: ...


def last(reads: _Reads, now: datetime) -> str:
    """When these reads last took place, and by whom: "3 minutes ago by checkout-service"."""
    return f"{ago(reads.last_read, now)}{f' by {reads.who}' if reads.who else ''}"


def summary(reads: Iterable[_Reads], now: datetime) -> str | None:
    """What to know before something is taken away; None: nobody has read it on the days that are kept."""
    found = sorted(reads, key=lambda one: one.last_read)
    if not found:
        return None
    first = (now.astimezone(UTC) - timedelta(days=_RECENT_DAYS - 1)).date().isoformat()
    count = sum(count for one in found for day, count in one.days.items() if day >= first)
    when = f"last read {last(found[-1], now)}"
    return f"{when}; {times(count)} in the last {_RECENT_DAYS} days" if count else when


def times(count: int) -> str:
    """How often something was read, in words."""
    return f"{count:,} read{'' if count == 1 else 's'}"
