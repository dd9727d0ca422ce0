"""Says which commits of `main` a signature covers.

A commit's id is a checksum over what it holds, its parents' ids among it. So a good signature covers the
commit that bears it and every ancestor of that: none of them can be changed without breaking it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from promptgit.domain.models import Author
from promptgit.store.index.intake import Progress
from promptgit.store.store import Store

_SIGNATURE = b"gpgsig -----BEGIN SSH SIGNATURE-----"
_COMMITTER = re.compile(rb"committer (.*) \d+ [+-]\d+")
_REPORT_EVERY = 2_000  # commits


@dataclass(frozen=True, slots=True)
class Entry:
    """A commit of the report; *by* is who signed it, or else its committer: "Ada <ada@example.org>"."""

    commit: str
    by: str


@dataclass(slots=True)
class Report:
    """What was found.

    *newest* is the newest commit along first parents with a good signature, and *covered* how many commits
    that covers; *uncovered* are the others that `main` reaches. *bad* are the signatures that were looked at
    and are not good, by git's letter for each (`%G?` in git-log(1)). *foreign* are the commits along first
    parents, covered or not, whose committer is neither the service nor a credential. All are newest first.
    """

    newest: Entry | None = None
    covered: int = 0
    uncovered: list[Entry] = field(default_factory=list)
    bad: list[Entry] = field(default_factory=list)
    foreign: list[Entry] = field(default_factory=list)


def verify(
    store: Store,
    allowed_signers: Path,
    credentials: Iterable[Author] = (),
    *,
    every: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Look at the newest signature, and at older ones until one is good; with *every* at all of them.

    *allowed_signers* is a file as ssh-keygen(1) has it, under "ALLOWED SIGNERS"; *credentials* are the
    tokens of the service, as committers.
    """
    git = store.repository.git
    own = {f"{author.name} <{author.email}>" for author in (store.committer, *credentials)}
    main = store.repository.main()
    report = Report()
    for count, (commit, headers) in enumerate(git.headers(main, first_parent=True), 1):
        if progress is not None and count % _REPORT_EVERY == 0:
            progress(count)
        if (every or report.newest is None) and any(line.startswith(_SIGNATURE) for line in headers):
            letter, signer = git.signature(commit, allowed_signers)
            if letter != "G":
                report.bad.append(Entry(commit, letter))
            elif report.newest is None:
                report.newest = Entry(commit, signer)
        if (by := _committer(headers)) not in own:
            report.foreign.append(Entry(commit, by))
    signed = report.newest.commit if report.newest else None
    report.covered = git.count(signed) if signed else 0
    report.uncovered = [Entry(commit, _committer(headers)) for commit, headers in git.headers(main, after=signed)]
    return report


def _committer(headers: list[bytes]) -> str:
    found = next((match[1] for line in headers if (match := _COMMITTER.match(line))), b"nobody")
    return "".join(
        each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in found.decode(errors="replace")
    )
