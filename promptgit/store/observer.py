"""What the writer tells of its work, to whoever measures it."""

from __future__ import annotations


class Observer:
    """Whoever is told what the writer does, in the thread that does it; this one does not care. Never raises."""

    def waited(self, seconds: float) -> None:
        """The lock was had, or given up, after so long."""

    def wrote(self, commits: int, seconds: float) -> None:
        """A batch of so many commits is on `main`; it took so long since the lock was had."""
