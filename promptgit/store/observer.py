"""Callbacks for measurements of what writes and fetches."""

from __future__ import annotations


class Observer:
    """These methods are called on the thread that does the work. They must not raise. Here they do nothing."""

    def waited(self, seconds: float) -> None:
        """The write lock was acquired, or given up, after *seconds*."""

    def wrote(self, commits: int, seconds: float) -> None:
        """A batch of *commits* commits is on `main`, *seconds* after the lock was acquired."""

    def pushed(self, outcome: str, seconds: float) -> None:
        """A push to the upstream has landed, was raced by another node, is retried, or ended in the error *outcome*."""

    def fetched(self, is_done: bool, seconds: float) -> None:
        """The upstream was fetched from, or did not answer."""
