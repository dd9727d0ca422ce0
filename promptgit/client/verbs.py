"""The verbs of the API, those that write as well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from promptgit import labels
from promptgit.client.errors import refusal
from promptgit.client.lookups import ALL, Lookups
from promptgit.client.retries import Retries, expect
from promptgit.client.steps import Request, Response, Steps
from promptgit.client.values import Label, Prompt
from promptgit.errors import NameTaken, StaleVersion
from promptgit.models import Author


class Verbs(Lookups):
    """What can be asked of a server, and told to it; *changed* is told the id of each prompt that was written.

    Each write may be sent more than once: what is there already is a success.
    """

    def __init__(self, retries: Retries, clock: Callable[[], float], changed: Callable[[str], None]) -> None:
        super().__init__(retries, clock)
        self._changed = changed

    def create(
        self, name: str | None, content: str, *, description: str | None = None, author: Author | None = None
    ) -> Steps[Prompt]:
        """Create a prompt; without a name under a new random UUID. The name of a deleted one brings that back."""
        # The UUID is chosen here: otherwise a second attempt would make a second prompt.
        body = {"name": str(uuid4()) if name is None else name, "content": content, **_reason(description, author)}
        outcome = yield from self._retries.outcome(Request("POST", ALL, body=body), self._clock)
        response = outcome.response
        if outcome.lost and response.status == 409:  # an earlier attempt may have created it
            error = refusal(response.status, response.body)
            taken = str(getattr(error, "prompt_id", ""))
            response = yield from self._mine(error, taken, body)
        return self._written(Prompt.of(expect(response).json()))

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
        where = yield from self._at(prompt)
        body = {"content": content, **_reason(description, author)}
        outcome = yield from self._retries.outcome(Request("PUT", where, {}, body, _match(if_match)), self._clock)
        response = outcome.response
        if outcome.lost and response.status == 412 and if_match is not None:
            # An earlier attempt may have made the version after *if_match*.
            error = refusal(response.status, response.body)
            response = yield from self._mine(error, _id_in(where), body, if_match + 1)
        return self._written(Prompt.of(expect(response).json()))

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
        answer = yield from self._send("PATCH", where, body=body, headers=_match(if_match))
        return self._written(Prompt.of(answer.json()))

    def delete(
        self, prompt: str, *, description: str | None = None, author: Author | None = None, if_match: int | None = None
    ) -> Steps[None]:
        """Delete a prompt; its versions stay readable, and a revert brings it back."""
        where = yield from self._at(prompt)
        yield from self._send("DELETE", where, body=_reason(description, author), headers=_match(if_match))
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
        request = Request(
            "POST", f"{where}/versions/{number:d}/revert", {}, _reason(description, author), _match(if_match)
        )
        outcome = yield from self._retries.outcome(request, self._clock)
        response = outcome.response
        if outcome.lost and response.status == 412 and if_match is not None:
            error = refusal(response.status, response.body)
            content = (yield from self._send("GET", f"{where}/versions/{number:d}")).json()["content"]
            response = yield from self._mine(error, _id_in(where), {"content": content}, if_match + 1)
        self._changed(_id_in(where))
        return int(expect(response).json()["version_number"])

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
        answer = yield from self._send("PUT", where, body=body, headers=_match(if_match))
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
        yield from self._send("DELETE", where, body=_reason(description, author), headers=_match(if_match))
        self._changed(_id_in(where))

    def _written(self, prompt: Prompt) -> Prompt:
        self._changed(prompt.id)
        return prompt

    def _mine(
        self, error: Exception, prompt_id: str, sent: Mapping[str, Any], number: int | None = None
    ) -> Steps[Response]:
        """The prompt, if it is what was *sent*; else *error* is raised."""
        if isinstance(error, NameTaken | StaleVersion) and prompt_id:
            response = yield from self._send("GET", f"{ALL}/{prompt_id}")
            found = response.json()
            same = all(found.get(key, value) == value for key, value in sent.items() if key != "description")
            if same and number in (None, found["version_number"]):
                return response
        raise error


def _reason(description: str | None, author: Author | None) -> dict[str, Any]:
    signed: dict[str, Any] = {} if description is None else {"description": description}
    return signed if author is None else signed | {"author": {"name": author.name, "email": author.email}}


def _match(number: int | None) -> dict[str, str]:
    return {} if number is None else {"If-Match": f'"{number}"'}


def _id_in(path: str) -> str:
    return path.split("/")[3]
