"""People who write to the same prompts with the Python client, and what it told them of each write."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from promptgit import errors
from promptgit.client import Client, Retries
from tests.faults.load import Crowd
from tests.faults.writers import GATED

SHARED = [f"shared/{at}" for at in range(3)]
"""The prompts that all write to; they are there before."""

MADE, AS_IT_IS, NOT_MADE, UNKNOWN = "made", "made, or it was so before", "refused", "openly unknown"
"""What somebody was told of a write: no commit was needed if it was so before."""

_RETRIES = Retries(count=6, seconds=60, pause=0.1)  # long enough for a server to start
T = TypeVar("T")


class _Person:
    """Writes at random; for one thread. *told* has what became of each write, by its description."""

    def __init__(self, url: str, name: str) -> None:
        self.told: dict[str, str] = {}
        self._name, self._random = name, random.Random(name)
        self._client = Client(url, retries=_RETRIES)
        self.close = self._client.close
        self._number = 1  # of a version that was seen

    def step(self) -> None:
        """Make a write, or some that belong together."""
        self._random.choice([self._save, self._save_seen, self._commit, self._move, self._own, self._release])()

    def _ask(self, write: Callable[[str], T], *, told: str = MADE) -> T | None:
        """Make a write with a description of its own, which is also what it saves; *told* is what its success means."""
        text = f"{self._name} {len(self.told)}"
        self.told[text] = UNKNOWN
        try:
            answer = write(text)
        except errors.Unavailable:
            return None
        except errors.PromptgitError:
            self.told[text] = NOT_MADE
            return None
        self.told[text] = told
        return answer

    def _save(self) -> None:
        name = self._random.choice(SHARED)
        saved = self._ask(lambda text: self._client.save(name, text, description=text))
        self._number = saved.version_number if saved else self._number

    def _save_seen(self) -> None:
        name, seen = self._random.choice(SHARED), self._number
        self._ask(lambda text: self._client.save(name, text, description=text, if_match=seen))

    def _commit(self) -> None:
        def write(text: str) -> object:
            saves = [{"name": name, "content": f"{text} {name}"} for name in SHARED]
            labels = [{"name": name, "label": "staging", "version_number": "new"} for name in SHARED]
            return self._client.commit([*saves, *labels], description=text)

        self._ask(write)

    def _move(self) -> None:
        """What may be so before: a revert, a label, a promotion."""
        client, name = self._client, self._random.choice(SHARED)
        self._ask(lambda text: client.revert(name, 1, description=text), told=AS_IT_IS)
        self._ask(lambda text: client.set_label(name, "staging", 1, description=text), told=AS_IT_IS)
        self._ask(lambda text: client.promote("staging", "production", description=text), told=AS_IT_IS)

    def _own(self) -> None:
        """Create a prompt without a name, rename it, delete it."""
        made = self._ask(lambda text: self._client.create(None, text, description=text))
        if made is not None:
            self._ask(lambda text: self._client.rename(made.id, f"own/{text}", description=text))
            self._ask(lambda text: self._client.delete(made.id, description=text))

    def _release(self) -> None:
        made = self._ask(lambda text: self._client.create(None, text, description=text))
        if made is not None:
            opened = self._ask(lambda text: self._client.open_release(GATED, {made.id: 1}, description=text))
            if opened is not None:
                self._ask(lambda text: self._client.make_release(opened.number, description=text))


class People(Crowd):
    """Four people, each in a thread, until the `with` block ends."""

    def __init__(self, url: str) -> None:
        self._people = [_Person(url, f"person {at}") for at in range(4)]
        super().__init__([partial(self._run, person) for person in self._people])

    def _run(self, person: _Person) -> None:
        while not self._stop.is_set():
            person.step()

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        for person in self._people:
            person.close()

    def outcomes(self) -> dict[str, list[str]]:
        """The writes by what was told of them; to be read when all have ended."""
        told = [item for person in self._people for item in person.told.items()]
        outcomes: dict[str, list[str]] = {MADE: [], AS_IT_IS: [], NOT_MADE: [], UNKNOWN: []}
        for text, outcome in told:
            outcomes[outcome].append(text)
        return outcomes
