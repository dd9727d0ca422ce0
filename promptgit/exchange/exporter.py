"""From commits to the lines of a history, which an import takes in again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from promptgit.domain import names
from promptgit.domain.history import Commit, Event, LabelFile, Moved, Removed, Written, events, label_files
from promptgit.domain.labels import is_label, number_in
from promptgit.exchange import lines
from promptgit.exchange.lines import Entry
from promptgit.store.store import Store


def export(store: Store, content: Callable[[str], dict[str, str]] | None = None) -> Iterator[Entry]:
    """The whole history of a store's `main`, oldest first, a line for each thing that a commit did.

    *content* gives the fields that stand for a blob, by its id in hexadecimal; None: those of its content.
    """
    history = store.repository.git.log(None, store.repository.main())
    return History(store.repository.read, content).entries(history)


@dataclass(slots=True)
class _Prompt:
    versions: int = 0
    labels: dict[str, int] = field(default_factory=dict)


class History:
    """Follows a history from its first commit: which prompts live under which names, and where labels point.

    *read* gives the bytes of a blob by its id in hexadecimal, and *content* the fields that stand for one. *naming*
    gives the name of the prompt whose file a path is, or None. Memory grows with the names and labels alone.
    """

    def __init__(
        self,
        read: Callable[[str], bytes],
        content: Callable[[str], dict[str, str]] | None = None,
        naming: Callable[[str], str | None] = names.name_of,
        labelling: Callable[[Commit], list[LabelFile]] = lambda commit: label_files(commit.changes),
    ) -> None:
        self._read = read
        self._content = content or (lambda blob: lines.content(read(blob)))
        self._naming = naming
        self._labelling = labelling
        self._living: dict[str, _Prompt] = {}
        self._removed: defaultdict[str, list[_Prompt]] = defaultdict(list)
        self._files: defaultdict[str, dict[str, int]] = defaultdict(dict)  # name -> label -> number

    def entries(self, commits: Iterable[Commit]) -> Iterator[Entry]:
        """The lines of commits, which follow on each other: removals, renames, writes, labels."""
        for commit in commits:
            touched: set[str] = set()
            for event in events(commit.changes, self._naming):
                touched.add(event.name)
                yield self._entry(event, commit)
            for file in self._labelling(commit):
                touched.add(file.name)
                self._note(file)
            for name in sorted(touched & self._living.keys()):
                yield from self._settle(name, commit)

    def _entry(self, event: Event, commit: Commit) -> Entry:
        match event:
            case Removed(name):
                self._removed[name].append(self._living.pop(name))
                self._removed[name][-1].labels.clear()
                return _line("delete", name, commit)
            case Moved(source, name, blob):
                self._living[name] = self._living.pop(source)
                return _line("rename", name, commit, renamed_from=source, **self._content(blob))
            case Written(name, blob):
                if name not in self._living:
                    self._living[name] = self._removed[name].pop() if self._removed[name] else _Prompt()
                self._living[name].versions += 1
                return _line("write", name, commit, **self._content(blob))

    def _note(self, file: LabelFile) -> None:
        number = number_in(self._read(file.blob)) if file.blob and is_label(file.label) else None
        if number is None:
            self._files[file.name].pop(file.label, None)
        else:
            self._files[file.name][file.label] = number

    def _settle(self, name: str, commit: Commit) -> Iterator[Entry]:
        """A line for each label of a prompt that points somewhere else after a commit."""
        prompt = self._living[name]
        now = {label: number for label, number in self._files[name].items() if number <= prompt.versions}
        for label in sorted({*now, *prompt.labels}):
            if (number := now.get(label)) != prompt.labels.get(label):
                yield _line("label", name, commit, label=label, version_number=number)
        prompt.labels = now


def _line(op: str, name: str, commit: Commit, **fields: object) -> Entry:
    made = lines.entry(op, name, commit.description, commit.author, commit.timestamp, **fields)
    return made | {"commit": commit.id}
