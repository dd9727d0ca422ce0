"""What each kind of write changes: pure functions from the state of the index to what is to be committed.

They are called under the write lock, on the index as the commits before have left it, and raise what refuses the write.
None means that there is nothing to change. Whatever face or file a write comes from, these are its rules.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from promptgit.domain import labels, names
from promptgit.domain.models import Prompt, Version
from promptgit.errors import InvalidName, LabelNotFound
from promptgit.service import checks
from promptgit.store.index import label_queries

Files = dict[str, bytes | str | None]
"""Path -> new content, the id of a blob that exists, or None: the file goes."""


class Plan(NamedTuple):
    """What is to be committed; *reason* is the description where the caller gives none.

    *released* are those of the files that move a gated label because a release says so; *forced* those that go whoever
    refers to them.
    """

    files: Files
    reason: str
    released: frozenset[str] = frozenset()
    forced: frozenset[str] = frozenset()


def create(index: sqlite3.Connection, name: str, content: bytes) -> Plan:
    """Give a name its first version, or bring the deleted prompt of that name back.

    Raises:
        NameTaken: another prompt has the name, or a clone could not hold it together with another prompt's.
    """
    checks.expect_free(index, name)
    checks.expect_own(index, name)
    return Plan({**leftover_labels(index, name), names.path_of(name): content}, "Initial version")


def save(prompt: Prompt, content: bytes, blob: str) -> Plan | None:
    """Make *content*, whose id is *blob*, the newest version."""
    return None if prompt.newest.blob == blob else Plan({prompt.path: content}, f"Update {prompt.name}")


def rename(index: sqlite3.Connection, prompt: Prompt, name: str) -> Plan | None:
    """Move a prompt with its labels to another name.

    Raises:
        NameTaken: as `create` does.
        InvalidName: it is a UUID, and not the prompt's id.
    """
    if prompt.name == name:
        return None
    if names.is_uuid(name) and name != prompt.id:
        raise InvalidName("is a UUID, which only the prompt of that id can have; choose another")
    checks.expect_free(index, name, mover=prompt.id)
    if name != prompt.id:
        checks.expect_own(index, name)
    files = leftover_labels(index, name)
    for label, blob in label_queries.files(index, prompt.name).items():
        files |= {labels.path_of(label, prompt.name): None, labels.path_of(label, name): blob}
    files |= {prompt.path: None, names.path_of(name): prompt.newest.blob}
    return Plan(files, f"Rename {prompt.name} to {name}")


def delete(index: sqlite3.Connection, prompt: Prompt) -> Plan:
    """Remove a prompt that is there, with its labels."""
    return Plan({prompt.path: None} | leftover_labels(index, prompt.name), f"Delete {prompt.name}")


def revert(index: sqlite3.Connection, prompt: Prompt, version: Version, *, is_deleted: bool) -> Plan | None:
    """Save the content of an older version as the prompt's newest version; that restores a deleted prompt.

    Raises:
        NameTaken: the prompt was deleted, and another had its name after it.
    """
    if is_deleted:
        checks.expect_free(index, prompt.name)
        checks.expect_last_of_name(index, prompt)
    elif prompt.newest.blob == version.blob:
        return None
    cleared = leftover_labels(index, prompt.name) if is_deleted else {}
    return Plan({**cleared, prompt.path: version.blob}, f"Revert to version {version.number}")


def point(index: sqlite3.Connection, prompt: Prompt, pointed: Iterable[str], number: int) -> Plan | None:
    """Point labels at one version of a prompt, all or none.

    Raises:
        VersionNotFound: the prompt has no such version.
        Invalid: no clone on Windows could check the label out.
    """
    checks.expect_version(prompt, number)
    moving = [label for label in pointed if prompt.labels.get(label) != number]
    if not moving:
        return None
    checks.expect_labels(index, prompt.name, moving)
    files: Files = {labels.path_of(label, prompt.name): labels.content(number) for label in moving}
    return Plan(files, f"Point {', '.join(moving)} at version {number} of {prompt.name}")


def unpoint(index: sqlite3.Connection, prompt: Prompt, label: str) -> Plan | None:
    """Remove a label.

    Raises:
        LabelNotFound: the prompt never had it.
    """
    if label in label_queries.files(index, prompt.name):
        return Plan({labels.path_of(label, prompt.name): None}, f"Remove the label {label} of {prompt.name}")
    if not label_queries.moves(index, prompt.id, label):
        raise LabelNotFound(prompt.name, label)
    return None


def leftover_labels(index: sqlite3.Connection, name: str) -> Files:
    """The files of labels under a name whose prompt leaves or has left, all to be removed."""
    return {labels.path_of(label, name): None for label in label_queries.files(index, name)}
