"""The methods `prompts/list` and `prompts/get`."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from promptgit.domain import labels
from promptgit.domain.front_matter import Message, Placeholder, PromptFile, parse
from promptgit.domain.inputs import Input, completed
from promptgit.domain.models import Prompt, Version
from promptgit.domain.usage import Served
from promptgit.domain.variables import VARIABLE, names_in
from promptgit.errors import LabelNotFound, Unresolvable
from promptgit.http.api.context import count_reads
from promptgit.http.mcp.protocol import INVALID_PARAMS, Json, Refused
from promptgit.service.references import Composed
from promptgit.service.service import Service

_PAGE = 50  # prompts
_CHARACTERS = 4 << 20
"""The most characters of an answer's variable part.

`prompts/get`: all values together, each counted as often as its variable stands in the text. A list: the JSON of one
page, which ends with the prompt that goes beyond it.
"""
_ASSISTANT = ("assistant", "model")  # of all other roles, MCP knows the user's alone

T = TypeVar("T")


class Prompts:
    """The prompts with one label, each at the version that the label points at; with `latest` all prompts."""

    def __init__(self, service: Service, label: str) -> None:
        self.service = service
        self.label = label

    def page(self, params: Json) -> Json:
        """The result of `prompts/list`."""
        after = _name_in(take(params, "cursor", str))
        found = self.service.list(after=after, label=self.label, limit=_PAGE + 1)
        described, last = bounded(found, _PAGE, self._described)
        cursor = {} if last is None else {"nextCursor": base64.urlsafe_b64encode(last.encode()).decode()}
        return {"prompts": described, **cursor}

    def get(self, params: Json) -> Json:
        """The result of `prompts/get`.

        Raises:
            NameNotFound, PromptDeleted, LabelNotFound, Unresolvable
        """
        name = needed(params, "name")
        found, file = self.read(lambda: self.find(name, self.label))
        values = texts_in(params, "arguments")
        said = list(_said(filled(found.prompt.name, file, values), values))
        count_reads(Served(found.prompt.id, found.version.number, self.label))
        return {
            "description": description_of(file, found.version),
            "messages": [{"role": role, "content": {"type": "text", "text": text}} for role, text in said],
            "_meta": {"promptgit/prompt_id": found.prompt.id, "promptgit/version_number": found.version.number},
        }

    def find(self, name: str, label: str) -> tuple[Prompt, Version]:
        """The prompt of a name, and its version with a label.

        Raises:
            NameNotFound, PromptDeleted, LabelNotFound
        """
        for prompt in self.service.list(name=name, label=label, limit=1):
            return prompt, prompt.newest
        raise LabelNotFound(self.service.named(name).name, label)

    def read(self, look: Callable[[], tuple[Prompt, Version]]) -> tuple[Composed, PromptFile]:
        """The version that *look* finds, and what its file says with the prompts that it refers to put in.

        Raises:
            Unresolvable: they cannot be put in.
            (what *look* raises)
        """
        found = self.service.references.compose(look)
        return found, parse(found.data)

    def listed(self, prompt: Prompt) -> PromptFile:
        """The same of a prompt in a list, which one that cannot be put together does not break off."""
        try:
            return self.read(lambda: (prompt, prompt.newest))[1]
        except Unresolvable:
            return parse(self.service.content(prompt.newest))

    def _described(self, prompt: Prompt) -> Json:
        file = self.listed(prompt)
        variables = variables_of(file)
        arguments = [_argument(Input(name) if one is None else one) for name, one in variables.items()]
        arguments += [
            {"name": name, "description": "What is said in this place, as a text of the user", "required": False}
            for name in dict.fromkeys(_placeholders(file))
            if name not in variables
        ]
        return {"name": prompt.name, "description": description_of(file, prompt.newest), "arguments": arguments}


def bounded(found: Sequence[Prompt], most: int, describe: Callable[[Prompt], Json]) -> tuple[list[Json], str | None]:
    """The descriptions of the first prompts in *found*: at most *most*, and none after they exceed `_CHARACTERS`.

    The second value is the name of the last prompt that is described; None: it is the last one of *found*, too.
    """
    described: list[Json] = []
    length = 0
    for prompt in found[:most]:
        described.append(describe(prompt))
        length += len(json.dumps(described[-1]))
        if length > _CHARACTERS:
            break
    return described, found[len(described) - 1].name if len(described) < len(found) else None


def description_of(file: PromptFile, version: Version) -> str:
    """What a prompt is for, as its config's `description` says; else the first line of the version's description."""
    said = file.config.get("description") if isinstance(file.config, dict) else None
    return said if isinstance(said, str) and said.strip() else version.description.partition("\n")[0]


def variables_of(file: PromptFile) -> dict[str, Input | None]:
    """The variables of a prompt, in order of first appearance, with what it declares of them."""
    declared = {one.name: one for one in file.inputs}
    return {name: declared.get(name) for text in _texts(file) for name in names_in(text)}


def filled(name: str, file: PromptFile, values: Mapping[str, str]) -> PromptFile:
    """The file with each variable replaced by its value in *values*, or else by its default; *name* is the prompt's.

    Raises:
        Refused: a variable has neither, and needs one; or the values are too long for how often they stand there.
    """
    whole = completed(variables_of(file), file.inputs, values)
    if missing := list(whole.missing):
        raise Refused(INVALID_PARAMS, f"{name!r} lacks a value for {', '.join(missing)}.", data={"missing": missing})

    taken = [whole.values[name] for text in _texts(file) for name in VARIABLE.findall(text)]
    taken += [values.get(placeholder, "") for placeholder in _placeholders(file)]
    if sum(map(len, taken)) > _CHARACTERS:
        raise Refused(INVALID_PARAMS, f"The values would fill {name!r} with more than {_CHARACTERS:,} characters.")

    def fill(text: str) -> str:
        return VARIABLE.sub(lambda found: whole.values[found["name"]], text)

    if isinstance(file.prompt, str):
        return replace(file, prompt=fill(file.prompt))
    return replace(
        file,
        prompt=tuple(
            replace(one, content=fill(one.content)) if isinstance(one, Message) else one for one in file.prompt
        ),
    )


def _argument(one: Input) -> Json:
    described = {"description": one.description} if one.description else {}
    return {"name": one.name, **described, "required": one.is_needed}


def needed(params: Json, name: str) -> str:
    """A text among parameters, which has to be there."""
    value = take(params, name, str)
    if value is None:
        raise Refused(INVALID_PARAMS, f"The parameter {name!r} is missing.")
    return value


def take(params: Json, name: str, kind: type[T]) -> T | None:
    """A parameter of this kind; None if it is not there.

    Raises:
        Refused: it is of another kind, or a text with a NUL or a lone surrogate, which SQLite would not take as it is.
    """
    value = params.get(name)
    if value is None:
        return None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise Refused(INVALID_PARAMS, f"The parameter {name!r} is of another type than {_TYPES[kind]}.")
    if isinstance(value, str) and (has := _odd_in(value)):
        raise Refused(INVALID_PARAMS, f"The parameter {name!r} has {has}.")
    return value


def label_in(params: Json) -> str | None:
    """The label in the parameter `label`; None if it is not there.

    Raises:
        Invalid: no label may be called so.
    """
    label = take(params, "label", str)
    return None if label is None else labels.check_characters("label", label)


def texts_in(params: Json, name: str) -> dict[str, str]:
    """The texts by name in the parameter *name*; none if it is not there."""
    given = take(params, name, dict) or {}
    for key, value in given.items():
        if not isinstance(value, str):
            raise Refused(INVALID_PARAMS, f"The argument {key!r} is not a text.")
    return given


_TYPES: dict[type[Any], str] = {str: "a text", int: "an integer", dict: "an object"}


def _odd_in(value: str) -> str:
    """The kind of character in *value* that no prompt, name or description can have; "" if it has none."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return "a lone surrogate, which is no character"
    return "a NUL, which is in no name and no prompt" if "\0" in value else ""


def _name_in(cursor: str | None) -> str | None:
    """The name after which a page begins."""
    if cursor is None:
        return None
    try:
        return base64.b64decode(cursor, altchars=b"-_", validate=True).decode()
    except ValueError:
        raise Refused(INVALID_PARAMS, "This cursor was not given here; list from the beginning.") from None


def _said(file: PromptFile, values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The role and the text of each message; at a placeholder stands its value, if there is one."""
    if isinstance(file.prompt, str):
        yield "user", file.prompt
        return
    for one in file.prompt:
        if isinstance(one, Message):
            yield "assistant" if one.role in _ASSISTANT else "user", one.content
        elif one.name in values:
            yield "user", values[one.name]


def _texts(file: PromptFile) -> list[str]:
    return (
        [file.prompt]
        if isinstance(file.prompt, str)
        else [one.content for one in file.prompt if isinstance(one, Message)]
    )


def _placeholders(file: PromptFile) -> list[str]:
    said = () if isinstance(file.prompt, str) else file.prompt
    return [one.name for one in said if isinstance(one, Placeholder)]
