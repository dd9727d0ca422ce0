"""All verbs of the API: those of `Lookups`, and those that write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import uuid4

from promptgit.client.commit_values import ChangeResult, Committed, Promoted, Promotion
from promptgit.client.lookups import ALL, Lookups, address_of, not_found_as
from promptgit.client.retries import Retries
from promptgit.client.steps import Response, Steps
from promptgit.client.values import Label, Prompt
from promptgit.domain import labels
from promptgit.domain.models import Author


class Verbs(Lookups):
    """Reads and writes of prompts. *changed* is called with the id of each prompt that was written.

    A write may be sent more than once, and is done once.
    """

    def __init__(self, retries: Retries, clock: Callable[[], float], changed: Callable[[str], None]) -> None:
        super().__init__(retries, clock)
        self._changed = changed

    def create(
        self, name: str | None, content: str, *, description: str | None = None, author: Author | None = None
    ) -> Steps[Prompt]:
        """Create a prompt; without a name under a new random UUID. The name of a deleted prompt restores it."""
        body = {"name": name, "content": content}
        return Prompt.of((yield from self._write("POST", ALL, body, description, author)).json())

    def save(
        self,
        prompt: str,
        content: str,
        *,
        description: str | None = None,
        author: Author | None = None,
        if_match: int | None = None,
    ) -> Steps[Prompt]:
        """Save a content as the newest version; the content that the prompt already has makes no version.

        With *if_match*, only if that is the number of the newest version.
        """
        seen = "*" if if_match is None else if_match  # with If-Match the server creates no prompt
        with not_found_as(prompt):
            answer = yield from self._write("PUT", address_of(prompt), {"content": content}, description, author, seen)
        return Prompt.of(answer.json())

    def put(
        self, name: str, content: str, *, description: str | None = None, author: Author | None = None
    ) -> Steps[Prompt]:
        """Save a content under a name: as the next version of the prompt of that name, or as a new prompt."""
        answer = yield from self._write("PUT", address_of(name), {"content": content}, description, author)
        return Prompt.of(answer.json())

    def rename(
        self,
        prompt: str,
        name: str,
        *,
        description: str | None = None,
        author: Author | None = None,
        if_match: int | None = None,
        override: bool = False,
        force: bool = False,
    ) -> Steps[Prompt]:
        """Give a prompt another name; its id, versions and labels stay.

        With *override*, an administrator's, also where a label of it is gated; the description then says why.
        With *force*, also where others refer to it.
        """
        where = yield from self._at(prompt)
        body = {"name": name, "override": override or None, "force": force or None}
        answer = yield from self._write("PATCH", where, body, description, author, if_match)
        return Prompt.of(answer.json())

    def delete(
        self,
        prompt: str,
        *,
        description: str | None = None,
        author: Author | None = None,
        if_match: int | None = None,
        override: bool = False,
        force: bool = False,
    ) -> Steps[None]:
        """Delete a prompt; its versions stay readable, and a revert restores it.

        *override* and *force* are as in `rename`.
        """
        where = yield from self._at(prompt)
        yield from self._write(
            "DELETE", where, {"override": override or None, "force": force or None}, description, author, if_match
        )

    def revert(
        self,
        prompt: str,
        number: int,
        *,
        description: str | None = None,
        author: Author | None = None,
        if_match: int | None = None,
    ) -> Steps[int]:
        """Save the content of an older version as the newest version; gives its number. Restores a deleted prompt."""
        where = yield from self._at(prompt, "versions", f"{number:d}", "revert")
        answer = yield from self._write("POST", where, {}, description, author, if_match)
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
        override: bool = False,
    ) -> Steps[Label]:
        """Point a label at a version.

        With *override*, an administrator's, also a gated label; the description then says why.
        """
        where = yield from self._at(prompt, "labels", labels.check(label))  # which `..` is not
        body = {"version_number": number, "override": override or None}
        answer = yield from self._write("PUT", where, body, description, author, if_match)
        return Label.of(answer.json())

    def remove_label(
        self,
        prompt: str,
        label: str,
        *,
        description: str | None = None,
        author: Author | None = None,
        if_match: int | None = None,
        override: bool = False,
        force: bool = False,
    ) -> Steps[None]:
        """Remove a label. *override* is as in `set_label`; with *force*, also where others refer to it."""
        where = yield from self._at(prompt, "labels", labels.check(label))  # which `..` is not
        yield from self._write(
            "DELETE", where, {"override": override or None, "force": force or None}, description, author, if_match
        )

    def commit(
        self,
        changes: Iterable[Mapping[str, Any]],
        *,
        description: str | None = None,
        author: Author | None = None,
        dry_run: bool = False,
    ) -> Steps[Committed]:
        """Make several changes, as the API takes them, in one commit, or none of them; see docs/commits.md.

        Raises:
            ChangesRefused: with the refusal of each change that is refused.
        """
        answer = yield from self._send_write(
            "POST", "/api/commits", {"changes": list(changes)}, description, author, dry_run=dry_run
        )
        made = answer.json()
        return Committed(made["commit"], tuple(map(ChangeResult.of, self._noted(made))))

    def promote(
        self,
        source: str,
        label: str,
        *,
        prefix: str | None = None,
        description: str | None = None,
        author: Author | None = None,
        dry_run: bool = False,
    ) -> Steps[Promoted]:
        """Point *label* where the label *source* points, or at the newest versions (`latest`), in one commit.

        That is done for every prompt that has *source*; with *prefix* for those below that folder of names.
        """
        path = f"/api/labels/{labels.check(label)}/promote"
        answer = yield from self._send_write(
            "POST", path, {"from": source, "prefix": prefix}, description, author, dry_run=dry_run
        )
        made = answer.json()
        return Promoted(made["commit"], tuple(map(Promotion.of, self._noted(made))))

    def _noted(self, made: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """The results of an answer; their prompts are noted as written, if they were."""
        results: Sequence[Mapping[str, Any]] = made["results"]
        for one in results if made["commit"] else ():
            self._changed(one["prompt_id"])
        return results

    def _write(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any],
        description: str | None,
        author: Author | None,
        if_match: int | str | None = None,
    ) -> Steps[Response]:
        """Send a write to one prompt, which is noted as written."""
        answer = yield from self._send_write(method, path, body, description, author, if_match)
        has_id = path.startswith(f"{ALL}/")
        self._changed(path.split("/")[3] if has_id else answer.json()["id"])
        return answer

    def _send_write(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any],
        description: str | None,
        author: Author | None,
        if_match: int | str | None = None,
        *,
        dry_run: bool = False,
        create_only: bool = False,
    ) -> Steps[Response]:
        """Send a write, without the members of *body* that are None; all its attempts send the same Idempotency-Key."""
        reason = {"description": description, "author": author and author._asdict()}
        told = {key: value for key, value in {**body, **reason}.items() if value is not None}
        headers = {"Idempotency-Key": str(uuid4())}
        if if_match is not None:
            headers["If-Match"] = "*" if if_match == "*" else f'"{if_match}"'
        if create_only:
            headers["If-None-Match"] = "*"
        query = {"dry_run": "true"} if dry_run else {}
        return (yield from self._send(method, path, query=query, body=told, headers=headers))
