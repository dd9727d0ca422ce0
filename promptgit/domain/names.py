"""Name <-> path in the tree <-> id: pure functions, no I/O.

A name `support/greeting` is the file `prompts/support/greeting.md`; a name that is a UUID lies in
a folder of its first two hex digits. `name_of` undoes `path_of` exactly: a path that is not the
path of its own name belongs to no prompt.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache
from uuid import UUID, uuid5

from promptgit.errors import InvalidName

ROOT = "prompts/"
SUFFIX = ".md"

MAX_NAME = 200  # characters
MAX_SEGMENT = 100  # characters
MAX_SEGMENT_BYTES = 240  # in UTF-8: file systems take 255, and the suffix needs some

# Fixed for ever: the ids of all prompts in all histories derive from it (RFC 9562, version 5).
NAMESPACE = UUID("6f1c3a52-9a0e-5d0b-8c55-2b7c1f0d9e41")

_VARIANTS = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_FORBIDDEN = frozenset('\\:*?"<>|')
# Names of devices, with or without an extension: docs.microsoft.com, "Naming Files, Paths, and Namespaces".
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [port + digit for port in ("com", "lpt") for digit in "123456789¹²³"]
)

# Short names that Windows may give to .git, .gitmodules, .gitattributes, .gitignore and .mailmap (git's path.c).
_SHORT_NAME = re.compile(r"(git|gitmod|gitatt|gitign|mailma|(gi|ma)[0-9a-f]{0,4})~[0-9]+")


def is_uuid(name: str) -> bool:
    """Whether *name* is a UUID as RFC 9562 writes it: 36 characters, lower case."""
    return _UUID.fullmatch(name) is not None


def canonical(name: str) -> str:
    """*name*, in lower case if it is a UUID: upper and lower case are the same UUID (RFC 9562)."""
    lower = name.lower()
    return lower if is_uuid(lower) else name


def parse_id(text: str) -> str | None:
    """The canonical form of the UUID that *text* is, or None. Only 36 characters count."""
    lower = text.lower()
    return lower if is_uuid(lower) else None


def revision_of(text: str) -> tuple[str, str]:
    """The name, and the number or label behind its last @ ("": the newest version): `support/greeting@production`.

    A name that has an @ itself is meant with another @ behind it.
    """
    name, _, revision = text.rpartition("@") if "@" in text else (text, "", "")
    return name, revision


def path_of(name: str) -> str:
    """The path in the tree of the prompt named *name*."""
    return f"{ROOT}{name[:2]}/{name}{SUFFIX}" if is_uuid(name) else f"{ROOT}{name}{SUFFIX}"


@lru_cache(4_096)  # of the paths of a long history most come often
def name_of(path: str) -> str | None:
    """The name of the prompt whose file is *path*, or None where no prompt has that path."""
    if not (path.startswith(ROOT) and path.endswith(SUFFIX)):
        return None
    name = path[len(ROOT) : -len(SUFFIX)]
    if len(name) == 39 and is_uuid(name[3:]) and name[:3] == name[3:5] + "/":
        name = name[3:]
    elif is_uuid(name):
        return None  # a UUID outside its folder: path_of would not find it again
    return name or None


def id_of(name: str, commit: str | None = None) -> str:
    """The id of the prompt first created as *name*.

    With *commit* (hexadecimal): the id of a later prompt, created by that commit under a name
    whose own id another prompt has.
    """
    if commit is None:
        return name if is_uuid(name) else str(uuid5(NAMESPACE, name))
    return str(uuid5(NAMESPACE, f"{name}\0{commit}"))


def version_id(prompt_id: str, commit: str) -> str:
    """The id of the version that *commit* (hexadecimal) made of a prompt: its UUID of version 5 in the prompt's.

    Written out, because `uuid.uuid5` takes five times as long, and a history has many versions.
    """
    name = bytes.fromhex(prompt_id.replace("-", "")) + commit.encode()
    text = hashlib.sha1(name, usedforsecurity=False).hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANTS[text[16]]}{text[17:20]}-{text[20:32]}"


def fold(path: str) -> str:
    """*path* as a file system that ignores case and normalisation sees it (Unicode caseless match, D145)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())


