"""What descriptions, contents and authors may hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptgit.domain import texts
from promptgit.domain.models import Author
from promptgit.errors import ContentTooLarge, Invalid


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_a_content_is_its_utf8_and_nothing_else(content: str) -> None:
    assert texts.check_content(content, 1 << 20).decode() == content


def test_a_content_is_measured_in_bytes() -> None:
    assert texts.check_content("é" * 5, limit=10)
    with pytest.raises(ContentTooLarge) as refusal:
        texts.check_content("é" * 6, limit=10)
    assert (refusal.value.size, refusal.value.limit) == (12, 10)


@pytest.mark.parametrize(
    ("content", "said"), [("a\0", "a NUL at place 2"), ("ab\ud800", "a lone surrogate at place 3")]
)
def test_a_content_is_text(content: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        texts.check_content(content, 100)


def test_a_description_loses_blank_space_around_it_and_carriage_returns_at_line_ends() -> None:
    assert texts.check_description(" \n One\r\n\tTwo\r\n\n") == "One\n\tTwo"


@pytest.mark.parametrize(
    ("description", "said"),
    [
        ("x" * 10_001, "10,001 characters"),
        ("a\rb", "U\\+000D at place 2"),
        ("a\x1bb", "U\\+001B at place 2"),
        ("a\0b", "U\\+0000 at place 2"),
        ("a\udfff", "lone surrogate at place 2"),
    ],
)
def test_a_description_that_breaks_a_rule_is_told_which(description: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        texts.check_description(description)


def test_a_description_of_ten_thousand_characters_in_several_lines_is_fine() -> None:
    text = "x" * 4_999 + "\n\t" + "y" * 4_999
    assert texts.check_description(text) == text


@pytest.mark.parametrize(
    "author", [Author("", "a@b"), Author("a<b", "a@b"), Author("a", "a>b"), Author("a\nb", ""), Author("x" * 201, "")]
)
def test_an_author_that_git_could_not_keep_is_refused(author: Author) -> None:
    with pytest.raises(Invalid, match="author"):
        texts.check_author(author)
