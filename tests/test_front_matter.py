"""A prompt's file: its text or messages, its config, its tags, all in a form that people read and write."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from promptgit.domain.front_matter import Message, Placeholder, PromptFile, declared, parse, render
from promptgit.domain.inputs import Input
from promptgit.errors import Invalid

LINES = [
    "---", "--- ", "---\r", "...", "type: text", "type: chat", "config: {}", "tags: [a]", "tags:", "- a", "no", "",
    "input: {a: }", "input:", "  a:", "    default: 1", "    required: false",
    " ", "\t", "\r", "\x85", "\u2028", "\ufeff", "{{name}}", '{{role "user"}}', '\\{{role "user"}}',
    '{{placeholder "x"}}', '{{role "user"}}\r', "{{role user}}", '{{role "a" "b"}}', "%YAML 1.1", "# comment", "é😀",
]  # fmt: skip
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.lists(
    st.sampled_from(LINES), max_size=8
).map("\n".join)
WORDS = st.sampled_from(
    "no yes on off y n NO true True null Null ~ 1e3 1E3 .5 5. +1 1_000 0x1f 0o17 017 010 1:30 2024-01-01 "  # noqa: SIM905
    "2024-01-01T00:00:00Z .inf -.inf .nan << = ! & * ? - : | > % @ ` 0 -0 1.0 --- ... {} [] # !!int".split(" ")
)
KEYS = WORDS | TEXTS
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | KEYS
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
MESSAGES = st.lists(st.builds(Message, KEYS, TEXTS) | st.builds(Placeholder, KEYS), max_size=4).map(tuple)
INPUTS = st.lists(st.builds(Input, KEYS, JSON, TEXTS, st.booleans()), max_size=3, unique_by=lambda one: one.name)
FILES = st.builds(
    PromptFile, TEXTS | MESSAGES, st.just({}) | JSON, st.lists(KEYS, max_size=3).map(tuple), INPUTS.map(tuple)
)


def kinds(value: object) -> object:
    """A value with the types of all that is in it: 1, 1.0 and true are equal in Python, and not in JSON."""
    if isinstance(value, dict):
        return [(key, kinds(item)) for key, item in value.items()]
    return [kinds(item) for item in value] if isinstance(value, list) else (type(value), repr(value))


@settings(max_examples=400)
@given(FILES)
@example(PromptFile("---\ntype: chat\n---\n"))
@example(PromptFile("---\ntags: [a]\n---\n---\ntags: [b]\n---\nx", {"a": "---\nb\n---"}))
@example(PromptFile("x" * 100_000, {"long": "y " * 5_000}, ("z" * 300,)))
@example(PromptFile("", {"a": [10**400, 1e300, 5e-324, -0.0, 1.0, 1, True]}))
@example(PromptFile((Message("user\n", ""), Message("a", "\n"), Message("b", "c\r"))))
def test_what_is_written_is_read_back(file: PromptFile) -> None:
    """Any text, any messages, any config that JSON can say, any tags; with their very types."""
    again = parse(render(file))
    assert again == file
    assert kinds(again.config) == kinds(file.config)
    assert render(again) == render(file)


@settings(max_examples=200)
@given(st.binary(max_size=60) | TEXTS.map(str.encode))
def test_every_file_can_be_read(data: bytes) -> None:
    """Whatever was pushed by hand; and what was read is written and read as the same."""
    file = parse(data)
    assert parse(render(file)) == file


def test_a_prompt_with_nothing_else_is_its_text() -> None:
    for text in ("", "Hello {{name}}\n", "---\n", "---\n---\n", "---\ntitle: x\n---\nHello", "---\ntags: [\n---\n"):
        assert render(PromptFile(text)) == text.encode()


def test_a_file_is_readable() -> None:
    """Short values as people write them, long ones as blocks; nothing quoted without need."""
    messages = (Message("system", "Be brief.\n"), Placeholder("history"), Message("user", '{{q}}\n{{role "x"}}'))
    config = {"model": "gpt-4o", "temperature": 0.2, "stop": ["no", "1e3"], "schema": {"about": "One\nTwo\n"}}
    assert render(PromptFile(messages, config, ("support", "été"))).decode() == (
        "---\ntype: chat\nconfig:\n  model: gpt-4o\n  temperature: 0.2\n  stop:\n  - 'no'\n  - '1e3'\n"
        "  schema:\n    about: |\n      One\n      Two\ntags:\n- support\n- été\n---\n"
        '{{role "system"}}\nBe brief.\n\n{{placeholder "history"}}\n{{role "user"}}\n{{q}}\n\\{{role "x"}}\n'
    )


def test_a_file_written_by_hand_is_understood() -> None:
    """With comments, blank lines and the line ends of Windows."""
    data = (
        b"--- \r\n# ours\r\nconfig: {temperature: 1e-3, on: yes, day: 2024-01-01, n: , z: 007}\r\n"
        b'tags: [a, "b"]\r\n---\r\nHi\r\n'
    )
    config = {"temperature": 0.001, "on": "yes", "day": "2024-01-01", "n": None, "z": "007"}
    assert parse(data) == PromptFile("Hi\r\n", config, ("a", "b"))
    chat = b'---\ntype: chat\n---\n\n{{role "user"}}\nHi\n{{placeholder "more"}}\n\n{{role "assistant"}}'
    assert parse(chat) == PromptFile((Message("user", "Hi"), Placeholder("more"), Message("assistant", "")))


def test_variables_are_declared() -> None:
    """With a default that is any value of JSON, a description, and whether a value must be given; or with nothing."""
    header = (
        "input:\n  name:\n    description: Whom to greet\n    default: you\n  tone:\n    required: false\n  topic:\n"
    )
    file = parse(f"---\n{header}---\n{{{{name}}}}".encode())
    assert file.inputs == (Input("name", "you", "Whom to greet"), Input("tone", required=False), Input("topic"))
    assert [one.is_needed for one in file.inputs] == [False, False, True]
    assert render(file).decode() == "---\n" + header.replace("topic:", "topic: {}") + "---\n{{name}}"
    for text in (f"---\n{header}---\n{{{{name}}}}", f"---\n{header}---\n{'x' * 20_000}"):
        assert declared(text) == file.inputs
    assert declared(header) == declared("---\ntags: [input]\n---\n") == declared("") == ()
    assert parse(b"---\ninput: {n: {default: [1, true]}}\n---\n").inputs == (Input("n", [1, True]),)


@pytest.mark.parametrize(
    "header",
    [
        b"input: [a]",
        b"input: {a: text}",
        b"input: {a: {type: string}}",
        b"input: {schema: {name: string}}",
        b"input: {a: {description: 1}}",
        b"input: {a: {required: yes}}",
        b"title: x",
        b"tags: a",
        b"tags: [1]",
        b"type: image",
        b"type: [text]",
        b"config: !!python/object/apply:os.getcwd []",
        b"config: !!binary aGk=",
        b"config: {1: a}",
        b"config: 1e999",
        b"config: " + b"9" * 5_000,
        b"config: " + b"[" * 200_000,
        b"config:\n" + b"- " * 100_000,
        b"? " * 100_000,
        b"config: " + b"[" * 200 + b"]" * 200,
        b"config: &a [*a]",
        b"config: !!bool maybe",
        b"config: !!timestamp later",
        b"config: {a: !!bool [], b: ! c}",
        b"tags: [!!str 1]",
        b"tags: [a]\n\xff",
        b"tags: [a]\n...\n---x",
        b"config: 1\nconfig:\n\t- x",
        b"- type",
        b"type: chat\n---\nNobody says this",
        b'type: chat\n---\n{{role "\\x"}}',
        b'type: chat\n---\n{{placeholder "a"}}\nNobody says this',
    ],
)
def test_front_matter_that_is_not_understood_is_text(header: bytes) -> None:
    data = b"---\n" + header + b"\n---\nHi"
    assert parse(data) == PromptFile(data.decode(errors="replace"))


def test_half_a_character_is_read_as_a_replacement() -> None:
    """A JSON string can say a lone surrogate, which no answer could hold; two that belong together are a character."""
    chat = parse(b'---\ntype: chat\n---\n{{role "a\\ud800"}}\nHi\n{{placeholder "\\udc00\\ud83d\\ude00"}}\n')
    assert chat.prompt == (Message("a\ufffd", "Hi"), Placeholder("\ufffd\U0001f600"))


def test_few_bytes_do_not_become_many_values() -> None:
    """Aliases of aliases of aliases."""
    levels = b"\n".join(b"  a%d: &a%d [%s]" % (at, at, b", ".join([b"*a%d" % (at - 1)] * 9)) for at in range(1, 30))
    data = b"---\nconfig:\n  a0: &a0 x\n" + levels + b"\n---\n"
    assert parse(data).config == {}


def test_a_config_is_kept_or_refused() -> None:
    """However deep it is."""
    config: object = 1
    kept = 0
    for _ in range(120):
        config = {"a": [config]}
        try:
            data = render(PromptFile("", config))
        except Invalid:
            continue
        assert parse(data).config == config
        kept += 1
    assert 40 < kept < 60


def test_a_config_that_cannot_be_kept_is_refused() -> None:
    deep: object = 1
    for _ in range(120):
        deep = [deep]
    for config in (deep, float("inf"), "x" * (1 << 19)):
        with pytest.raises(Invalid, match="config"):
            render(PromptFile("", config))
