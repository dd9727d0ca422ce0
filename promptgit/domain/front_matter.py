"""A prompt's file <-> its text or messages, its config, tags and declared variables: pure functions, no I/O.

docs/prompt-files.md tells the format. A file without front matter that is understood here is plain text, whatever
it begins with; so every file can be read, and `parse` undoes `render` exactly.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import yaml

from promptgit.domain import inputs
from promptgit.domain.inputs import Input
from promptgit.errors import Invalid

_DEPTH = 100  # how deep a config may be nested
_KEPT_LENGTH = 1 << 14  # characters of a text whose declared variables are kept: of 256 texts, 16 MiB at most
_HEADER_BYTES = 1 << 18  # reading YAML costs a hundred times what reading JSON does

_FENCED = re.compile(rb"---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
# dotprompt's own marker: {{role "system"}}
_MARKER = re.compile(r'(\\*)\{\{(role|placeholder) (".*")\}\}\r?', re.DOTALL)
_UNSAFE = re.compile("[^\\n -~\xa0-\u2027\u202a-\ufefe\uff00-\uffef\U00010000-\U0010ffff]")  # is escaped, in quotes
_SURROGATE = re.compile("[\ud800-\udfff]")

Json = Any
"""What JSON can say: None, bool, int, finite float, str, list, dict with keys that are texts."""


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


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the one in C where it is built
    """Takes plain words as JSON does: what is no number, `true`, `false` or `null` is a text, `no` and dates too."""

    yaml_implicit_resolvers: dict[str | None, Any] = {}


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]  # PyYAML has no types
    """Quotes what any reader of YAML, 1.1 or 1.2, could take for something else than a text."""

    def ignore_aliases(self, _: object) -> bool:
        """Never write one: a reader might not know them."""
        return True


_INT, _FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:null", r"(?:null|~|)", ["n", "~", ""]),
    ("tag:yaml.org,2002:bool", r"(?:true|false)", ["t", "f"]),
    (_INT, r"-?(?:0|[1-9][0-9]*)", list("-0123456789")),
    (_FLOAT, r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", list("-0123456789")),
):
    _Loader.add_implicit_resolver(_tag, re.compile(rf"{_pattern}\Z", re.ASCII), _first)
_Loader.add_constructor(_INT, lambda loader, node: int(loader.construct_scalar(node)))
_Loader.add_constructor(_FLOAT, lambda loader, node: float(loader.construct_scalar(node)))
# YAML 1.2's numbers, in addition to those of 1.1, which the dumper knows.
_Dumper.add_implicit_resolver(
    _FLOAT, re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z|0o[0-7]+\Z"), list("-+.0123456789")
)


def _text_node(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if _UNSAFE.search(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _text_node)


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
    """The variables that a file's front matter declares.

    Every read asks for them. YAML is read only where a text may have some, and once for those that were read last.
    """
    if not text.startswith("---") or "input" not in text:
        return ()
    return _declared(text) if len(text) <= _KEPT_LENGTH else parse(text.encode()).inputs


@lru_cache(maxsize=256)
def _declared(text: str) -> tuple[Input, ...]:
    return parse(text.encode()).inputs


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
    if not _is_json(header):
        raise Invalid("config", f"has more than {_DEPTH} levels, or an infinite number; simplify it")
    text = json.dumps(header, ensure_ascii=False)  # looked at first, because YAML takes so much longer
    if _SURROGATE.search(text):
        raise Invalid("config", "or a tag has a lone surrogate, which is no character")
    if len(text) <= _HEADER_BYTES:
        text = yaml.dump(header, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1 << 30)
    if len(text.encode()) > _HEADER_BYTES:
        raise Invalid("config", f"and the tags have more than {_HEADER_BYTES:,} bytes; shorten them")
    return text


def _header(data: bytes) -> dict[str, Json] | None:
    """The front matter, if it is one of ours."""
    if len(data) > _HEADER_BYTES:
        return None
    try:
        text = data.decode()
        _expect_tree(text)
        header = yaml.load(text, Loader=_Loader)  # noqa: S506  # a safe one
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    if not isinstance(header, dict) or not header or not header.keys() <= {"type", "config", "tags", "input"}:
        return None
    tags = header.get("tags", [])
    known = header.get("type", "text") in ("text", "chat")
    listed = isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)
    declared = inputs.read(header.get("input", {})) is not None
    return header if known and listed and declared and _is_json(header) else None


def _expect_tree(text: str) -> None:
    """Refuse aliases, which can make of few bytes more than any memory holds, and depth, which ends libyaml's stack."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEPTH or isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError


def _is_json(value: Json) -> bool:
    """Whether a value is one of JSON's, and not nested too deep."""
    stack = [(value, 1)]
    while stack:
        inner, depth = stack.pop()
        if depth > _DEPTH:
            return False
        match inner:
            case dict():
                if not all(isinstance(key, str) for key in inner):
                    return False
                stack += [(item, depth + 1) for item in inner.values()]
            case list():
                stack += [(item, depth + 1) for item in inner]
            case float():
                if not math.isfinite(inner):
                    return False
            case None | bool() | int() | str():
                pass
            case _:
                return False
    return True


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
                found.append((marker[2], json.loads(marker[3]), []))
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
