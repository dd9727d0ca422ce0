"""Whether all that clients were told is linearizable: as if each operation had been made at one moment, one by one.

The order is that of `main`'s first-parent history, so none has to be searched for. Each answer must be right at a place
of it: not before any that was known when the request was sent, and not after one whose request was sent later.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from itertools import accumulate
from math import inf

from tests.faults.checker import Lost, Prompt, blob_of
from tests.faults.line import Line, State
from tests.faults.records import Read, Records, Told, Write


def check_line(line: Line, records: Records, before: int) -> None:
    """Compare what clients were told with the history, which had *before* commits when they began.

    Raises:
        Lost: they do not agree.
    """
    _Comparison(line, records, before).check()


class _Comparison:
    def __init__(self, line: Line, records: Records, before: int) -> None:
        self._line, self._records = line, records
        self._made: dict[str, list[int]] = {}  # by the key of a write: the places of its commits
        for place, message in enumerate(line.messages[before:], before + 1):
            self._made.setdefault(message, []).append(place)
        self._begun = dict.fromkeys(range(1, before + 1), -inf)
        for write in records.writes:
            self._begun |= dict.fromkeys(self._made.get(write.key, []), write.attempts[0].began)
        told = [(write.prompt, one) for write in records.writes for one in (*write.attempts, write.again) if one]
        told += [(read.prompt, read.told) for read in records.reads]
        self._prompts: dict[str, Prompt] = {}
        self._released = {
            f"/api/releases/{opened.release}/release": (write.body["label"], write.body["items"][0]["version_number"])
            for write in records.writes
            if write.kind == "open" and (opened := write.acknowledged)
        }
        for prompt, one in told:
            self._expect_version(prompt, one)
        known = sorted((one.ended, max(self._place_of(one), line.places.get(one.commit, 0))) for _, one in told)
        self._ends = [ended for ended, _ in known]
        self._known = list(accumulate((place for _, place in known), max))

    def check(self) -> None:
        strangers = self._made.keys() - {write.key for write in self._records.writes}
        if strangers:
            raise Lost(f"commits that nobody has asked for: {strangers}")
        if sorted(self._line.releases) != list(range(1, len(self._line.releases) + 1)):
            raise Lost(f"the releases are numbered {sorted(self._line.releases)}")
        for write in self._records.writes:
            self._check_write(write)
        for read in self._records.reads:
            self._check_read(read)

    def _expect_version(self, prompt: str, told: Told) -> None:
        """Raise unless the version that was told of is there, with its number, and an id means one prompt for ever."""
        if not told.number and (not told.commit or told.commit in self._line.places):
            return
        owner = self._line.owners.get((told.commit, told.number))
        if owner is None or self._prompts.setdefault(prompt, owner) is not owner:
            raise Lost(f"version {told.number} of {prompt} is not there: {told}")

    def _place_of(self, told: Told) -> int:
        """The place that an answer reflects at least; 0 if it does not say."""
        place, _, commit = told.head.partition("-")
        if commit and self._line.places.get(commit) != int(place):
            raise Lost(f"{commit} is not at place {place}: {told}")
        return int(place or 0)

    def _floor(self, told: Told) -> int:
        """The last place that anybody knew of when a request was sent."""
        ended = bisect_left(self._ends, told.began)
        return self._known[ended - 1] if ended else 0

    def _check_write(self, write: Write) -> None:
        places, told = self._made.get(write.key, []), write.acknowledged
        if len(places) > 1 or (places and told is None):
            raise Lost(f"was {'made more than once' if told else 'refused, and is there'}, at {places}: {write}")
        if told is None:
            self._check_refusal(write, write.attempts[-1])
        elif not places:
            self._expect_seen(write, told, write.prompt, lambda state: self._is_done(write, told, state))
        elif places[0] <= self._floor(write.attempts[0]):
            raise Lost(f"stands at {places[0]}, before what was known when it was sent: {write}")
        elif not self._is_effect(write, told, places[0]):
            raise Lost(f"was acknowledged, and something else is at {places[0]}: {write}")
        elif (again := write.again) and again.is_done and (again.number, again.commit) != (told.number, told.commit):
            raise Lost(f"was answered otherwise when it was sent again: {write}")

    def _check_refusal(self, write: Write, told: Told) -> None:
        if told.status not in (403, 409, 410, 412, 422, 503):
            raise Lost(f"an answer that never should be: {write}")
        if told.status == 410:
            self._expect_seen(write, told, write.prompt, lambda state: state.path is None)
        elif told.status == 412:
            self._expect_seen(write, told, write.prompt, lambda state: write.if_match != f'"{state.number}"')

    def _check_read(self, read: Read) -> None:
        told = read.told
        if told.status == 200:
            self._expect_seen(read, told, read.prompt, lambda state: _is_shown(told, state))
        elif told.status == 410:
            self._expect_seen(read, told, read.prompt, lambda state: state.path is None)
        elif told.status != 0:
            raise Lost(f"an answer that never should be: {read}")

    def _expect_seen(self, what: object, told: Told, prompt: str, is_so: Callable[[State], bool]) -> None:
        """Raise unless a prompt had a state, from when the request was sent until it was answered, which *is_so*."""
        states = self._line.since(self._prompts[prompt], self._floor(told))
        if not any(self._begun[place] <= told.ended and is_so(state) for place, state in states):
            raise Lost(f"was not so after place {self._floor(told)}: {what}")

    def _is_effect(self, write: Write, told: Told, place: int) -> bool:
        """True if the commit at *place* did what the write asked for, to the state that it was asked for."""
        if write.kind == "open":
            return self._line.releases.get(told.release, [0])[0] == place
        prompt = self._prompts[write.prompt]
        before, after = (self._line.at(prompt, one) for one in (place - 1, place))
        if after is None or after == before or (told.number and not _is_shown(told, after)):
            return False
        if write.kind in ("create", "contest"):
            return before is None or before.path is None
        if write.kind == "release" and place not in self._line.releases.get(int(write.path.split("/")[3]), []):
            return False
        if write.kind in ("save", "save_seen", "revert"):
            text = write.body.get("content")
            blob = blob_of(text.encode()) if text else prompt.blobs[int(write.path.split("/")[5]) - 1]
            seen = write.if_match in ("", f'"{after.number - 1}"')
            return seen and (after.blob, prompt.commits[after.number - 1]) == (blob, told.commit)
        return self._is_done(write, told, after)

    def _is_done(self, write: Write, told: Told, state: State) -> bool:
        """True if a write has nothing (more) to change in this state."""
        match write.kind:
            case "delete":
                return state.path is None
            case "rename":
                return state.path == f"prompts/{write.body['name']}.md"
            case "label":
                return (write.path.rpartition("/")[2], write.body["version_number"]) in state.labels
            case "release":
                return self._released[write.path] in state.labels
            case "revert":
                is_newest = self._prompts[write.prompt].commits[state.number - 1] == told.commit
                return is_newest and state.path is not None
        return False


def _is_shown(told: Told, state: State) -> bool:
    """True if an answer with a prompt shows this state."""
    shown = told.number, blob_of((told.content or "").encode()), told.labels
    return state.path is not None and shown == (state.number, state.blob, state.labels)
