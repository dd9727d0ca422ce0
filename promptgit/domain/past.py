"""What a state of the past is asked for by: a commit, or a time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from promptgit.errors import Invalid

AsOf = str | int
"""A commit's full id in hexadecimal, or a time in seconds since 1970."""

_COMMIT = re.compile("[0-9a-f]{40}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d):(\d\d)(?:\.\d+)?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII)


def as_of(text: str) -> AsOf:
    """The commit or the time (RFC 3339) that a text names. Fractions of a second are dropped: commits have none.

    Raises:
        Invalid: it names neither.
    """
    if _COMMIT.fullmatch(text):
        return text
    if found := _TIME.fullmatch(text):
        day, minute, seconds, offset = found.groups()
        try:
            start = datetime.fromisoformat(f"{day}T{minute}:00{offset.upper()}").astimezone(UTC)
            if int(seconds) <= 60:  # a leap second is the one after it
                return int((start + timedelta(seconds=int(seconds))).timestamp())
        except (ValueError, OverflowError):
            pass  # no day of the calendar, there or in UTC
    raise Invalid(
        "at",
        f"is {text[:60]!r}, which is neither a commit's full id (40 of 0-9 and a-f) nor a time such as "
        "2026-11-01T12:00:00Z (RFC 3339; in an address, + is %2B)",
    )


def last_second(text: str) -> str:
    """The last second of a day (2026-11-01), in UTC; any other text as it is."""
    return f"{text}T23:59:59Z" if _DAY.fullmatch(text) else text
