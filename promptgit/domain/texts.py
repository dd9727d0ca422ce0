"""What a description, a content and an author may hold: pure functions, no I/O."""

from __future__ import annotations

import re

from promptgit.domain.models import Author
from promptgit.errors import ContentTooLarge, Invalid

_CONTROL = re.compile("[\0-\x1f\x7f-\x9f]")  # Unicode's category Cc

MAX_DESCRIPTION = 10_000  # characters
MAX_AUTHOR_NAME = 200  # characters
MAX_AUTHOR_EMAIL = 254  # characters (RFC 5321 allows no longer path)


def check_content(content: str, limit: int) -> bytes:
    """*content* in UTF-8, at most *limit* bytes.

    Raises:
        Invalid: a NUL or a lone surrogate is in it.
        ContentTooLarge: it has more than *limit* bytes.
    """
    if (place := content.find("\0")) >= 0:
        raise Invalid("content", f"has a NUL at place {place + 1}; a prompt is text")
    data = _encode("content", content)
    if len(data) > limit:
        raise ContentTooLarge(len(data), limit)
    return data


def check_description(description: str) -> str:
    """*description* as it is stored: CR LF as LF, no blank space around it.

    Raises:
        Invalid: it is too long, or has a control character or a lone surrogate.
    """
    text = description.replace("\r\n", "\n").strip()
    if len(text) > MAX_DESCRIPTION:
        raise Invalid("description", f"has {len(text):,} characters; {MAX_DESCRIPTION:,} are the most")
    _encode("description", text)
    _refuse_controls("description", text, allowed="\n\t")
    return text


def check_line(field: str, value: str, most: int) -> str:
    """*value* as it is stored: one line of at most *most* characters, no blank space around.

    Raises:
        Invalid: it breaks a rule.
    """
    text = value.strip()
    if len(text) > most:
        raise Invalid(field, f"has {len(text):,} characters; {most:,} are the most")
    _encode(field, text)
    _refuse_controls(field, text, allowed="")
    return text


def check_author(author: Author) -> Author:
    """*author* as git can store it.

    Raises:
        Invalid: git could not store the name or the address as they are (git-commit-tree(1)).
    """
    return Author(
        check_identity("author.name", author.name, 1, MAX_AUTHOR_NAME),
        check_identity("author.email", author.email, 0, MAX_AUTHOR_EMAIL),
    )


def repair_description(text: str) -> str:
    """A description that `check_description` takes: without control characters, and cut at the end where too long."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub(lambda found: found[0] if found[0] in "\n\t" else "", lines).strip()[:MAX_DESCRIPTION].strip()


def repair_author(author: Author) -> Author:
    """An author that `check_author` takes; without a name it is the address, or `unknown`."""
    name, email = (re.sub("[<>]", "", _CONTROL.sub("", text)).strip() for text in author)
    return Author((name or email or "unknown")[:MAX_AUTHOR_NAME].strip(), email[:MAX_AUTHOR_EMAIL].strip())


def check_identity(field: str, value: str, least: int, most: int) -> str:
    """*value* as git can store it as a name or an address: *least* to *most* characters, no blank space around.

    Raises:
        Invalid: git could not store it as it is.
    """
    text = value.strip()
    if not least <= len(text) <= most:
        raise Invalid(field, f"has {len(text)} characters; {least} to {most} are allowed")
    _encode(field, text)
    _refuse_controls(field, text, allowed="")
    for character in "<>":
        if character in text:
            raise Invalid(field, f"has {character!r} at place {text.index(character) + 1}, which git keeps for itself")
    return text


def _encode(field: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise Invalid(field, f"has a lone surrogate at place {error.start + 1}, which is no character") from None


def _refuse_controls(field: str, text: str, allowed: str) -> None:
    for found in _CONTROL.finditer(text):
        if found[0] not in allowed:
            raise Invalid(field, f"has the control character U+{ord(found[0]):04X} at place {found.start() + 1}")
