"""What others refer to stays: nobody deletes, renames or unlabels it, through whatever face, without saying force.

`Writes` asks of every plan, under the write lock. The files that the plan would change say what goes, and which
references are left, so that no new kind of write can forget it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator

from promptgit.domain import labels, names, references
from promptgit.domain.models import Prompt
from promptgit.domain.references import Reference
from promptgit.errors import Referenced
from promptgit.service.plans import Files, Plan
from promptgit.store.git.hashing import object_id
from promptgit.store.git.objects import BLOB
from promptgit.store.index import queries, reference_rows

Going = dict[str, set[str] | None]
"""Names of prompts that go, or of which these labels go; None: the prompt itself."""


class Behind(Exception):
    """The references of many prompts are not taken in yet: that is to be done before the write lock is held."""


def expect_unreferenced(index: sqlite3.Connection, plan: Plan, read: Callable[[str], bytes], *, patient: bool) -> None:
    """Refuse a plan after which others would refer to a prompt, or to a label, that it removes.

    *read* gives the bytes of a blob that the plan names or the index knows; with *patient* however many texts are read.

    Raises:
        Referenced
        Behind: without *patient*, many texts would have to be read.
    """
    going = _going(index, plan)
    if not going:
        return
    if not patient and reference_rows.is_behind(index):
        raise Behind
    left: dict[tuple[str, str | None], set[str]] = {}
    for user, reference in _left(index, plan.files, going, read):
        if user != reference.name and _leads_nowhere(going, reference):
            label = reference.label if going[reference.name] is not None else None
            left.setdefault((reference.name, label), set()).add(user)
    for (name, label), users in left.items():
        raise Referenced(name, label, sorted(users))


def _going(index: sqlite3.Connection, plan: Plan) -> Going:
    going: Going = {}
    removed = [path for path, content in plan.files.items() if content is None and path not in plan.forced]
    for path in removed:
        if path.startswith(names.ROOT) and (name := names.name_of(path)) is not None:
            going[name] = None
    for path in removed:
        found = labels.parse(path)
        if found is not None and plan.files.get(names.path_of(found[1]), b"") is not None:  # the prompt itself stays
            gone = going.setdefault(found[1], set())
            assert gone is not None
            gone.add(found[0])
    return {name: gone for name, gone in going.items() if queries.prompt_by_name(index, name) is not None}


def _leads_nowhere(going: Going, reference: Reference) -> bool:
    if reference.name not in going:
        return False
    gone = going[reference.name]
    return gone is None or reference.label in gone


def _left(
    index: sqlite3.Connection, files: Files, going: Going, read: Callable[[str], bytes]
) -> Iterator[tuple[str, Reference]]:
    """The references that are there after the plan, each with the name of the prompt before it."""
    users = reference_rows.to(index, going, read)
    keys = list(dict.fromkeys(one.prompt for one in users))
    prompts = dict(zip(keys, queries.prompts_by_key(index, keys), strict=True))
    written = {name: content for path, content in files.items() if content and (name := names.name_of(path))}
    moved = _moved(index, files) & {content for content in written.values() if isinstance(content, str)}
    for one in users:
        if _stays(prompts[one.prompt], one.number, files, moved):
            yield prompts[one.prompt].name, one.reference
    for name, content in written.items():
        if isinstance(content, bytes) or content not in moved:
            for reference in references.in_file(content if isinstance(content, bytes) else read(content)):
                yield name, reference


def _moved(index: sqlite3.Connection, files: Files) -> set[str]:
    """The newest blobs of the prompts whose files go; one that comes elsewhere is a rename."""
    sources = (name for path, content in files.items() if content is None and (name := names.name_of(path)))
    found = (queries.prompt_by_name(index, name) for name in sources)
    return {prompt.newest.blob for prompt in found if prompt is not None}


def _stays(user: Prompt, number: int, files: Files, moved: set[str]) -> bool:
    """True if version *number* of a prompt is still its newest one, or a labelled one, after the plan."""
    if user.path in files and files[user.path] is None:
        return user.newest.blob in moved  # renamed, it keeps what it has; deleted, it refers to nothing
    if number == user.newest.number and _is_kept(files, user.path, user.newest.blob):
        return True
    return any(
        _is_kept(files, labels.path_of(label, user.name), object_id(BLOB, labels.content(number)))
        for label, pointed in user.labels.items()
        if pointed == number
    )


def _is_kept(files: Files, path: str, blob: str) -> bool:
    """True if the plan leaves the blob that a file has."""
    content = files.get(path, blob)
    return (object_id(BLOB, content) if isinstance(content, bytes) else content) == blob
