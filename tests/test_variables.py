"""What is a variable of a prompt, and what changes when a text is edited."""

from __future__ import annotations

import re

from promptgit.domain import variables
from promptgit.http.web import shown


def test_names_come_in_order_of_first_appearance() -> None:
    """Blank space around a name means nothing; what other templates have between braces is no variable."""
    text = "{{b}} {{ a }} {{b}}\t{{\n größe\n}} {{{_x1}}} {{#if a}} {{/if}} {{>p}} {{1}} {{ }} {{c d}} {{e.f}} {g} {{h}"
    assert variables.names_in(text) == ("b", "a", "größe", "_x1")
    marked = re.findall(r'<span class="variable">\{\{(.*?)\}\}</span>', shown.text(text), re.DOTALL)
    assert [name.strip() for name in marked] == ["b", "a", "b", "größe", "_x1"], "the pages mark the same"


def test_a_change_names_what_came_and_what_went() -> None:
    assert variables.change("{{a}} {{b}}", "{{ b }} {{d}} {{c}}") == variables.Change(("d", "c"), ("a",))
    assert variables.change("{{a}}", "{{ a }}{{a}}") == variables.Change((), ())


def test_no_text_takes_long() -> None:
    """Texts of the most bytes that look like variables without an end."""
    for text in ("{{" * 500_000, "{{a" * 300_000, "{{" + " " * 1_000_000, "{{" + "a" * 1_000_000):
        assert variables.names_in(text) == ()
