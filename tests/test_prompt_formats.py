"""dotprompt's and Prompty's files: what prompts become, and what they were; both projects' own readers read them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from promptgit.domain import prompt_formats
from promptgit.domain.formats import SUFFIXES
from promptgit.domain.front_matter import Message, Placeholder, PromptFile, render
from promptgit.domain.inputs import Input
from promptgit.errors import Invalid
from tests.support import environment
from tests.test_front_matter import FILES, TEXTS

HERE = Path(__file__).parent / "prompt_files"
INSTALLED = Path(__file__).parents[1] / ".venv" / "prompt-files"
FORMATS = st.sampled_from(list(SUFFIXES))
LINES = [
    "---", "+++", "# x", "", " ", "\r", "a: b", "system:", "user[a=b]:", "\\", "{{name}}", "\\{{name}}", "{{{name}}}",
    "{{name}}}", "{{name~}}}", "{{history}}", "{{this.role}}", '{{role "user"}}', '\\{{role "user"}}',
    '{{~role "model"~}}', "{{#if x}}", "{{/if}}", "{% x %}",
]  # fmt: skip
BODIES = st.lists(st.sampled_from(LINES), max_size=8).map("\n".join)

DOTPROMPT = """---
model: googleai/gemini-2.5-flash
config:
  temperature: 0.7
input:
  schema:
    company: string, who is helped
    tone?: string
    tries: integer, how often
    channel(enum, where): [MAIL, CHAT]
  default:
    tone: friendly
output:
  format: json
metadata:
  tags: [support]
  owner: ada
