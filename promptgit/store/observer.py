"""Callbacks for measurements of the writer."""

from __future__ import annotations


class Observer:
    """The writer calls these methods on the thread that writes. They must not raise. Here they do nothing."""

    def waited(self, seconds: float) -> None:
        """The write lock was acquired, or given up, after *seconds*."""

    def wrote(self, commits: int, seconds: float) -> None:
        """A batch of *commits* commits is on `main`, *seconds* after the lock was acquired."""
