"""Prompts as JSON, in the shape that Langfuse gave them: pure functions, no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from promptgit.domain.front_matter import Message, Placeholder, PromptFile
from promptgit.domain.header_yaml import Json
from promptgit.errors import Invalid


def file_of(kind: str, prompt: Json, config: Json, tags: Iterable[str]) -> PromptFile:
    """What a prompt of the type *kind*, `text` or `chat`, says; no config is an empty one.

    Raises:
        Invalid: the prompt is none of this type.
    """
    config, kept = {} if config is None else config, tuple(dict.fromkeys(tags))
    if kind == "chat":
        if not isinstance(prompt, list):
            raise Invalid("prompt", "is not a list of messages, as that of a chat is")
        return PromptFile(tuple(_message(place, message) for place, message in enumerate(prompt, 1)), config, kept)
    if not isinstance(prompt, str):
        raise Invalid("prompt", "is not a text; for messages give the type 'chat'")
    return PromptFile(prompt, config, kept)


def _message(place: int, message: Any) -> Message | Placeholder:
    match message:
        case {"type": "placeholder", "name": str(name), **rest} if not rest:
            return Placeholder(name)
        case {"role": str(role), "content": str(content), **rest} if _is_plain(rest):
            return Message(role, content)
    raise Invalid(
        "prompt",
        f"has at place {place} neither a message of a 'role' and a 'content' alone, "
        "nor a placeholder of the type 'placeholder' and a 'name'",
    )


def _is_plain(rest: dict[object, object]) -> bool:
    return rest in ({}, {"type": "chatmessage"}, {"type": "message"}, {"type": None})


def prompt_of(file: PromptFile) -> str | list[dict[str, str]]:
    """The text of a prompt, or its messages."""
    return file.prompt if isinstance(file.prompt, str) else [_shown(message) for message in file.prompt]


def _shown(message: Message | Placeholder) -> dict[str, str]:
    if isinstance(message, Placeholder):
        return {"type": "placeholder", "name": message.name}
    return {"role": message.role, "content": message.content}
