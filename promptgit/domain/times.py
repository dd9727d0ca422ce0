"""Times in words."""

from __future__ import annotations

from datetime import datetime

# The age from which a unit is used, and its length, both in seconds. Months and years are used from two on.
_UNITS = (
    (63_115_200, 31_557_600, "year"),
    (5_259_600, 2_629_800, "month"),
    (86_400, 86_400, "day"),
    (3_600, 3_600, "hour"),
    (60, 60, "minute"),
)


def ago(then: datetime, now: datetime) -> str:
    """How long ago *then* was, in words. A time in the future, by a wrong clock, is "just now"."""
    seconds = (now - then).total_seconds()
    for least, length, unit in _UNITS:
        if seconds >= least:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def exact(then: datetime) -> str:
    """To the second, in UTC."""
    return f"{then:%Y-%m-%d %H:%M:%S} UTC"
