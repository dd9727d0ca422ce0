"""What a history has of one prompt or label, for an import that looks which of its lines are there already."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class Past(Generic[T]):
    """Things in the order in which they happened; a reader passes them from the oldest on, and never goes back.

    All calls together take time linear in the number of things and of calls, whatever is found.
    """

    def __init__(self) -> None:
        self._places: defaultdict[T, deque[int]] = defaultdict(deque)
        self._count = 0
        self._passed = 0  # the things at the places before this one are passed

    def add(self, thing: T) -> None:
        """Put a thing at the end."""
        self._places[thing].append(self._count)
        self._count += 1

    def pass_first(self, things: Iterable[T]) -> bool:
        """Pass the first place from here on that has one of *things*; False, and nothing is passed, if none has."""
        found = [place for thing in things if (place := self._next(thing)) is not None]
        if found:
            self._passed = min(found) + 1
        return bool(found)

    def _next(self, thing: T) -> int | None:
        places = self._places.get(thing)
        while places and places[0] < self._passed:
            places.popleft()
        return places[0] if places else None
