"""Prompty's files (`.prompty`) <-> prompt files: pure functions, no I/O.

The body of such a file is a template of Jinja, or of Mustache; <https://github.com/microsoft/prompty> tells the format.
"""

from __future__ import annotations

import re

from promptgit.domain import conversion
from promptgit.domain.conversion import Understood, Written, stays_text
from promptgit.domain.front_matter import Message, Placeholder, PromptFile
from promptgit.domain.header_yaml import Json
from promptgit.domain.inputs import Input
from promptgit.domain.variables import names_in

NAME = "prompty"

_ROLES = ("system", "user", "assistant", "developer")
_BOUNDARY = re.compile(rf"#?\s*({'|'.join(_ROLES)})(\[[^\]]*\])?\s*:", re.IGNORECASE)
_STATEMENT = re.compile(r"\{%[^{}]*%\}|\{#[^{}]*#\}")
_ENDS = re.compile("[\r\v\f\x1c-\x1e\x85\u2028\u2029]")  # at which Python, and so Prompty, ends a line as well
_OPTIONS = (
    "frequencyPenalty",
    "maxOutputTokens",
    "presencePenalty",
    "reasoningEffort",
    "seed",
    "temperature",
    "topK",
    "topP",
    "stopSequences",
    "allowMultipleToolCalls",
)
_FENCES = ("---", "+++")  # end the front matter wherever they stand


def read(data: bytes) -> Understood:
    """What a file of Prompty's says; of its first version, too, where that had other names.

    Raises:
        ValueError: its front matter cannot be read.
    """
    header, body = conversion.split(data)
    tags = conversion.take_tags(header)
    model, settings = _take_model(header)
    inputs, threads, unsaid = _take_inputs(header.pop("inputs", None))
    notes: list[str] = [stays_text(found[0]) for found in conversion.expressions(body)]
    notes += [stays_text(found[0]) for found in _STATEMENT.finditer(body)]
    prompt, placed = _read_body(body, threads, notes)
    unsaid |= {name: {"kind": "thread"} | unsaid.get(name, {}) for name in threads if name not in placed}
    kept = dict(header)
    if unsaid:
        kept["inputs"] = unsaid
    config = conversion.config_with(model, settings, NAME, kept)
    return Understood(PromptFile(prompt, config, tags, inputs), tuple(dict.fromkeys(notes)))


def write(file: PromptFile) -> Written:
    """A file of Prompty's that says what *file* says.

    Raises:
        ValueError: no YAML can say its config.
    """
    settings, kept, dropped = conversion.config_of(file, NAME)
    model = _model(settings, kept.pop("model", None))
    declared = _declared(file, kept.pop("inputs", None))
    header = kept | ({"model": model} if model else {}) | ({"inputs": declared} if declared else {})
    conversion.put_tags(header, file.tags)
    body = file.prompt if isinstance(file.prompt, str) else _written_body(file.prompt, dropped)
    if not body.strip():
        dropped.append("an empty text, which Prompty does not read")
    elif isinstance(file.prompt, str) and body[0].isspace():
        dropped.append("blank space and line ends before the text")
    if "{{{" in body and "template" not in kept:
        dropped.append("'{{{', which Jinja reads otherwise")
    if _ENDS.search(body):
        dropped.append("line ends other than LF")
    data = conversion.joined(header, body, hidden=_FENCES)
    return Written(data, conversion.dropped_of(file, read(data).file, dropped))


def _take_model(header: dict[str, Json]) -> tuple[Json, dict[str, Json]]:
    """The model's name and its settings, which are removed from the front matter; what else it says stays there."""
    model = header.pop("model", None)
    if not isinstance(model, dict):
        return model, {}
    rest = dict(model)
    settings: dict[str, Json] = {}
    for key in ("parameters", "options"):  # the first is that of Prompty's first version
        options = rest.pop(key, {})
        if not isinstance(options, dict):
            rest[key] = options
            continue
        more = options.get("additionalProperties", {})
        flat = {name: value for name, value in options.items() if name != "additionalProperties"}
        flat = (more if isinstance(more, dict) else {"additionalProperties": more}) | flat
        plain, unusual = conversion.without(flat, "model")
        settings |= plain
        if unusual:
            rest["options"] = {"additionalProperties": unusual}
    name = rest.pop("id", None)
    if rest:
        header["model"] = rest
    return name, settings


def _model(settings: dict[str, Json], kept: Json) -> dict[str, Json]:
    """The model of a front matter: its name, what was kept, its options."""
    rest = dict(kept) if isinstance(kept, dict) else {}
    name = settings.pop("model", None)
    options = {key: value for key, value in settings.items() if key in _OPTIONS}
    more = {key: value for key, value in settings.items() if key not in _OPTIONS}
    unusual = rest.pop("options", {})
    if isinstance(unusual, dict) and isinstance(unusual.get("additionalProperties"), dict):
        more |= unusual["additionalProperties"]
    if more:
        options["additionalProperties"] = more
    return ({} if name is None else {"id": name}) | rest | ({"options": options} if options else {})


