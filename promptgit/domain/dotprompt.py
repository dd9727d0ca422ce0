"""dotprompt's files (`.prompt`) <-> prompt files: pure functions, no I/O.

The body of such a file is a Handlebars template; <https://google.github.io/dotprompt/reference/> tells the format.
"""

from __future__ import annotations

import re

from promptgit.domain import conversion, picoschema
from promptgit.domain.conversion import EXPRESSION, Understood, Written, stays_text
from promptgit.domain.front_matter import Message, Placeholder, PromptFile
from promptgit.domain.header_yaml import Json
from promptgit.domain.variables import VARIABLE

NAME = "dotprompt"

HISTORY = "history"
"""The one placeholder that dotprompt has."""

_MARKER = re.compile(r"""\{\{(~?)\s*(?:role\s+(["'])([a-z]+)\2|history)\s*(~?)\}\}""")
_BLOCK = re.compile(r"\{\{~?\s*([#^/])")
_ROLE = re.compile(r"[a-z]+")
_SPACE = re.compile(r"\s*")
# dotprompt's helpers, Handlebars' own, and its values: as `{{this.role}}` such a name is a variable.
_TAKEN = (
    "role|history|section|media|json|ifEquals|unlessEquals|if|unless|each|with|log|lookup|true|false|null|undefined"
)
_OURS = re.compile(rf"\{{\{{\s*({_TAKEN})\s*\}}\}}")
_THEIRS = re.compile(rf"\{{\{{\s*this\.({_TAKEN})\s*\}}\}}")
# Handlebars takes `}}}` for the end of another expression; `~` removes blank space behind it, of which there is none.
_BEFORE_BRACE = re.compile(r"\{\{(\s*(?:this\.)?[^\W\d]\w*\s*)~\}\}")
_ROLES = {"model": "assistant"}
_THEIR_ROLES = {ours: theirs for theirs, ours in _ROLES.items()}


def read(data: bytes) -> Understood:
    """What a dotprompt file says.

    Raises:
        ValueError: its front matter cannot be read.
    """
    header, body = conversion.split(data)
    tags = conversion.take_tags(header)
    inputs, declared = picoschema.take(header.pop("input", None))
    settings: Json = header.pop("config", {})
    model = header.pop("model", None)
    kept = dict(header)
    if declared is not None:
        kept["input"] = declared
    if isinstance(settings, dict):
        settings, unusual = conversion.without(settings, "model")
    else:
        settings, unusual = {}, settings
    if unusual or not isinstance(unusual, dict):
        kept["config"] = unusual
    prompt, notes = _read_body(body)
    config = conversion.config_with(model, settings, NAME, kept)
    return Understood(PromptFile(prompt, config, tags, inputs), tuple(dict.fromkeys(notes)))


def write(file: PromptFile) -> Written:
    """A dotprompt file that says what *file* says.

    Raises:
        ValueError: no YAML can say its config.
    """
    settings, kept, dropped = conversion.config_of(file, NAME)
    header: dict[str, Json] = {}
    if "model" in settings:
        header["model"] = settings.pop("model")
    unusual = kept.pop("config", {})
    if settings or unusual or not isinstance(unusual, dict):
        header["config"] = settings | unusual if isinstance(unusual, dict) else unusual
    declared = kept.pop("input", {})
    said = picoschema.give(file.inputs, declared if isinstance(declared, dict) else {})
    if said or not isinstance(declared, dict):
        header["input"] = said or declared
    header |= {key: value for key, value in kept.items() if key not in ("model", "config", "input")}
    conversion.put_tags(header, file.tags)
    if isinstance(file.prompt, str):
        body = _written(file.prompt)
        is_plain = "---" not in body  # which could be taken for front matter
    else:
        body = "".join(_message(place, one, dropped) for place, one in enumerate(file.prompt, 1))
        is_plain = True
    data = body.encode(errors="replace") if is_plain and not header else conversion.joined(header, body)
    return Written(data, conversion.dropped_of(file, read(data).file, dropped))


