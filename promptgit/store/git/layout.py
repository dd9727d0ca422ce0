"""What a repository tells an auditor of its layout, and the first commit, which does."""

from __future__ import annotations

from promptgit.domain.models import Author
from promptgit.store.git import objects
from promptgit.store.git.hashing import object_id

README = """\
# Prompts, as promptgit keeps them

This repository is the only truth of a promptgit service; all else is derived from it.

* A prompt named `support/greeting` is the file `prompts/support/greeting.md`, byte for byte.
* A prompt whose name is a UUID is `prompts/<its first two hex digits>/<uuid>.md`.
* Version N of a prompt is the Nth commit of `main`, along first parents, that adds its file or
  changes its content. The commit's message is the version's description, its author who wrote
  the version, and when; its committer is who stored it, and when.

See the history of a prompt, the commit of its version 3, and what changed from then to now:

    git log --first-parent -p -- prompts/support/greeting.md
    git log --first-parent --follow -M100% --diff-filter=AM --format=%H -- prompts/support/greeting.md | tac | sed -n 3p
    git diff <commit> main -- prompts/support/greeting.md

The API knows a prompt by its id: its name if that is a UUID, else the UUID of version 5 of its first name:

    python3 -c 'import uuid; print(uuid.uuid5(uuid.UUID("6f1c3a52-9a0e-5d0b-8c55-2b7c1f0d9e41"), "support/greeting"))'

* `git mv` moves a prompt: the same blob under another path keeps the prompt's id and numbers. Its labels stay behind:
  move their files in the same commit, too (`git mv labels/<label>/<old name> labels/<label>/<new name>`).
* `labels/<label>/support/greeting` holds the number of the version that the label points at.
* `rules.toml` says which labels are gated: only a release moves such a label, after checks and approvals.
* `checks/<two hex digits>/<rest of the version's id>/<check>` is what a CI says about a version; it names the version.
* `releases/0/12.toml` is release 12 (a folder has a thousand): who opened, approved and closed it, and at which
  versions its label is to point. Each step is a commit, by the credential that took it:

    git log --first-parent -p -- releases/0/12.toml

* Other files are left alone.

To get the very bytes on Windows, clone with `git clone -c core.autocrlf=false`.
"""


def first_commit(committer: Author, now: int) -> tuple[str, dict[str, tuple[str, bytes]]]:
    """The commit that a history begins with, and its objects: id -> kind and bytes. *now* is in seconds since 1970."""
    found: dict[str, tuple[str, bytes]] = {}

    def add(kind: str, data: bytes) -> str:
        oid = object_id(kind, data)
        found[oid] = (kind, data)
        return oid

    readme = add(objects.BLOB, README.encode())
    tree = add(objects.TREE, objects.tree_entry(objects.FILE_MODE, b"README.md", readme))
    message = "Explain the layout of this repository"
    return add(objects.COMMIT, objects.build_commit(tree, None, committer, now, committer, now, message)), found
