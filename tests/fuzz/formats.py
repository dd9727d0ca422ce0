"""Texts that keep the rules for which JSON Schema has no words."""

from __future__ import annotations

import os
import re
from typing import Any
from uuid import UUID

import schemathesis
from hypothesis import strategies as st

from promptgit.domain import evaluations, names, texts
from promptgit.domain.models import Author
from promptgit.domain.past import as_of
from promptgit.errors import Invalid
from promptgit.http.api import heads

_HEAD = re.compile(r"[0-9]{1,18}-[0-9a-f]{40}")
_printed = st.characters(codec="utf-8", categories=["L", "M", "N", "S", "P"], exclude_characters='\\:*?"<>|')


def _is_name(text: str) -> bool:
    try:
        names.check(text)
    except Invalid:
        return False
    return True


def _is_author(text: str) -> bool:
    try:
        texts.check_author(Author(text, ""))
    except Invalid:
        return False
    return True


def _is_moment(text: str) -> bool:
    try:
        as_of(text)
    except Invalid:
        return False
    return True


_segment = st.text(_printed | st.just(" "), min_size=1, max_size=20)
_line = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="<>"), max_size=60)
_text = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]) | st.sampled_from("\n\t"), max_size=200)


def _about(most: int) -> st.SearchStrategy[str]:
    """Texts of the lengths about a limit, which are asked for, and which others would hardly ever have."""
    return st.sampled_from([("n" * 99 + "/" + "n" * most)[:length] for length in (most - 1, most, most + 1)])


_name = st.lists(_segment, min_size=1, max_size=3).map("/".join).filter(_is_name)
schemathesis.openapi.format("prompt-name", _name | _about(names.MAX_NAME))
schemathesis.openapi.format("author-name", _line.filter(_is_author) | _about(texts.MAX_AUTHOR_NAME))
schemathesis.openapi.format("author-email", _line | _about(texts.MAX_AUTHOR_EMAIL))
schemathesis.openapi.format("commit-message", _text | _about(texts.MAX_DESCRIPTION))
schemathesis.openapi.format("reason", _text.filter(lambda text: text.strip()) | _about(texts.MAX_DESCRIPTION))
schemathesis.openapi.format("line", _line | _about(evaluations.MAX_SUMMARY))
schemathesis.openapi.format("web-address", st.from_regex(r"\Ahttps?://[a-z]{1,9}\.example/[a-z0-9/]{0,9}\Z"))
schemathesis.openapi.format("label", st.from_regex(r"\A[a-z0-9][a-z0-9_.-]{0,35}\Z"))
schemathesis.openapi.format("rules", st.sampled_from(["", "[labels.gated]\n", '[labels.gated]\nchecks = ["eval"]\n']))
schemathesis.openapi.format("promptgit-head", st.just(os.environ["FUZZ_HEAD"]))
_time = st.datetimes(timezones=st.timezones()).map(lambda time: time.isoformat())
schemathesis.openapi.format("commit-or-time", st.from_regex(r"\A[0-9a-f]{40}\Z") | _time.filter(_is_moment))


@schemathesis.hook
def before_call(_context: Any, case: Any, _arguments: Any) -> None:
    """Have requests get past what would answer all of them alike.

    Nobody revokes the token that they are made with, and a `Promptgit-Head` is one of the service's, if it is one.
    """
    if (case.path_parameters or {}).get("token_id") == os.environ["FUZZ_TOKEN"]:
        case.path_parameters["token_id"] = str(UUID(int=0))
    sent = (case.headers or {}).get(heads.HEADER)
    if sent is not None and _HEAD.fullmatch(str(sent)):
        case.headers[heads.HEADER] = os.environ["FUZZ_HEAD"]
