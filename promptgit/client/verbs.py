"""The verbs of the API, those that write as well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from promptgit.client.lookups import ALL, Lookups, address_of, not_found_as
from promptgit.client.retries import Retries
from promptgit.client.steps import Response, Steps
from promptgit.client.values import Label, Prompt
from promptgit.domain import labels
from promptgit.domain.models import Author


class Verbs(Lookups):
    """What can be asked of a server, and told to it; *changed* is told the id of each prompt that was written.

    Each write may be sent more than once, and is done once.
    """

    def __init__(self, retries: Retries, clock: Callable[[], float], changed: Callable[[str], None]) -> None:
        super().__init__(retries, clock)
        self._changed = changed

    def create(
        self, name: str | None, content: str, *, description: str | None = None, author: Author | None = None
    ) -> Steps[Prompt]:
        """Create a prompt; without a name under a new random UUID. The name of a deleted one brings that back."""
        named = {} if name is None else {"name": name}
        answer = yield from self._write("POST", ALL, {**named, "content": content, **_reason(description, author)})
        return self._written(Prompt.of(answer.json()))

    def save(
        self,
        prompt: str,
        content: str,
        *,
        description: str | None = None,
        author: Author | None = None,
        if_match: int | None = None,
    ) -> Steps[Prompt]:
        """Save a content as the newest version; the one that it has already makes none.

        With *if_match*, only if that is the number of the newest version.
        """
        body = {"content": content, **_reason(description, author)}
        with not_found_as(prompt):  # with If-Match a name is not created
            answer = yield from self._write("PUT", address_of(prompt), body, "*" if if_match is None else if_match)
        return self._written(Prompt.of(answer.json()))

    def put(
        self, name: str, content: str, *, description: str | None = None, author: Author | None = None
    ) -> Steps[Prompt]:
        """Save a content under a name: as the next version of the prompt that has it, or of a new prompt."""
        answer = yield from self._write("PUT", address_of(name), {"content": content, **_reason(description, author)})
        return self._written(Prompt.of(answer.json()))

    def rename(
        self,
        prompt: str,
        name: str,
        *,
        description: str | None = None,
        author: Author | None = None,
        if_match: int | None = None,
    ) -> Steps[Prompt]:
        """Give a prompt another name; its id, versions and labels stay."""
        where = yield from self._at(prompt)
        body = {"name": name, **_reason(description, author)}
        answer = yield from self._write("PATCH", where, body, if_match)
        return self._written(Prompt.of(answer.json()))

    def delete(
        self, prompt: str, *, description: str | None = None, author: Author | None = None, if_match: int | None = None
    ) -> Steps[None]:
        """Delete a prompt; its versions stay readable, and a revert brings it back."""
        where = yield from self._at(prompt)
        yield from self._write("DELETE", where, _reason(description, author), if_match)
        self._changed(_id_in(where))

    def revert(
        self,
        prompt: str,
        number: int,
        *,
        description: str | None = None,
        author: Author | None = None,
        if_match: int | None = None,
    ) -> Steps[int]:
        """Make the content of an older version the newest one; its number. A deleted prompt comes back."""
        where = yield from self._at(prompt)
        body = _reason(description, author)
        answer = yield from self._write("POST", f"{where}/versions/{number:d}/revert", body, if_match)
        self._changed(_id_in(where))
        return int(answer.json()["version_number"])

    def set_label(
        self,
        prompt: str,
        label: str,
        number: int,
        *,
        description: str | None = None,
        author: Author | None = None,
        if_match: int | None = None,
    ) -> Steps[Label]:
        """Point a label at a version."""
        where = yield from self._at(prompt, "labels", labels.check(label))  # no ".." gets into an address
        body = {"version_number": number, **_reason(description, author)}
        answer = yield from self._write("PUT", where, body, if_match)
        self._changed(_id_in(where))
        return Label.of(answer.json())

    def remove_label(
        self,
        prompt: str,
        label: str,
        *,
        description: str | None = None,
        author: Author | None = None,
        if_match: int | None = None,
    ) -> Steps[None]:
        """Remove a label."""
        where = yield from self._at(prompt, "labels", labels.check(label))  # no ".." gets into an address
        yield from self._write("DELETE", where, _reason(description, author), if_match)
        self._changed(_id_in(where))

    def _written(self, prompt: Prompt) -> Prompt:
        self._changed(prompt.id)
        return prompt

    def _write(
        self, method: str, path: str, body: Mapping[str, Any], if_match: int | str | None = None
    ) -> Steps[Response]:
        """The answer to a write; by its key the server knows an attempt that comes after a lost answer."""
        headers = {"Idempotency-Key": str(uuid4())}
        if if_match is not None:
            headers["If-Match"] = "*" if if_match == "*" else f'"{if_match}"'
        return (yield from self._send(method, path, body=body, headers=headers))


def _reason(description: str | None, author: Author | None) -> dict[str, Any]:
    reason: dict[str, Any] = {} if description is None else {"description": description}
    return reason if author is None else reason | {"author": {"name": author.name, "email": author.email}}


def _id_in(path: str) -> str:
    return path.split("/")[3]
