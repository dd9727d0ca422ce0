"""What was: prompts and labels as an earlier commit of `main` left them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Concatenate, ParamSpec, TypeVar

from promptgit.domain import names
from promptgit.domain.labels import LATEST
from promptgit.domain.models import LabelMove, Prompt, Removal, Version
from promptgit.domain.past import AsOf
from promptgit.errors import CommitNotFound, LabelNotFound, NameNotFound, PromptNotFound, VersionNotFound
from promptgit.service import checks
from promptgit.store.index import change_queries, past_queries, queries, version_queries
from promptgit.store.store import Store

P = ParamSpec("P")
T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Past:
    """Reads one store as its commit `commit` left it.

    Every method raises CommitNotFound if `main` was rewritten, and has lost that commit.
    """

    def __init__(self, store: Store, moment: AsOf) -> None:
        """*moment* is the commit, or a time: the last commit that was stored up to then.

        Raises:
            CommitNotFound: the commit is not in the first-parent history of `main`; or all commits were stored later.
        """
        self._store = store
        self.commit = store.index.read(_commit, moment)
        self.labels = PastLabels(self)

    def find(self, prompt_id: str) -> tuple[Prompt, Removal | None]:
        """A prompt, and how it was removed if it was not there then.

        Raises:
            PromptNotFound: no prompt had this id then.
        """
        past = self.read(past_queries.prompt_by_id, prompt_id)
        if past is None:
            raise self.not_there(prompt_id)
        return past

    def get(self, prompt_id: str) -> Prompt:
        """A prompt that was there.

        Raises:
            PromptNotFound: no prompt had this id then.
            PromptDeleted: it was deleted then.
        """
        return checks.expect_living(*self.find(prompt_id))

    def named(self, name: str) -> Prompt:
        """The prompt that had a name.

        Raises:
            NameNotFound: no prompt had this name then, or had had it last.
            PromptDeleted: the prompt that had had it last was deleted then.
        """
        past = self.read(past_queries.prompt_by_name, names.canonical(name))
        if past is None:
            raise NameNotFound(name)
        return checks.expect_living(*past)

    def list(
        self,
        *,
        name: str | None = None,
        prefix: str | None = None,
        after: str | None = None,
        label: str | None = None,
        limit: int,
    ) -> list[Prompt]:
        """The same as `Reading.list`, by the names of then."""
        exact, label = name and names.canonical(name), None if label == LATEST else label
        return self.read(past_queries.list_prompts, queries.Where(exact, prefix, None, after, label), limit=limit)

    def version(self, prompt: Prompt, number: int) -> Version:
        """Version *number*, which *prompt* had then, with its labels of then."""
        version = self._store.index.read(version_queries.version, prompt.id, number)
        if version is None:
            raise VersionNotFound(prompt.name, str(number), prompt.newest.number)
        return prompt.labelled(version)

    def not_there(self, prompt_id: str) -> PromptNotFound:
        """The refusal of an id that no prompt had."""
        return PromptNotFound(prompt_id, f"No prompt had it as of the commit {self.commit}.")

    def read(self, query: Callable[Concatenate[sqlite3.Connection, int, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What *query* finds at the commit, whose number it takes."""
        return self._store.index.read(lambda index: query(index, _number(index, self.commit), *args, **kwargs))


class PastLabels:
    """The labels of prompts in one past state."""

    def __init__(self, past: Past) -> None:
        self._past = past

    def all(self, prompt_id: str) -> list[LabelMove]:
        """Where the labels of a prompt pointed, and since when.

        Raises:
            PromptNotFound: no prompt had this id then.
            PromptDeleted: it was deleted then.
        """
        found = self._past.read(past_queries.pointers, prompt_id)
        if found is None:
            raise self._past.not_there(prompt_id)
        past, moves = found
        checks.expect_living(*past)
        return moves

    def get(self, prompt_id: str, label: str) -> Version:
        """The version that a label pointed at, with its labels of then; `latest` is the newest one of then.

        Raises:
            PromptNotFound, PromptDeleted, LabelNotFound
        """
        prompt = self._past.get(prompt_id)
        if label == LATEST:
            return prompt.newest
        number = prompt.labels.get(label)
        if number is None:
            raise LabelNotFound(prompt.name, label)
        return self._past.version(prompt, number)


def _number(index: sqlite3.Connection, commit: str) -> int:
    number = change_queries.number_of(index, commit)
    if number is None:
        raise CommitNotFound(commit, "Take one that `git log --first-parent main` prints.")
    return number


def _commit(index: sqlite3.Connection, moment: AsOf) -> str:
    if isinstance(moment, str):
        _number(index, moment)
        return moment
    number = past_queries.number_before(index, moment)
    if number is None:
        time = f"{_EPOCH + timedelta(seconds=moment):%Y-%m-%dT%H:%M:%SZ}"
        raise CommitNotFound(time, "All of its commits were stored later.")
    return change_queries.commit_of(index, number)
