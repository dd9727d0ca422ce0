"""What clients of several nodes have recorded, compared with the history of the host and with those of the nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.faults.checker import Lost, check
from tests.faults.known import Known, Version
from tests.faults.node_cluster import Cluster
from tests.faults.records import Read, Told, Write
from tests.support import Http, command, git, git_text


def check_campaign(cluster: Cluster) -> Counter[str]:
    """Compare all that clients were told with what there is; how often each outcome was told.

    Raises:
        Lost: they do not agree.
    """
    main = cluster.settle()
    feeds = [_feed(url) for url in cluster.urls()]
    if any(feed != feeds[0] for feed in feeds):
        raise Lost("the indexes of the nodes differ")
    for repository in cluster.repositories():
        if git_text(repository, "rev-parse", "main") != main:
            raise Lost(f"{repository} has another main than the host")
    return _Campaign(cluster, feeds[0]).check()


def check_nodes(cluster: Cluster) -> None:
    """Stop the nodes, and have each compared with itself: objects, and the index with the history.

    Raises:
        Lost: something is wrong.
    """
    cluster.stop()  # git fsck reports packs that upkeep removes meanwhile
    for folder, repository in zip(cluster.folders, cluster.repositories(), strict=True):
        check(repository, Known())
        for tip in _tips(repository):  # an administrator has seen them: see docs/recovery.md
            git(repository, "update-ref", "-d", tip)
        done = command("check", "--data", str(folder))
        if done.returncode:
            raise Lost(f"promptgit check of {folder}: {done.stdout}{done.stderr}")


class _Campaign:
    def __init__(self, cluster: Cluster, feed: list[dict[str, Any]]) -> None:
        self._cluster = cluster
        self._removed = cluster.removed
        line = _log(cluster.host.path, ["main"])
        self._places = {commit: place for place, (commit, _) in enumerate(line, 1)}
        self._commits: dict[str, list[str]] = {}
        for commit, message in line:
            self._commits.setdefault(message, []).append(commit)
        self._kept = dict(entry for repository in cluster.repositories() for entry in _kept(repository))
        self._feed = feed
        self._numbers: dict[str, list[tuple[int, int]]] = {}  # of each prompt: place, and number of a version
        self._states: set[tuple[str, str, int | None]] = set()  # prompt, label and number; "deleted" for a label
        for change in feed:
            prompt = change["prompt_id"]
            if change["type"] == "version":
                place = self._places[change["commit"]]
                self._numbers.setdefault(prompt, []).append((place, change["version_number"]))
            elif change["type"] == "label":
                self._states.add((prompt, change["label"], change["to"]))
            elif change["type"] == "delete":
                self._states.add((prompt, "deleted", None))

    def check(self) -> Counter[str]:
        records, outcomes = self._cluster.records, Counter[str]()
        for prompt, found in self._numbers.items():
            if [number for _, number in found] != list(range(1, len(found) + 1)):
                raise Lost(f"the versions of {prompt} are numbered {found}")
        for message, commits in self._commits.items():
            if len(commits) > 1 and len(message) == 36:
                raise Lost(f"{message} was made more than once: {commits}")
        for write in records.writes:
            outcomes["writes acknowledged" if write.acknowledged else "writes refused"] += 1
            outcomes.update(_name(told) for told in write.attempts)
            self._check_write(write)
        for read in records.reads:
            outcomes["reads"] += 1
            outcomes[f"read: {_name(read.told)}"] += 1
            self._check_read(read)
        check(self._cluster.host.path, Known(versions=list(self._versions())))
        return outcomes

    def _check_write(self, write: Write) -> None:
        there = self._commits.get(write.key, [])
        if any(one.status >= 500 and one.status not in (503, 507) for one in write.attempts):
            raise Lost(f"an answer that never should be: {write}")
        told = write.acknowledged
        if told is None:
            # What somebody took away before the node had asked for it may have been kept by another node.
            if there or (write.key in self._kept.values() and write.key not in self._removed.values()):
                raise Lost(f"was refused, and is there: {write}")
            return
        # A push that was sent again may have brought the very commit back.
        lost = [commit for commit, key in self._removed.items() if key == write.key and commit not in self._places]
        if not set(lost) <= self._kept.keys() and not any(one.is_unclear for one in write.attempts):
            raise Lost(f"was acknowledged and removed by force, and no node has kept it: {write}")
        if told.number and told.commit not in self._places and told.commit not in self._kept:
            raise Lost(f"was acknowledged, and is not there: {write}")
        if told.number and told.description == write.key:
            if told.commit not in [*there, *lost] or write.body.get("content", told.content) != told.content:
                raise Lost(f"was acknowledged as another version: {write}")
        elif not there and not lost and not self._was_so(write):
            raise Lost(f"was acknowledged, and was never so: {write}")
        again = write.again
        if again is not None and told.description == write.key and told.commit in self._places and not again.is_unclear:
            is_away = again.status in (503, 507)
            if not is_away and (again.number, again.commit) != (told.number, told.commit):
                raise Lost(f"was answered otherwise when it was sent again: {write}")

    def _was_so(self, write: Write) -> bool:
        """True if a write that has made no commit had nothing to change, as far as can be told."""
        if self._removed:
            return True
        if write.kind == "label":
            return (write.prompt, write.path.rpartition("/")[2], write.body["version_number"]) in self._states
        if write.kind == "delete":
            return (write.prompt, "deleted", None) in self._states
        return write.kind == "revert"  # to the content that it has; the answer's version was compared

    def _check_read(self, read: Read) -> None:
        told = read.told
        # The last byte may be taken between a move of main and the index that follows it: that is told as a full disk.
        if told.status not in (0, 200, 410, 503, 507) and told.code not in ("head_lost", "prompt_not_found"):
            raise Lost(f"an answer that never should be: {read}")
        if told.status == 503 and (not read.sent or told.code != "head_not_reached"):
            raise Lost(f"a read that was refused: {read}")
        if told.number and told.commit not in self._places and told.commit not in self._removed:
            raise Lost(f"a version that was read has vanished: {read}")
        sent = self._place(read.sent)
        if told.code == "head_lost" and read.sent.partition("-")[2] not in self._removed:
            raise Lost(f"a head was called lost that is there: {read}")
        if told.number and self._place(told.head):
            self._expect_from(self._place(told.head), read)
        if sent and told.status == 200 and told.commit in self._places:
            self._expect_from(sent, read)
        if sent and told.status in (404, 410) and not self._removed and not self._is_excused(read, sent):
            raise Lost(f"a write that was acknowledged was not seen: {read}")

    def _expect_from(self, place: int, read: Read) -> None:
        """Raise unless the version that was read is the one of a place in the history, or a later one."""
        least = max((number for at, number in self._numbers.get(read.prompt, []) if at <= place), default=0)
        if read.told.commit in self._places and read.told.number < least:
            raise Lost(f"an older version than {least} was read: {read}")

    def _is_excused(self, read: Read, sent: int) -> bool:
        """True if there was no such prompt yet, or it was deleted at some time."""
        if read.told.status == 410:
            return (read.prompt, "deleted", None) in self._states
        return min(place for place, _ in self._numbers[read.prompt]) > sent

    def _place(self, head: str) -> int:
        """The place of the commit of a Promptgit-Head; 0: it is not in the history now."""
        return self._places.get(head.partition("-")[2], 0)

    def _versions(self) -> Iterable[Version]:
        """All versions that clients were told of, and that `main` has."""
        records = self._cluster.records
        told = [(write.prompt, write.acknowledged) for write in records.writes]
        told += [(read.prompt, read.told) for read in records.reads]
        found = {
            (prompt, one.number, one.commit, one.content)
            for prompt, one in told
            if one is not None and one.content is not None and one.commit in self._places
        }
        return (Version(prompt, number, commit, content.encode()) for prompt, number, commit, content in found)


def _name(told: Told) -> str:
    return "connection broke" if told.status == 0 else f"{told.status} {told.code}".strip()


def _feed(url: str) -> list[dict[str, Any]]:
    http, after = Http(url), ""
    feed: list[dict[str, Any]] = []
    while True:
        page = http("GET", f"/api/changes?limit=1000{after}")
        if page.status != 200:
            raise Lost(f"the changes cannot be read: {page}")
        if not page.json:
            return feed
        feed += page.json
        after = f"&after={page.headers['X-Last-Commit']}"


def _log(repository: Path, revisions: list[str]) -> list[tuple[str, str]]:
    """The commits of a first-parent history, oldest first, with the first lines of their messages."""
    log = git(repository, "log", "--first-parent", "--reverse", "--format=%H %s", *revisions, "--").decode()
    return [(commit, message) for commit, _, message in (line.partition(" ") for line in log.splitlines())]


def _kept(repository: Path) -> list[tuple[str, str]]:
    """The commits that a node has kept of former histories."""
    return [entry for tip in _tips(repository) for entry in _log(repository, [tip, "^main"])]


def _tips(repository: Path) -> list[str]:
    return git_text(repository, "for-each-ref", "--format=%(refname)", "refs/promptgit/lost").split()
