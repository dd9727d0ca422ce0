"""Label <-> path in the tree <-> the number in its file: pure functions, no I/O.

The label `production` of the prompt `support/greeting` is the file `labels/production/support/greeting`,
which holds the number of a version and a newline.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from promptgit.domain import names
from promptgit.errors import Invalid, InvalidName

ROOT = "labels/"
LATEST = "latest"  # always the newest version; no file

PATTERN = "^[a-z0-9][a-z0-9_.-]{0,35}$"
"""What a label looks like, in the words of JSON Schema."""

_LABEL = re.compile(PATTERN.strip("^$"), re.ASCII)
_NUMBER = re.compile(rb"([1-9][0-9]{0,17})\n?")


def path_of(label: str, name: str) -> str:
    """The path in the tree of a label of the prompt named *name*."""
    return f"{ROOT}{label}/{names.path_of(name)[len(names.ROOT) : -len(names.SUFFIX)]}"


def parse(path: str) -> tuple[str, str] | None:
    """The label and the prompt's name whose file is *path*; None where no label has that path."""
    root, _, rest = path.partition("/")
    label, _, below = rest.partition("/")
    if root + "/" != ROOT or not below:
        return None
    name = names.name_of(f"{names.ROOT}{below}{names.SUFFIX}")
    return None if name is None else (label, name)


def is_label(text: str) -> bool:
    """Whether a label may be called so."""
    return _LABEL.fullmatch(text) is not None


def check_characters(field: str, text: str) -> str:
    """A text that labels, and checks of versions, may be called.

    Raises:
        Invalid: a label may not be called so.
    """
    if not is_label(text):
        raise Invalid(
            field,
            "is not 1 to 36 of the characters a-z, 0-9, '_', '.' and '-', the first a letter or a digit; "
            "choose such a one",
        )
    return text


def check(label: str) -> str:
    """A label that can be moved.

    Raises:
        Invalid: it breaks a rule.
    """
    check_characters("label", label)
    if label == LATEST:
        raise Invalid("label", "is 'latest', which always is the newest version; choose another")
    return label


def check_all(labels: Iterable[str]) -> list[str]:
    """Labels that can be moved, each once, sorted.

    Raises:
        Invalid: one of them breaks a rule.
    """
    return sorted({check(label) for label in labels})


def expect_portable(label: str, field: str = "label") -> None:
    """Refuse a label whose folder not every system can check out: the rules of names hold for it.

    *field* is what the error calls it.

    Raises:
        Invalid: it breaks one.
    """
    try:
        names.check(label)
    except InvalidName as error:
        raise Invalid(field, error.reason) from None


def content(number: int) -> bytes:
    """What the file of a label holds."""
    return b"%d\n" % number


def number_in(data: bytes) -> int | None:
    """The number of the version that a label's file names; None where it holds something else."""
    found = _NUMBER.fullmatch(data)
    return int(found[1]) if found else None
