"""What is a variable of a prompt, and what changes when a text is edited."""

from __future__ import annotations

import re

from flask import Flask

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


def test_every_answer_with_a_content_names_its_variables(app: Flask) -> None:
    """Writes, reads by id, name, version, label and moment, and lists that include contents; no other answer."""
    api = app.test_client()
    made = api.post("/api/prompts", json={"name": "a/b", "content": "{{ b }} {{a}} {{b}} {{#if c}}"})
    where, commit = made.headers["Location"], made.json["commit"]
    api.put(f"{where}/labels/production", json={"version_number": 1})
    assert api.put(where, json={"content": "{{größe}}"}).json["variables"] == ["größe"]
    assert api.put("/api/names/a/b", json={"content": "none"}).json["variables"] == []
    assert api.patch(where, json={"name": "a/c"}).json["variables"] == []
    assert api.get(where).json["variables"] == api.get("/api/names/a/c").json["variables"] == []
    old = ("/versions/1", "/labels/production", f"?at={commit}")
    assert [answer.json["variables"] for answer in (made, *(api.get(where + path) for path in old))] == [["b", "a"]] * 4
    listed = (api.get(f"/api/prompts?include=content{more}").json for more in ("", "&label=production"))
    assert [[one["variables"] for one in answer] for answer in listed] == [[[]], [["b", "a"]]]
    listing = "---\ninput: {a: {default: [1], description: One}, b: {required: false}, c: }\n---\n{{a}}"
    inputs = [{"name": "a", "description": "One", "default": [1], "required": True}]
    inputs += [{"name": "b", "required": False}, {"name": "c", "required": True}]
    assert api.put(where, json={"content": listing}).json["inputs"] == inputs
    assert api.get(where).json["inputs"] == api.get(f"{where}/versions/4").json["inputs"] == inputs
    long = listing + "-" * 9_000
    assert api.put(where, json={"content": long}).json["inputs"] == inputs
    bare = [api.get(path).get_json() for path in ("/api/prompts", f"{where}/versions", f"{where}/versions?limit=9")]
    assert ["variables" in one for answer in bare for one in answer] == [False] * 11
