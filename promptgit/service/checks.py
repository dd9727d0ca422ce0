"""What is checked of the state that a write finds; called under the write lock."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import NoReturn

from promptgit.domain import labels, names
from promptgit.domain.models import Prompt, Removal
from promptgit.errors import NameNotFound, NameTaken, PromptDeleted, PromptNotFound, StaleVersion, VersionNotFound
from promptgit.store.index import label_queries, queries

Precondition = Callable[[Prompt], bool]
"""Whether the caller has seen this state of the prompt."""

_HIGHEST = 10**18  # above the numbers of all versions and releases, and below 2**63, where SQLite's integers end


def edge(number: int) -> int:
    """A number before or after which something is listed, as SQLite takes it: beyond, the list would be the same."""
    return min(max(number, 0), _HIGHEST)


def expect(found: tuple[Prompt, Removal | None] | None, prompt_id: str) -> tuple[Prompt, Removal | None]:
    """What was found of the prompt with this id; nothing is refused."""
    if found is None:
        raise PromptNotFound(prompt_id, "List the prompts to find it.")
    return found


def expect_living(prompt: Prompt, removal: Removal | None) -> Prompt:
    """A prompt that is there; a deleted one is refused."""
    if removal is not None:
        raise PromptDeleted(prompt.id, prompt.name, prompt.newest.number, removal.timestamp)
    return prompt


def not_there(index: sqlite3.Connection, name: str) -> NoReturn:
    """Refuse a name under which no prompt is there.

    Raises:
        PromptDeleted: the prompt that had it last was deleted.
        NameNotFound: there was none.
    """
    removed = queries.removed_by_name(index, name)
    if removed is not None:
        expect_living(*expect(queries.prompt_by_id(index, removed.id), removed.id))
    raise NameNotFound(name)


def seen(index: sqlite3.Connection, prompt_id: str, if_match: Precondition | None) -> tuple[Prompt, Removal | None]:
    """The prompt, in a state that the caller has seen."""
    prompt, removal = expect(queries.prompt_by_id(index, prompt_id), prompt_id)
    return expect_seen(prompt, if_match), removal


def expect_seen(prompt: Prompt, if_match: Precondition | None) -> Prompt:
    """The prompt, in a state that the caller has seen.

    Raises:
        StaleVersion
    """
    if if_match is not None and not if_match(prompt):
        raise StaleVersion(prompt.name, prompt.newest.number)
    return prompt


def expect_free(index: sqlite3.Connection, name: str, *, mover: str | None = None) -> None:
    """Refuse a name that another prompt has, or that some clone could not hold together with another prompt's.

    `support` and `support/greeting` cannot: with the same label, one's file would be the other's folder. So it is
    with `42` and a UUID that begins with these digits, for its files lie in the folder `42`.
    """
    path, *others_files = _files_in_the_way(name)
    found = queries.prompts_at_folded(index, [path, *others_files], below=[path, path.removesuffix(names.SUFFIX)])
    others = [other for other in found if other.id != mover]
    if others:
        other = min(others, key=lambda other: other.name != name)  # the very same name says most
        raise NameTaken(name, other.name, other.id)


def clashes(given: Sequence[str]) -> dict[int, str]:
    """Which of the names that one commit gives clash by the same rule: place in *given* -> another of these names."""
    paths: dict[str, int] = {}
    found: dict[int, str] = {}
    for at, name in enumerate(given):
        first = paths.setdefault(_files_in_the_way(name)[0], at)
        if first != at:
            found[at] = given[first]
    for at, name in enumerate(given):
        for path in _files_in_the_way(name)[1:]:
            if path in paths:
                later, earlier = max(at, paths[path]), min(at, paths[path])
                found.setdefault(later, given[earlier])
    return found


def _files_in_the_way(name: str) -> list[str]:
    """The folded path of a name's file, and those of the files that would be in the way of its folders."""
    path = names.fold(names.path_of(name))
    parts = path.split("/")
    folders = ["/".join(parts[:count]) for count in range(2, len(parts))]
    return [path, *folders, *(folder + names.SUFFIX for folder in folders)]


def expect_version(prompt: Prompt, number: int) -> None:
    """Refuse a number of which the prompt has no version.

    Raises:
        VersionNotFound
    """
    if not 1 <= number <= prompt.newest.number:
        raise VersionNotFound(prompt.name, str(number), prompt.newest.number)


def expect_own(index: sqlite3.Connection, name: str) -> None:
    """Refuse a UUID as name while it is the id of a prompt with another name."""
    found = queries.prompt_by_id(index, name) if names.is_uuid(name) else None
    if found is not None and found[0].name != name:
        raise NameTaken(name, found[0].name, found[0].id)


def expect_last_of_name(index: sqlite3.Connection, prompt: Prompt) -> None:
    """Refuse a deleted prompt whose name another one had later: a file under that name brings back that one."""
    last = queries.removed_by_name(index, prompt.name)
    if last is not None and last.id != prompt.id:
        raise NameTaken(prompt.name, last.name, last.id)


def expect_labels(index: sqlite3.Connection, name: str, pointed: Iterable[str]) -> None:
    """Refuse new labels of a prompt that no clone on Windows could check out; those that it has go on working.

    Raises:
        Invalid
    """
    for label in set(pointed) - label_queries.files(index, name).keys():
        labels.expect_portable(label)
