"""What the formats of other prompt files have in common: pure functions, no I/O.

What a format says and a prompt's file has no word for is kept in its config, under the format's name, and written back.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from promptgit.domain import header_yaml
from promptgit.domain.formats import SUFFIXES
from promptgit.domain.front_matter import PromptFile
from promptgit.domain.header_yaml import Json
from promptgit.domain.variables import VARIABLE

EXPRESSION = re.compile(r"\{\{\{[^{}]*\}\}\}|\{\{[^{}]*\}\}")
"""What stands in two or three braces: a variable, or what a template language reads as something else."""

_FENCED = re.compile(rb"(?:(?:#[^\n]*|[ \t\r]*)\n)*---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)


class Understood(NamedTuple):
    """A prompt that was read; *notes* are sentences about what stays text."""

    file: PromptFile
    notes: tuple[str, ...]


class Written(NamedTuple):
    """A file that was written; *dropped* names what it cannot say."""

    data: bytes
    dropped: tuple[str, ...]


def split(data: bytes) -> tuple[dict[str, Json], str]:
    """The front matter of a file, and its body: all after it, exactly.

    Raises:
        ValueError: what looks like front matter cannot be read.
    """
    found = _FENCED.match(data)
    if found is None:
        return {}, data.decode(errors="replace")
    header = header_yaml.load(found[1]) if found[1].strip() else {}
    if not isinstance(header, dict):
        raise ValueError("The front matter cannot be read, so that all stays text")
    return header, data[found.end() :].decode(errors="replace")


def joined(header: dict[str, Json], body: str, hidden: Collection[str] = ()) -> bytes:
    """A file with this front matter, whose texts have none of *hidden* as it is.

    Raises:
        ValueError: no YAML can say it.
    """
    return f"---\n{header_yaml.dump(header, hidden)}---\n{body}".encode(errors="replace")


def take_tags(header: dict[str, Json]) -> tuple[str, ...]:
    """The tags of a front matter, `metadata.tags`; they are removed from it."""
    metadata = header.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not (isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)):
        return ()
    header["metadata"] = {key: value for key, value in metadata.items() if key != "tags"}
    if not header["metadata"]:
        del header["metadata"]
    return tuple(tags)


def put_tags(header: dict[str, Json], tags: tuple[str, ...]) -> None:
    """Write tags where `take_tags` finds them."""
    if tags:
        metadata = header.get("metadata")
        header["metadata"] = (metadata if isinstance(metadata, dict) else {}) | {"tags": list(tags)}


def config_of(file: PromptFile, format_: str) -> tuple[dict[str, Json], dict[str, Json], list[str]]:
    """The config without what was kept of other files; what was kept of this format; what cannot be said."""
    if not isinstance(file.config, dict):
        return {}, {}, ["config, which is no object"]
    config = dict(file.config)
    kept = config.pop(format_, {})
    dropped = [f"config.{other}" for other in SUFFIXES if other in config]
    for other in SUFFIXES:
        config.pop(other, None)
    if not isinstance(kept, dict):
        return config, {}, [*dropped, f"config.{format_}, which is no object"]
    return config, dict(kept), dropped


def config_with(model: Json, settings: dict[str, Json], format_: str, kept: dict[str, Json]) -> dict[str, Json]:
    """The config of a file: its model, its settings, and what is kept; None for *model*: the file names none."""
    config = ({} if model is None else {"model": model}) | settings
    return config | ({format_: kept} if kept else {})


def without(settings: dict[str, Json], *names: str) -> tuple[dict[str, Json], dict[str, Json]]:
    """Settings that can stand in a config, and those with a name that means something else there, or in *names*."""
    taken = {*SUFFIXES, *names}
    kept = {key: value for key, value in settings.items() if key in taken}
    return {key: value for key, value in settings.items() if key not in taken}, kept


def expressions(text: str) -> Iterator[re.Match[str]]:
    """What stands in braces in a text and is no variable."""
    return (found for found in EXPRESSION.finditer(text) if not VARIABLE.fullmatch(found[0]))


def stays_text(what: str) -> str:
    """The sentence about an expression that only the format's own engine understands."""
    return f"{what if len(what) <= 60 else what[:60] + '…'} stays text"


def dropped_of(file: PromptFile, again: PromptFile, known: list[str]) -> tuple[str, ...]:
    """What a written file does not say, found by reading it *again*, in addition to what is *known* to be dropped."""
    found = list(known)
    if again.type != file.type:
        found.append("that it is a text" if file.type == "text" else "that it is a chat")
    elif isinstance(file.prompt, str) or isinstance(again.prompt, str):
        if again.prompt != file.prompt:
            found.append("parts of the text, which means something else there")
    elif again.prompt != file.prompt and not any("message" in what or "placeholder" in what for what in known):
        pairs = zip(file.prompt, again.prompt, strict=False)
        place = next((place for place, (ours, theirs) in enumerate(pairs, 1) if ours != theirs), len(again.prompt) + 1)
        found.append(f"the messages from number {place} on as they are")
    if again.inputs != file.inputs and not any("variable" in what for what in known):
        found.append("parts of the declared variables")
    if again.tags != file.tags:
        found.append("tags")
    if again.config != file.config and not known:
        found.append("parts of the config")
    return tuple(dict.fromkeys(found))
