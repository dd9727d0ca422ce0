"""What clients know of a server's prompts from what it has acknowledged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from tests.support import Answer


@dataclass(frozen=True)
class Version:
    """A version that was acknowledged: its prompt's id, its number, its commit and its content."""

    prompt: str
    number: int
    commit: str
    content: bytes


@dataclass(frozen=True)
class State:
    """A prompt as a write leaves it: its path, its content (None: there is none), its labels with their numbers.

    *companion* is another prompt, which is written in the same commits or alone: the state of both is one. *release* is
    the number of the newest release, and what its file says that has become of it.
    """

    path: str
    content: bytes | None
    labels: tuple[tuple[str, int], ...] = ()
    companion: State | None = None
    release: tuple[int, str] | None = None

    def labelled(self, label: str, number: int) -> State:
        """The same with a label at a version."""
        return replace(self, labels=tuple(sorted({**dict(self.labels), label: number}.items())))

    def promoted(self) -> State:
        """The same with `production` where `staging` is."""
        number = dict(self.labels).get("staging")
        return self if number is None else self.labelled("production", number)


@dataclass
class Known:
    """What clients know.

    *prompts* has, by the folder of its names, every state in which a prompt may be: one, or two while it is not known
    whether a write was made. *writes* are the descriptions of all writes, of which no two are alike: *made* those that
    were acknowledged and changed something, *not_made* those of which an answer promised that they were not, as long as
    they were not sent again. *refused* are the answers that were no success.
    """

    versions: list[Version] = field(default_factory=list)
    prompts: dict[str, list[State]] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    not_made: list[str] = field(default_factory=list)
    refused: list[Answer] = field(default_factory=list)

    def ids(self) -> list[str]:
        """The ids of the prompts that have versions."""
        return list(dict.fromkeys(version.prompt for version in list(self.versions)))

    @classmethod
    def joined(cls, parts: Iterable[Known]) -> Known:
        """What several clients know together now, while they may go on."""
        whole = cls()
        for part in parts:
            whole.versions += part.versions
            whole.prompts |= {prompt: list(states) for prompt, states in list(part.prompts.items())}
            whole.writes += part.writes
            whole.made += part.made
            whole.not_made += part.not_made
            whole.refused += part.refused
        return whole


def was_not_written(answer: Answer) -> bool:
    """True for an answer that promises that nothing was written."""
    return 400 <= answer.status < 500 or (answer.status >= 500 and "Nothing was written" in answer.json["detail"])
