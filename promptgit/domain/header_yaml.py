"""The YAML of front matter, restricted to what JSON can say: pure functions, no I/O.

Every reader of YAML, 1.1 or 1.2, reads what is written here as the same values.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection
from functools import cache
from typing import Any

import yaml

_DEPTH = 100  # how deep a value may be nested
_BYTES = 1 << 18  # reading YAML costs a hundred times what reading JSON does

_UNSAFE = re.compile("[^\\n -~\xa0-\u2027\u202a-\ufefe\uff00-\uffef\U00010000-\U0010ffff]")  # is escaped, in quotes
_SURROGATE = re.compile("[\ud800-\udfff]")

Json = Any
"""What JSON can say: None, bool, int, finite float, str, list, dict with keys that are texts."""


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


@cache
def _hiding(hidden: tuple[str, ...]) -> type[yaml.SafeDumper]:
    """A dumper that writes a text with one of *hidden* in it in double quotes."""

    class Hiding(_Dumper):
        pass

    def text_node(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
        if any(word in text for word in hidden):
            return dumper.represent_scalar("tag:yaml.org,2002:str", text, '"')
        return _text_node(dumper, text)

    Hiding.add_representer(str, text_node)
    return Hiding


def load(data: bytes) -> Json | None:
    """The value that front matter between its two lines `---` says; None where it says nothing that JSON can say.

    Neither aliases nor tags, at most 256 KiB and 100 levels.
    """
    if len(data) > _BYTES:
        return None
    try:
        text = data.decode()
        _expect_tree(text)
        value = yaml.load(text, Loader=_Loader)  # noqa: S506  # a safe one
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    return value if _is_json(value) else None


def dump(header: dict[str, Json], hidden: Collection[str] = ()) -> str:
    """Front matter that says this, without its two lines `---`.

    Texts with one of *hidden* in them are written with escapes, so that it stands nowhere in the front matter.

    Raises:
        ValueError: it is nested too deep, has a number or character that YAML cannot say, or is too large.
    """
    if not _is_json(header):
        raise ValueError(f"has more than {_DEPTH} levels, or an infinite number; simplify it")
    text = json.dumps(header, ensure_ascii=False)  # looked at first, because YAML takes so much longer
    if _SURROGATE.search(text):
        raise ValueError("or a tag has a lone surrogate, which is no character")
    if len(text) <= _BYTES:
        hides = any(word in text for word in hidden)
        dumper = _hiding(tuple(hidden)) if hides else _Dumper
        text = yaml.dump(header, Dumper=dumper, sort_keys=False, allow_unicode=True, width=1 << 30)
        for word in hidden if hides else ():  # in double quotes alone
            text = text.replace(word, "".join(f"\\x{ord(character):02x}" for character in word))
    if len(text.encode()) > _BYTES:
        raise ValueError(f"and the tags have more than {_BYTES:,} bytes; shorten them")
    return str(text)


def _expect_tree(text: str) -> None:
    """Refuse what PyYAML cannot be trusted with.

    Aliases can make of few bytes more than any memory holds, depth ends libyaml's stack, and a tag chooses a
    constructor that fails in ways of its own: with a KeyError at `!!bool maybe`.
    """
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEPTH or isinstance(event, yaml.AliasEvent) or getattr(event, "tag", None) is not None:
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