def _take_inputs(declared: Json) -> tuple[tuple[Input, ...], list[str], dict[str, Json]]:
    """The variables that `inputs` declares, the names of conversations, and what is said of a name in addition."""
    inputs: dict[str, Input] = {}
    threads: list[str] = []
    unsaid: dict[str, Json] = {}
    for name, said in _named(declared):
        if said.get("kind") == "thread" and _is_name(name):
            threads.append(name)
            if rest := {key: value for key, value in said.items() if key != "kind"}:
                unsaid[name] = rest
            continue
        description, required = said.get("description", ""), said.get("required", False)
        one = Input(
            name,
            default=said.get("default"),
            description=description if isinstance(description, str) else "",
            required=required is True,
        )
        if _is_name(name):
            inputs[name] = one
        known = _property(one) if _is_name(name) else {}
        if rest := {key: value for key, value in said.items() if key not in known or known[key] != value}:
            unsaid[name] = rest
    return tuple(inputs.values()), threads, unsaid


def _named(declared: Json) -> list[tuple[str, dict[str, Json]]]:
    """The properties of a schema by their names: a list, or an object in which a scalar is a default."""
    if isinstance(declared, list):
        properties = (dict(one) for one in declared if isinstance(one, dict) and isinstance(one.get("name"), str))
        return [(one.pop("name"), one) for one in properties]
    if not isinstance(declared, dict):
        return []
    return [(name, said if isinstance(said, dict) else {"default": said}) for name, said in declared.items()]


def _declared(file: PromptFile, kept: Json) -> list[Json]:
    """The value of `inputs`: variables, conversations, and what was kept."""
    unsaid = dict(kept) if isinstance(kept, dict) else {}
    unsaid = {name: said for name, said in unsaid.items() if isinstance(said, dict)}
    placed = [] if isinstance(file.prompt, str) else [one.name for one in file.prompt if isinstance(one, Placeholder)]
    found: dict[str, Json] = {one.name: _property(one) for one in file.inputs}
    found |= {name: {"kind": "thread"} for name in placed if _is_name(name)}
    found |= {
        name: said
        for name, said in unsaid.items()
        if name not in found and (said.get("kind") == "thread" or not _is_name(name))
    }
    return [{"name": name} | said | unsaid.get(name, {}) for name, said in found.items()]


def _property(one: Input) -> dict[str, Json]:
    said: dict[str, Json] = {"kind": "string"}
    if one.description:
        said["description"] = one.description
    if one.required:
        said["required"] = True
    return said if one.default is None else said | {"default": one.default}


def _is_name(name: str) -> bool:
    return names_in(f"{{{{{name}}}}}") == (name,)


def _read_body(
    body: str, threads: list[str], notes: list[str]
) -> tuple[str | tuple[Message | Placeholder, ...], set[str]]:
    """The text or the messages of a template, and which conversations stand in it."""
    pieces: list[tuple[str, list[str]]] = [("system", [])]
    for line in body.split("\n"):
        boundary = _BOUNDARY.fullmatch(line.strip())
        if boundary:
            pieces.append((boundary[1].lower(), []))
            if boundary[2]:
                notes.append(f"{boundary[2]} of the role {boundary[1]!r} is left out")
        else:
            pieces[-1][1].append(line)
    names = "|".join(map(re.escape, threads))
    thread = re.compile(rf"\{{\{{\s*({names})\s*\}}\}}") if threads else None
    if len(pieces) == 1 and not (thread and thread.search(body)):
        return body, set()
    messages: list[Message | Placeholder] = []
    for place, (role, lines) in enumerate(pieces):
        text = "\n".join(lines)
        parts = thread.split(text) if thread else [text]
        if len(parts) == 1:
            if text.strip() or (place and lines):
                messages.append(Message(role, text.strip("\n")))
            continue
        for at, part in enumerate(parts):
            if at % 2:
                messages.append(Placeholder(part))
            elif part.strip():
                messages.append(Message(role, part.strip()))
    return tuple(messages), {one.name for one in messages if isinstance(one, Placeholder)}


def _written_body(prompt: tuple[Message | Placeholder, ...], dropped: list[str]) -> str:
    parts = []
    is_after_message = False
    for place, one in enumerate(prompt, 1):
        if isinstance(one, Message):
            role = one.role if one.role in _ROLES else "user"
            if role != one.role:
                dropped.append(f"the role {one.role!r} of message {place}")
            if any(_BOUNDARY.fullmatch(line.strip()) for line in one.content.split("\n")):
                dropped.append(f"that message {place} has a line which Prompty takes for a role")
            if one.content != one.content.strip("\n"):
                dropped.append(f"line ends around message {place}")
            parts.append(f"{role}:\n{one.content}\n")
        elif _is_name(one.name):
            # Prompty finds one conversation in what one role says.
            parts.append(f"{{{{{one.name}}}}}\n" if is_after_message or not parts else f"system:\n{{{{{one.name}}}}}\n")
        else:
            dropped.append(f"the placeholder {one.name!r}, whose name is none of a variable")
        is_after_message = isinstance(one, Message)
    return "\n".join(parts)
