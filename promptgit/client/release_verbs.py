"""The verbs of checks, rules and releases, in addition to those of prompts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from promptgit.client.release_values import Check, Release, Rules
from promptgit.client.steps import Page, Steps
from promptgit.client.verbs import Verbs
from promptgit.domain import labels
from promptgit.domain.models import Author

_RELEASES, _RULES = "/api/releases", "/api/rules"

Checks: TypeAlias = list[Check]  # as in `Lookups`, whose classes have a method `list`


class ReleaseVerbs(Verbs):
    """All verbs. A step of a release that was done already writes nothing, and gives the release."""

    def checks(self, prompt: str, number: int) -> Steps[Checks]:
        """What CIs say about a version, also of a deleted prompt; sorted by the name of the check."""
        where = yield from self._at(prompt, "versions", f"{number:d}", "checks")
        return [Check.of(value) for value in (yield from self._send("GET", where)).json()]

    def version_checks(self, prompt: str, *, after: int | None = None, before: int | None = None) -> Steps[Page[Check]]:
        """The checks of those versions of a prompt whose numbers lie between *after* and *before*, both exclusive.

        They are sorted by the version's number, then by the check's name.
        """
        where = yield from self._at(prompt, "checks")
        edges = {key: str(value) for key, value in (("after", after), ("before", before)) if value is not None}
        return (yield from self._page(where, edges, Check.of))

    def set_check(
        self,
        prompt: str,
        number: int,
        check: str,
        state: str,
        *,
        summary: str | None = None,
        url: str | None = None,
        description: str | None = None,
        author: Author | None = None,
    ) -> Steps[Check]:
        """Say how a check of a version went: `pending`, `success` or `failure`, with a line and an address.

        What it says already writes nothing. It may release what waited for nothing else (`when_ready`).
        """
        name = labels.check_characters("check", check)  # which `..` is not
        where = yield from self._at(prompt, "versions", f"{number:d}", "checks", name)
        body = {"state": state, "summary": summary, "url": url}
        return Check.of((yield from self._write("PUT", where, body, description, author)).json())

    def rules(self) -> Steps[Rules]:
        """The rules that hold.

        Raises:
            RulesNotFound: there are none, and no label is gated.
        """
        return Rules.of((yield from self._send("GET", _RULES)).json())

    def set_rules(
        self,
        content: str,
        *,
        description: str | None = None,
        author: Author | None = None,
        if_match: str | None = None,
        create_only: bool = False,
    ) -> Steps[Rules]:
        """Write the rules, as an administrator; the whole file `rules.toml`.

        With *if_match*, the `commit` of rules that were read, only if they are still the same; with *create_only* only
        if there are none.

        Raises:
            Invalid: they would not be understood.
            StaleRules: they are others than the caller has seen.
        """
        answer = yield from self._send_write(
            "PUT", _RULES, {"content": content}, description, author, if_match, create_only=create_only
        )
        return Rules.of(answer.json())

    def releases(self, *, state: str | None = None, label: str | None = None, page: int = 100) -> Steps[Page[Release]]:
        """The releases, newest first; of a *state*, `open` including those that are `ready` or `outdated`."""
        query = {key: value for key, value in (("state", state), ("label", label)) if value is not None}
        return (yield from self._page(_RELEASES, query | {"limit": str(page)}, Release.of))

    def release(self, number: int) -> Steps[Release]:
        """A release by its number, with what it lacks."""
        return Release.of((yield from self._send("GET", f"{_RELEASES}/{number:d}")).json())

    def open_release(
        self,
        label: str,
        items: Mapping[str, int] | None = None,
        *,
        description: str,
        author: Author | None = None,
        from_label: str | None = None,
        prefix: str | None = None,
        when_ready: bool = False,
    ) -> Steps[Release]:
        """Ask for a gated label to be moved, to *items*: prompts, by name or id, and the numbers of their versions.

        In their place *from_label* takes where another label points (`latest`: the newest versions), below *prefix*.
        With *when_ready* it is released by itself, with the last approval or check that it lacks.

        Raises:
            LabelNotGated: no rule gates it; `set_label` moves it.
        """
        wanted = []
        for prompt, number in (items or {}).items():
            wanted.append({"prompt_id": (yield from self.find(prompt)), "version_number": number})
        given = None if items is None else wanted
        body = {"label": label, "items": given, "from": from_label, "prefix": prefix, "when_ready": when_ready or None}
        return (yield from self._step("", body, description, author))

    def approve_release(
        self, number: int, *, description: str | None = None, author: Author | None = None
    ) -> Steps[Release]:
        """Approve a release; it counts once for each owner of tokens.

        Raises:
            SelfApproval: the caller has opened it, or written what it ships.
            ReleaseClosed, ReleaseOutdated
        """
        return (yield from self._step(f"/{number:d}/approve", {}, description, author))

    def reject_release(
        self, number: int, *, description: str | None = None, author: Author | None = None
    ) -> Steps[Release]:
        """Close a release: it moves nothing."""
        return (yield from self._step(f"/{number:d}/reject", {}, description, author))

    def withdraw_release(
        self, number: int, *, description: str | None = None, author: Author | None = None
    ) -> Steps[Release]:
        """Close a release that the caller has opened."""
        return (yield from self._step(f"/{number:d}/withdraw", {}, description, author))

    def make_release(
        self, number: int, *, description: str | None = None, author: Author | None = None
    ) -> Steps[Release]:
        """Point the label at all items of a release, in one commit.

        Raises:
            ReleaseNotReady: `missing` says what it lacks.
            ReleaseClosed, ReleaseOutdated
        """
        return (yield from self._step(f"/{number:d}/release", {}, description, author))

    def roll_back_release(self, number: int, *, description: str, author: Author | None = None) -> Steps[Release]:
        """Return each label of a release to the version before, if that was released as well; the new release.

        Raises:
            RollbackRefused, ReleaseOutdated
        """
        return (yield from self._step(f"/{number:d}/rollback", {}, description, author))

    def _step(
        self, below: str, body: Mapping[str, Any], description: str | None, author: Author | None
    ) -> Steps[Release]:
        answer = yield from self._send_write("POST", f"{_RELEASES}{below}", body, description, author)
        made = Release.of(answer.json())
        for item in made.items:  # their labels may have moved
            self._changed(item.prompt_id)
        return made
