"""A prompt's file <-> its text or messages, its config, tags and declared variables: pure functions, no I/O.

docs/prompt-files.md tells the format. A file without front matter that is understood here is plain text, whatever
it begins with; so every file can be read, and `parse` undoes `render` exactly.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from promptgit.domain import header_yaml, inputs
from promptgit.domain.header_yaml import Json
from promptgit.domain.inputs import Input
from promptgit.errors import Invalid

_FENCED = re.compile(rb"---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
# dotprompt's own marker: {{role "system"}}
_MARKER = re.compile(r'(\\*)\{\{(role|placeholder) (".*")\}\}\r?', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")  # alone: JSON's escapes can say it, and UTF-8 cannot


@dataclass(frozen=True, slots=True)
class Message:
    """What one role says."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Placeholder:
    """Where the messages of this name are put in."""

    name: str


@dataclass(frozen=True, slots=True)
class PromptFile:
    """What a prompt's file says; *prompt* is a text, or the messages of a chat."""

    prompt: str | tuple[Message | Placeholder, ...]
    config: Json = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    inputs: tuple[Input, ...] = ()

    @property
    def type(self) -> str:
        """`text` or `chat`."""
        return "text" if isinstance(self.prompt, str) else "chat"


def parse(data: bytes) -> PromptFile:
    """What a file says. Bytes that are not UTF-8 come with U+FFFD in their place."""
    return read(data)[0]


def read(data: bytes) -> tuple[PromptFile, int]:
    """What a file says, and at which byte its body begins: after its front matter, or 0 without one."""
    found = _FENCED.match(data)
    header = _header(found[1]) if found else None
    if found and header is not None:
        body = data[found.end() :].decode(errors="replace")
        prompt = _messages(body) if header.get("type") == "chat" else body
        if prompt is not None:
            declared = inputs.read(header.get("input", {})) or ()
            return PromptFile(prompt, header.get("config", {}), tuple(header.get("tags", ())), declared), found.end()
    return PromptFile(data.decode(errors="replace")), 0


def declared(text: str) -> tuple[Input, ...]:
    """The variables that a file's front matter declares; YAML is read only where a text may have some."""
    return parse(text.encode()).inputs if text.startswith("---") and "input" in text else ()


def rejoined(header: bytes, prompt: str | tuple[Message | Placeholder, ...]) -> bytes:
    """A file with another text, or other messages, behind the front matter *header*, which stays as it is.

    *header* is empty, or what `read` found before the body of a file of the same type.
    """
    if not header:
        return render(PromptFile(prompt))
    body = prompt if isinstance(prompt, str) else "".join(map(_message_lines, prompt))
    return header + body.encode()


def render(file: PromptFile) -> bytes:
    """The file that says this.

    Raises:
        Invalid: the config is nested too deep, or the front matter is too large.
    """
    header: dict[str, Json] = {}
    if isinstance(file.prompt, str):
        body = file.prompt
        if file.config == {} and not file.tags and not file.inputs:
            plain = body.encode(errors="surrogatepass")  # refused where contents are checked
            if parse(plain) == file:
                return plain
            header["type"] = "text"
    else:
        body = "".join(_message_lines(message) for message in file.prompt)
        header["type"] = "chat"
    if file.config != {}:
        header["config"] = file.config
    if file.inputs:
        header["input"] = inputs.written(file.inputs)
    if file.tags:
        header["tags"] = list(file.tags)
    return f"---\n{_dump(header)}---\n{body}".encode(errors="surrogatepass")


def _dump(header: dict[str, Json]) -> str:
    try:
        return header_yaml.dump(header)
    except ValueError as error:
        raise Invalid("config", str(error)) from None


def _header(data: bytes) -> dict[str, Json] | None:
    """The front matter, if it is one of ours."""
    header = header_yaml.load(data)
    if not isinstance(header, dict) or not header or not header.keys() <= {"type", "config", "tags", "input"}:
        return None
    tags = header.get("tags", [])
    known = header.get("type", "text") in ("text", "chat")
    listed = isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)
    declared = inputs.read(header.get("input", {})) is not None
    return header if known and listed and declared else None


def _message_lines(message: Message | Placeholder) -> str:
    if isinstance(message, Placeholder):
        return f"{{{{placeholder {_quoted(message.name)}}}}}\n"
    lines = message.content.split("\n")
    escaped = "\n".join("\\" + line if _MARKER.fullmatch(line) else line for line in lines)
    return f"{{{{role {_quoted(message.role)}}}}}\n{escaped}\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _messages(body: str) -> tuple[Message | Placeholder, ...] | None:
    """The messages of a chat's body; None where it is not made of messages."""
    found: list[tuple[str, str, list[str]]] = [("", "", [])]
    for line in body.removesuffix("\n").split("\n"):
        marker = _MARKER.fullmatch(line)
        if marker and not marker[1]:
            try:
                found.append((marker[2], _SURROGATE.sub("\ufffd", json.loads(marker[3])), []))
            except ValueError:
                return None
        else:
            found[-1][2].append(line[1:] if marker else line)
    messages: list[Message | Placeholder] = []
    for kind, name, lines in found:
        if kind == "role":
            messages.append(Message(name, "\n".join(lines)))
        elif "".join(lines).strip():
            return None  # nobody says it
        elif kind:
            messages.append(Placeholder(name))
    return tuple(messages)