---
{{role "system"}}
You help {{company}} in a {{tone}} way.{{#if urgent}} Hurry.{{/if}}
{{history}}
{{role "user"}}
{{question}}
"""
PROMPTY = """---
name: helper
model:
  id: gpt-4o
  provider: openai
  options:
    temperature: 0.7
    maxOutputTokens: 100
    additionalProperties: {user: x}
inputs:
  - name: company
    kind: string
    description: who is helped
    required: true
  - name: tries
    kind: integer
    default: 3
  - {name: conversation, kind: thread}
metadata:
  tags: [support]
---
system:
You help {{company}}.

{{conversation}}

user:
{{question}}
"""
CHAT = PromptFile(
    (
        Message("system", "You help {{company}}.\n\n# Rules\nBe brief."),
        Placeholder("history"),
        Message("user", "{{question}}"),
        Message("assistant", "Let me see."),
    ),
    {"model": "gpt-4o", "temperature": 0.2, "max_tokens": 100, "note": "--- no\n+++ end"},
    ("support", "no"),
    (Input("company", "Acme"), Input("question", None, "what is asked"), Input("extra", required=False)),
)


def read(name: str, text: str | bytes) -> Any:
    return prompt_formats.read(text.encode() if isinstance(text, str) else text, name)


def written(file: PromptFile, name: str) -> Any:
    return prompt_formats.written(render(file), name)


def test_dotprompts_file_becomes_a_chat_and_back() -> None:
    found = read("dotprompt", DOTPROMPT)
    assert found.file == PromptFile(
        (
            Message("system", "You help {{company}} in a {{tone}} way.{{#if urgent}} Hurry.{{/if}}"),
            Placeholder("history"),
            Message("user", "{{question}}"),
        ),
        {
            "model": "googleai/gemini-2.5-flash",
            "temperature": 0.7,
            "dotprompt": {
                "output": {"format": "json"},
                "metadata": {"owner": "ada"},
                "input": {
                    "schema": {
                        "tone?": "string",
                        "tries": "integer, how often",
                        "channel(enum, where)": ["MAIL", "CHAT"],
                    }
                },
            },
        },
        ("support",),
        (
            Input("company", description="who is helped"),
            Input("tone", "friendly", required=False),
            Input("tries", description="how often"),
            Input("channel", description="where"),
        ),
    )
    assert found.notes == ("{{#if urgent}} stays text", "{{/if}} stays text")
    again = written(found.file, "dotprompt")
    assert again.dropped == ()
    assert read("dotprompt", again.data) == found
    assert written(found.file, "prompty").dropped == ("config.dotprompt",)


def test_promptys_file_becomes_a_chat_and_back() -> None:
    found = read("prompty", PROMPTY)
    assert found.file == PromptFile(
        (Message("system", "You help {{company}}."), Placeholder("conversation"), Message("user", "{{question}}")),
        {
            "model": "gpt-4o",
            "user": "x",
            "temperature": 0.7,
            "maxOutputTokens": 100,
            "prompty": {"name": "helper", "model": {"provider": "openai"}, "inputs": {"tries": {"kind": "integer"}}},
        },
        ("support",),
        (Input("company", None, "who is helped"), Input("tries", 3, required=False)),
    )
    again = written(found.file, "prompty")
    assert (again.dropped, read("prompty", again.data)) == ((), found)


def test_promptys_first_version_is_understood() -> None:
    """Its model had `configuration` and `parameters`, its inputs were an object, its tags stood at the top."""
    old = (
        "---\nmodel:\n  api: chat\n  configuration: {azure_deployment: gpt-35}\n  parameters: {max_tokens: 3}\n"
        "inputs: {name: Jane, age: {type: number}}\n---\nsystem:\nHi {{name}}\n"
    )
    file = read("prompty", old).file
    assert file.config["max_tokens"] == 3
    assert file.config["prompty"]["model"] == {"api": "chat", "configuration": {"azure_deployment": "gpt-35"}}
    assert [(one.name, one.default, one.required) for one in file.inputs] == [
        ("name", "Jane", False),
        ("age", None, False),
    ]


@settings(max_examples=100)
@given(FILES | st.builds(PromptFile, BODIES), FORMATS)
@example(CHAT, "dotprompt")
@example(CHAT, "prompty")
def test_what_is_not_told_as_dropped_comes_back(file: PromptFile, name: str) -> None:
    found = written(file, name)
    if not found.dropped:
        assert read(name, found.data).file == file
    assert all(what.isprintable() for what in found.dropped)


@settings(max_examples=100)
@given(st.binary(max_size=60) | TEXTS.map(str.encode) | BODIES.map(str.encode), FORMATS)
@example(DOTPROMPT.encode(), "prompty")
@example(PROMPTY.encode(), "dotprompt")
@example(
    b"---\ninput: {schema: {type: object, properties: {a: 1, b: {type: string}}, required: 3}}\n---\n", "dotprompt"
)
@example(b"---\ninputs: [1, {name: 2}, {name: a b}]\nmodel: {options: 3}\nmetadata: {tags: 3}\n---\nx", "prompty")
def test_every_file_is_read_and_said_again(data: bytes, name: str) -> None:
    """What was read is written without loss, whatever the file holds."""
    file = read(name, data).file
    again = written(file, name)
    if not again.dropped:
        assert read(name, again.data).file == file


@pytest.mark.parametrize(
    ("name", "file", "dropped"),
    [
        (
            "dotprompt",
            PromptFile((Placeholder("examples"),)),
            "the placeholder 'examples': dotprompt has 'history' alone",
        ),
        ("dotprompt", PromptFile((Message("Tool 1", "x"),)), "the role 'Tool 1' of message 1"),
        ("dotprompt", PromptFile((Message("user", " "),)), "message 1, which is empty"),
        ("dotprompt", PromptFile('{{role "user"}}\nHi'), "that it is a text"),
        ("dotprompt", PromptFile("Hi", [1]), "config, which is no object"),
        ("dotprompt", PromptFile("Hi", {"prompty": {"tools": []}}), "config.prompty"),
        ("prompty", PromptFile((Message("tool", "x"),)), "the role 'tool' of message 1"),
        (
            "prompty",
            PromptFile((Message("user", "x\nuser:"),)),
            "that message 1 has a line which Prompty takes for a role",
        ),
        ("prompty", PromptFile((Placeholder("a b"),)), "the placeholder 'a b', whose name is none of a variable"),
        ("prompty", PromptFile("a\r\n"), "line ends other than LF"),
        ("dotprompt", PromptFile("{{{x}}}"), "parts of the text, which means something else there"),
        ("prompty", PromptFile("{{{x}}}"), "'{{{', which Jinja reads otherwise"),
        ("prompty", PromptFile(""), "an empty text, which Prompty does not read"),
        ("prompty", PromptFile("system:\nHi"), "that it is a text"),
    ],
)
def test_what_cannot_be_said_is_told(name: str, file: PromptFile, dropped: str) -> None:
    assert dropped in written(file, name).dropped


@pytest.mark.parametrize("name", SUFFIXES)
def test_front_matter_that_cannot_be_read_is_text(name: str) -> None:
    text = "---\nmodel: &a [*a]\n---\nHi"
    assert read(name, text) == (PromptFile(text), ("The front matter cannot be read, so that all stays text",))


def test_a_long_file_is_read_in_a_moment() -> None:
    """Whatever it repeats; the test would take hours otherwise."""
    for part in ("{{", "{{{", "\\", "{{!--", "{%", "#\n", "user[", "---\n", '{{role "', "{{#a}}", " ", "\n", "{{a "):
        for name in SUFFIXES:
            read(name, part * (200_000 // len(part)))


def test_a_config_beyond_yaml_is_refused() -> None:
    deep: Any = {}
    for _ in range(98):
        deep = {"a": deep}
    with pytest.raises(Invalid, match="levels"):
        written(PromptFile("x", {"a": [deep]}), "prompty")


def test_dotprompts_own_reader_reads_what_comes_out() -> None:
    """Model, config, declared variables, and the very messages that a client of ours compiles."""
    if not (INSTALLED / "node_modules" / "dotprompt").exists():
        pytest.skip("dotprompt is not installed: get npm, then make .venv/prompt-files/installed")
    given = {"company": "Acme", "question": "Why?", "role": "R", "x": "X"}
    texts = ["Hi {{ x }}, {{role}}!", "C:\\{{x}}", "---\na: b\n---\n{{x}}", "---\nHi {{x}}", '{"a": {{x}}}']
    files = [
        written(one, "dotprompt") for one in (CHAT, *map(PromptFile, texts), PromptFile((Message("user", texts[1]),)))
    ]
    escaped = written(PromptFile((Message("user", 'Write {{role "system"}} before {{x}}'),)), "dotprompt")
    assert [one.dropped for one in (*files, escaped)] == [()] * (len(files) + 1)
    asked = [(one.data.decode(), given) for one in (*files, escaped)]
    chat, *plain, literal = answers(["node", HERE / "read.mjs", f"{INSTALLED}/"], asked)
    assert (chat["model"], chat["config"]) == ("gpt-4o", {k: v for k, v in CHAT.config.items() if k != "model"})
    assert chat["raw"]["metadata"] == {"tags": ["support", "no"]}
    assert chat["raw"]["input"] == {
        "schema": {"company": "string", "question": "string, what is asked", "extra?": "string"},
        "default": {"company": "Acme"},
    }
    assert [(one["role"], one["text"].strip()) for one in chat["messages"]] == [
        ("system", "You help Acme.\n\n# Rules\nBe brief."),
        ("user", "Why?"),
        ("model", "Let me see."),
    ]
    assert [one["messages"][0]["text"].strip() for one in plain] == [
        "Hi X, R!", "C:\\X", "---\na: b\n---\nX", "---\nHi X", '{"a": X}', "C:\\X",
    ]  # fmt: skip
    assert literal["messages"][0]["text"].strip() == 'Write {{role "system"}} before X'


def test_promptys_own_reader_reads_what_comes_out(tmp_path: Path) -> None:
    if not (INSTALLED / "installed").exists():
        pytest.skip("Prompty is not installed: make .venv/prompt-files/installed")
    plain = PromptFile("---\na: b\n---\nHi {{ question }}\n", {"model": "m---+++"})
    history = [{"role": "user", "content": "Before"}, {"role": "assistant", "content": "Yes"}]
    asked = []
    for place, file in enumerate((CHAT, plain)):
        path = tmp_path / f"{place}.prompty"
        found = written(file, "prompty")
        assert found.dropped == ()
        path.write_bytes(found.data)
        asked.append((str(path), {"question": "Why?", "history": history}))
    chat, text = answers([INSTALLED / "bin" / "python", HERE / "read.py"], asked)
    assert chat["model"] == "gpt-4o"
    assert chat["options"] == {
        "temperature": 0.2,
        "additionalProperties": {"max_tokens": 100, "note": "--- no\n+++ end"},
    }
    assert chat["metadata"] == {"tags": ["support", "no"]}
    assert [(one["name"], one["kind"], one["default"]) for one in chat["inputs"]] == [
        ("company", "string", "Acme"),
        ("question", "string", None),
        ("extra", "string", None),
        ("history", "thread", None),
    ]
    assert [(one["role"], one["text"]) for one in chat["messages"]] == [
        ("system", "You help Acme.\n\n# Rules\nBe brief."),
        ("user", "Before"),
        ("assistant", "Yes"),
        ("user", "Why?"),
        ("assistant", "Let me see."),
    ]
    assert (text["model"], text["messages"][0]["text"]) == ("m---+++", "---\na: b\n---\nHi Why?")


def answers(command: list[str | Path], asked: list[Any]) -> Any:
    """What one of the readers in `prompt_files/` says of files."""
    done = subprocess.run(
        command, input=json.dumps(asked), env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
