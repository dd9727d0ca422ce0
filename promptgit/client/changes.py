"""Several changes that are sent as one commit: what collects them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal, Self

from promptgit.client.commit_values import Committed
from promptgit.domain.names import parse_id

Change = dict[str, Any]
"""A change, as the API takes it."""

_NOTHING = Committed(None, ())


class Changes:
    """Collects changes, each to a prompt by its name or id.

    They all speak of the state before the commit. With *if_match*, only if that is the number of the prompt's newest
    version then; 0: if no living prompt is there. *result* is what was done, once it was.
    """

    def __init__(self) -> None:
        self.collected: list[Change] = []
        self.result = _NOTHING

    def create(self, name: str, content: str) -> None:
        """Create a prompt, or bring a deleted one back; refused where one is there."""
        self.collected.append({"name": name, "content": content, "if_match": 0})

    def save(self, prompt: str, content: str, *, if_match: int | None = None) -> None:
        """Save a content as the newest version; a name creates the prompt where there is none."""
        self._add(prompt, if_match, content=content)

    def rename(self, prompt: str, name: str, *, if_match: int | None = None, force: bool = False) -> None:
        """Give a prompt another name, which is free before the commit; with *force*, also where others refer to it."""
        self._add(prompt, if_match, rename_to=name, **_forced(force))

    def delete(self, prompt: str, *, if_match: int | None = None, force: bool = False) -> None:
        """Delete a prompt, with its labels; with *force*, also where others refer to it."""
        self._add(prompt, if_match, delete=True, **_forced(force))

    def restore(self, prompt: str, number: int, *, if_match: int | None = None) -> None:
        """Save the content of an older version as the newest one. Restores a deleted prompt."""
        self._add(prompt, if_match, restore=number)

    def label(
        self,
        prompt: str,
        label: str,
        number: int | Literal["new"] | None = "new",
        *,
        if_match: int | None = None,
        force: bool = False,
    ) -> None:
        """Point a label at a version; `new` is the newest one after this commit.

        None removes the label; with *force*, also where others refer to it.
        """
        self._add(prompt, if_match, label=label, version_number=number, **_forced(force))

    def check(
        self,
        prompt: str,
        check: str,
        number: int,
        state: Literal["pending", "success", "failure"],
        *,
        summary: str | None = None,
        url: str | None = None,
        if_match: int | None = None,
    ) -> None:
        """Say what a check found of a version that is there before the commit."""
        more = {key: value for key, value in (("summary", summary), ("url", url)) if value is not None}
        self._add(prompt, if_match, check=check, version_number=number, state=state, **more)

    def _add(self, prompt: str, if_match: int | None, **what: Any) -> None:
        prompt_id = parse_id(prompt)
        where = {"name": prompt} if prompt_id is None else {"prompt_id": prompt_id}
        self.collected.append(where | what | ({} if if_match is None else {"if_match": if_match}))


def _forced(force: bool) -> dict[str, bool]:
    return {"force": True} if force else {}


class Commit(Changes):
    """Sends what was collected at the end of a `with` block; nothing, if the block raises or collects nothing."""

    def __init__(self, send: Callable[[list[Change]], Committed]) -> None:
        super().__init__()
        self._send = send

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None and self.collected:
            self.result = self._send(self.collected)


class AsyncCommit(Changes):
    """The same for an `async with` block."""

    def __init__(self, send: Callable[[list[Change]], Awaitable[Committed]]) -> None:
        super().__init__()
        self._send = send

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        if kind is None and self.collected:
            self.result = await self._send(self.collected)