def check(name: str) -> str:
    """*name* in its canonical form.

    Raises:
        InvalidName: it breaks a rule; the reason says which, and which character at which place.
    """
    name = canonical(name)
    if not name:
        raise InvalidName(f"is empty; give it 1 to {MAX_NAME} characters")
    if len(name) > MAX_NAME:
        raise InvalidName(f"has {len(name):,} characters; {MAX_NAME} are the most")
    for place, character in enumerate(name, 1):
        _check_character(character, place)
    if not unicodedata.is_normalized("NFC", name):
        normal = unicodedata.normalize("NFC", name)
        at = next((i for i, (a, b) in enumerate(zip(name, normal, strict=False)) if a != b), len(normal))
        raise InvalidName(f"is not in Unicode's NFC form from place {at + 1} on; normalise it", name[at], at + 1)
    start = 1
    for segment in name.split("/"):
        _check_segment(segment, start)
        start += len(segment) + 1
    if name_of(path_of(name.lower())) != name.lower():
        raise InvalidName(f"is the place of the name {name[3:].lower()!r}; use that one")
    return name


def check_prefix(prefix: str) -> str:
    """The beginning of names, by whole segments: `support/`.

    Raises:
        InvalidName: it does not end in '/', or no name could begin so.
    """
    if not prefix.endswith("/"):
        raise InvalidName("does not end in '/', and prefixes are compared by whole segments; write 'support/'")
    check(f"{prefix}x")  # a name below it, which unlike the prefix alone is never a UUID
    return prefix


def _check_character(character: str, place: int) -> None:
    category = unicodedata.category(character)
    if character in _FORBIDDEN:
        problem = "which Windows does not allow in a file name"
    elif category == "Cs":
        problem = "a lone surrogate, which is no character"
    elif category == "Cc":
        problem = "a control character"
    elif category == "Cf":
        problem = "an invisible formatting character"
    elif category[0] in "LMNSP" or character == " ":
        return
    elif category[0] == "Z":
        problem = "a space or separator other than the plain space"
    else:
        problem = "which Unicode does not assign to a character"
    shown = f"{character!r} " if character.isprintable() else ""
    raise InvalidName(f"has {shown}U+{ord(character):04X} at place {place}: {problem}", character, place)


def _check_segment(segment: str, start: int) -> None:
    """Refuse a segment; *start* is the place of its first character in the name."""
    if not segment:
        raise InvalidName(f"has an empty segment at place {start}: '/' stands only between segments", "/", start)
    end = start + len(segment) - 1
    if segment[0] in ".- ":
        raise InvalidName(f"has a segment that starts with {segment[0]!r} at place {start}", segment[0], start)
    if segment[-1] in ". ":
        raise InvalidName(f"has a segment that ends with {segment[-1]!r} at place {end}", segment[-1], end)
    if len(segment) > MAX_SEGMENT:
        raise InvalidName(
            f"has a segment of {len(segment)} characters at place {start}; {MAX_SEGMENT} are the most",
            segment[0],
            start,
        )
    if (size := len(segment.encode())) > MAX_SEGMENT_BYTES:
        raise InvalidName(
            f"has a segment of {size} bytes at place {start}; {MAX_SEGMENT_BYTES} are the most", segment[0], start
        )
    lower = segment.lower()
    if lower.split(".")[0].rstrip(" ") in _DEVICES:
        raise InvalidName(f"has the segment {segment!r} at place {start}, which Windows reserves", segment[0], start)
    if _SHORT_NAME.fullmatch(lower):
        raise InvalidName(
            f"has the segment {segment!r} at place {start}, which is a file of git's to Windows", segment[0], start
        )
    for ending in (".lock", ".git"):
        if lower.endswith(ending):
            raise InvalidName(
                f"has a segment that ends in {ending!r} at place {end - len(ending) + 1}", ".", end - len(ending) + 1
            )