def _read_body(body: str) -> tuple[str | tuple[Message | Placeholder, ...], list[str]]:
    """The text, or the messages, of a template; and notes about what stays text."""
    pieces: list[tuple[str, str]] = [("user", "")]  # who says what; "" says the history
    notes: list[str] = []
    at = depth = 0
    is_split = False
    for found in EXPRESSION.finditer(body):
        start = found.start()
        marker = _MARKER.fullmatch(found[0])
        if body[start - 1 : start] == "\\" and body[start - 2 : start - 1] != "\\":  # is no expression
            if not marker:
                notes.append(stays_text("\\" + found[0]))
            continue
        if block := _BLOCK.match(found[0]):
            depth += -1 if block[1] == "/" else 1
        if marker and depth > 0:
            notes.append(f"{found[0]} stands in a block, so that all stays text")
            return _read(body), notes
        if marker:
            who, said = pieces[-1]
            text = body[at:start]
            pieces[-1] = (who, said + (text.rstrip() if marker[1] else text))
            at = found.end()
            if marker[4]:
                at = next(_SPACE.finditer(body, at)).end()
            pieces += [(marker[3], "")] if marker[3] else [("", ""), ("model", "")]
            is_split = True
        elif _meant(body, found) is None:
            notes.append(stays_text(found[0]))
    if not is_split:
        return _read(body), notes
    pieces[-1] = (pieces[-1][0], body[at:])
    return tuple(_messages(pieces)), notes


def _messages(pieces: list[tuple[str, str]]) -> list[Message | Placeholder]:
    messages: list[Message | Placeholder] = []
    for who, said in pieces:
        if not who:
            messages.append(Placeholder(HISTORY))
        elif said.strip():
            content = said.removeprefix("\r\n").removeprefix("\n").removesuffix("\n").removesuffix("\r")
            messages.append(Message(_ROLES.get(who, who), _read(content, in_chat=True)))
    return messages


def _read(text: str, *, in_chat: bool = False) -> str:
    """A part of a template, in which a backslash before braces means something, as the text that it stands for."""
    parts, at = [], 0
    for found in EXPRESSION.finditer(text):
        before = text[at : found.start()]
        escaped = before.endswith("\\") and (before.endswith("\\\\") or (in_chat and _MARKER.fullmatch(found[0])))
        if escaped and (VARIABLE.fullmatch(found[0]) or _MARKER.fullmatch(found[0])):
            before = before[:-1]
        parts += [before, _meant(text, found) or found[0]]
        at = found.end()
    return "".join(parts) + text[at:]


def _meant(text: str, found: re.Match[str]) -> str | None:
    """The variable that an expression in a template means, as we write it; None: it means something else."""
    whole = found[0]
    if text.startswith("}", found.end()) and (before_brace := _BEFORE_BRACE.fullmatch(whole)):
        whole = f"{{{{{before_brace[1]}}}}}"
    elif whole.startswith("{{{"):
        whole = whole[1:-1]
    if theirs := _THEIRS.fullmatch(whole):
        return f"{{{{{theirs[1]}}}}}"
    return whole if VARIABLE.fullmatch(whole) else None


def _written(text: str, *, in_chat: bool = False) -> str:
    """A text as a part of a template; undoes `_read`."""
    parts, at = [], 0
    for found in EXPRESSION.finditer(text):
        before, whole = text[at : found.start()], found[0]
        if (before.endswith("\\") and VARIABLE.fullmatch(whole)) or (in_chat and _MARKER.fullmatch(whole)):
            before += "\\"
        if ours := _OURS.fullmatch(whole):
            whole = f"{{{{this.{ours[1]}}}}}"
        if VARIABLE.fullmatch(found[0]) and text.startswith("}", found.end()):
            whole = f"{whole[:-2]}~}}}}"
        parts += [before, whole]
        at = found.end()
    return "".join(parts) + text[at:]


def _message(place: int, message: Message | Placeholder, dropped: list[str]) -> str:
    if isinstance(message, Placeholder):
        if message.name != HISTORY:
            dropped.append(f"the placeholder {message.name!r}: dotprompt has {HISTORY!r} alone")
            return ""
        return "{{history}}\n"
    role = _THEIR_ROLES.get(message.role, message.role)
    if not _ROLE.fullmatch(role) or message.role in _ROLES:
        dropped.append(f"the role {message.role!r} of message {place}")
        role = role if _ROLE.fullmatch(role) else "user"
    if not message.content.strip():
        dropped.append(f"message {place}, which is empty")
    return f'{{{{role "{role}"}}}}\n{_written(message.content, in_chat=True)}\n'
