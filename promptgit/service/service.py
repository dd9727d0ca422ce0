"""The use cases: create, save, rename, delete, revert, and everything that is read.

Each write checks what it was given, and runs one plan of `plans` under the write lock, whatever face it comes through.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from uuid import uuid4

from promptgit.domain import names, texts
from promptgit.domain.models import Prompt
from promptgit.errors import Invalid, NameTaken, StaleVersion, VersionNotFound
from promptgit.service import checks, plans
from promptgit.service.blaming import Blaming
from promptgit.service.commits import Commits
from promptgit.service.evaluations import Evaluations
from promptgit.service.labelling import Labelling
from promptgit.service.plans import Plan
from promptgit.service.promotions import Promotions
from promptgit.service.publishing import Publishing
from promptgit.service.readiness import NOBODY, Credentials
from promptgit.service.reading import Reading
from promptgit.service.releasing import Releasing
from promptgit.service.ruling import Ruling
from promptgit.service.writes import Attribution, Writes
from promptgit.store.git.hashing import object_id
from promptgit.store.git.objects import BLOB
from promptgit.store.index import queries, repeats, version_queries
from promptgit.store.store import Store

_RANDOM_NAMES = 10_000  # that are tried, before every folder of UUIDs is taken to be blocked


class Service(Reading):
    """Prompts and their versions, in one store.

    *max_content* is in bytes of UTF-8. *protected* are the labels that only those move who were allowed to.
    *credentials* tell which approvals of releases count.
    """

    def __init__(
        self,
        store: Store,
        max_content: int,
        protected: frozenset[str] = frozenset(),
        credentials: Credentials = NOBODY,
    ) -> None:
        super().__init__(store)
        self._max_content = max_content
        self._writes = Writes(store, protected)
        self.blame = Blaming(store)
        self.labels = Labelling(store, self._writes)
        self.commits = Commits(store, max_content, self._writes, credentials)
        self.promotions = Promotions(self._writes)
        self.publishing = Publishing(store, max_content, self._writes)
        self.checks = Evaluations(store, self._writes, credentials)
        self.rules = Ruling(store, self._writes)
        self.releases = Releasing(store, self._writes, credentials)

    def create(
        self,
        content: str,
        *,
        name: str | None = None,
        prompt_id: str | None = None,
        attribution: Attribution = Attribution(),
    ) -> Prompt:
        """Create a prompt; with neither name nor id, under a new random UUID.

        The name of a deleted prompt brings that one back, with its id and its numbers.

        Raises:
            Invalid, InvalidName, ContentTooLarge: a rule is broken.
            NameTaken, PathBlocked: the name cannot be had.
            (and those of `Writer.submit`)
        """
        if name is not None and prompt_id is not None:
            raise Invalid("id", "is given in addition to a name; give one of them, for an id is the name")
        given = names.check(name) if name is not None else prompt_id
        about = [] if given is None else [given]
        chosen = given or ""
        data = texts.check_content(content, self._max_content)

        def plan(index: sqlite3.Connection) -> Plan:
            nonlocal chosen
            if given is None:
                chosen = _random_name(index)
            return plans.create(index, chosen, data)

        return self._writes.run(plan, lambda index: _named(index, chosen), repeats.prompt_after, attribution, about)

    def save(self, prompt_id: str, content: str, *, attribution: Attribution = Attribution()) -> Prompt:
        """Save *content* as the newest version of a prompt.

        The content that it already has writes nothing.

        Raises:
            PromptNotFound, PromptDeleted: there is no such prompt to save.
            StaleVersion: the caller has not seen the newest version.
            Invalid, ContentTooLarge: a rule is broken.
            PathBlocked: a folder lies where the prompt's file would be.
            (and those of `Writer.submit`)
        """
        data = texts.check_content(content, self._max_content)
        blob = object_id(BLOB, data)

        def plan(index: sqlite3.Connection) -> Plan | None:
            prompt = checks.expect_living(*checks.seen(index, prompt_id, attribution.if_match))
            return plans.save(prompt, data, blob)

        return self._writes.run(
            plan, lambda index: _by_id(index, prompt_id), repeats.prompt_after, attribution, [prompt_id]
        )

    def put(
        self, name: str, content: str, *, create_only: bool = False, attribution: Attribution = Attribution()
    ) -> tuple[Prompt, bool]:
        """Save *content* as the newest version of the prompt of a name, which is created, or brought back, if need be.

        Returns the prompt, and whether it was created or brought back. With a precondition, or with *create_only*, one
        of both is refused.

        Raises:
            NameNotFound, PromptDeleted: the prompt is not there, and a precondition was given.
            StaleVersion: the caller has not seen the newest version, or it is there and *create_only* is given.
            Invalid, InvalidName, ContentTooLarge: a rule is broken.
            NameTaken, PathBlocked: the name cannot be had.
            (and those of `Writer.submit`)
        """
        name = names.check(name)
        data = texts.check_content(content, self._max_content)
        blob = object_id(BLOB, data)
        creates = False

        def plan(index: sqlite3.Connection) -> Plan | None:
            nonlocal creates
            prompt = queries.prompt_by_name(index, name)
            creates = prompt is None
            if prompt is None:
                if attribution.if_match is not None:
                    checks.not_there(index, name)
                return plans.create(index, name, data)
            if create_only:
                raise StaleVersion(prompt.name, prompt.newest.number)
            return plans.save(checks.expect_seen(prompt, attribution.if_match), data, blob)

        def recall(index: sqlite3.Connection, commit: str) -> tuple[Prompt, bool]:
            return repeats.prompt_after(index, commit), repeats.has_created(index, commit)

        return self._writes.run(plan, lambda index: (_named(index, name), creates), recall, attribution, [name])

    def rename(self, prompt_id: str, name: str, *, attribution: Attribution = Attribution()) -> Prompt:
        """Move a prompt to another name; its id, versions, numbers and labels stay.

        Raises:
            PromptNotFound, PromptDeleted: there is no such prompt to rename.
            StaleVersion: the caller has not seen the newest version.
            Invalid, InvalidName: a rule is broken.
            NameTaken, PathBlocked: the name cannot be had.
            Referenced: other prompts refer to it by the name that it has.
            (and those of `Writer.submit`)
        """
        checked = names.check(name)

        def plan(index: sqlite3.Connection) -> Plan | None:
            prompt = checks.expect_living(*checks.seen(index, prompt_id, attribution.if_match))
            return plans.rename(index, prompt, checked)

        return self._writes.run(
            plan, lambda index: _by_id(index, prompt_id), repeats.prompt_after, attribution, [prompt_id, checked]
        )

    def delete(self, prompt_id: str, *, attribution: Attribution = Attribution()) -> None:
        """Delete a prompt with its labels; its versions stay readable. One that is deleted already stays so.

        Raises:
            PromptNotFound: no prompt has this id.
            StaleVersion: the caller has not seen the newest version.
            LabelProtected: it has a label that the caller may not move.
            Referenced: other prompts refer to it.
            Invalid: the description or the author breaks a rule.
            (and those of `Writer.submit`)
        """

        def plan(index: sqlite3.Connection) -> Plan | None:
            prompt, removal = checks.seen(index, prompt_id, attribution.if_match)
            if removal is not None:
                return None
            self._writes.expect_mover(index, prompt.labels, attribution.rights, prompt.name)
            return plans.delete(index, prompt)

        self._writes.run(plan, lambda _: None, lambda *_: None, attribution, [prompt_id])

    def revert(self, prompt_id: str, number: int | str, *, attribution: Attribution = Attribution()) -> Prompt:
        """Save the content of an older version as the prompt's newest version. A deleted prompt is restored by that.

        The content that the prompt already has writes nothing.

        Raises:
            PromptNotFound, VersionNotFound: there is no such version.
            StaleVersion: the caller has not seen the newest version.
            NameTaken: the prompt was deleted, and another had its name after it.
            Invalid: the description or the author breaks a rule.
            PathBlocked: a folder lies where the prompt's file would be.
            (and those of `Writer.submit`)
        """
        target = self.version(prompt_id, number)

        def plan(index: sqlite3.Connection) -> Plan | None:
            prompt, removal = checks.seen(index, prompt_id, attribution.if_match)
            version = version_queries.version(index, prompt_id, target.number)
            if version is None:  # `main` was rewritten meanwhile
                raise VersionNotFound(prompt.name, str(target.number), prompt.newest.number)
            return plans.revert(index, prompt, version, is_deleted=removal is not None)

        return self._writes.run(
            plan, lambda index: _by_id(index, prompt_id), repeats.prompt_after, attribution, [prompt_id]
        )


def _random_name(index: sqlite3.Connection) -> str:
    """A new random UUID that can be a name.

    One in 256 cannot for each prompt whose name is two hexadecimal digits: its file would be their folder.
    """
    for _ in range(_RANDOM_NAMES):
        name = str(uuid4())
        with suppress(NameTaken):
            checks.expect_free(index, name)
            break
    return name


def _named(index: sqlite3.Connection, name: str) -> Prompt:
    prompt = queries.prompt_by_name(index, name)
    assert prompt is not None
    return prompt


def _by_id(index: sqlite3.Connection, prompt_id: str) -> Prompt:
    return checks.expect(queries.prompt_by_id(index, prompt_id), prompt_id)[0]
