"""Files of prompts that nobody writes who means well: each is text, and none of them fails, or takes long to read."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from promptgit.domain import dotprompt, references
from promptgit.domain.front_matter import PromptFile
from promptgit.domain.litellm_templates import template_of
from promptgit.errors import Untranslatable
from tests.test_langfuse_references import refer
from tests.test_references import put


def test_half_a_character_in_a_role_ruins_no_read(client: FlaskClient) -> None:
    """It is read as U+FFFD by all faces, also where a file is written anew."""
    put(client, "tone", "Be kind.", "production")
    put(client, "chat", f'---\ntype: chat\n---\n{{{{role "\\ud800"}}}}\n{refer("tone")}\n', "production")
    assert '{{role "\ufffd"}}\nBe kind.' in client.get("/api/names/chat?resolve=true").json["content"]
    for resolve, said in (("true", "Be kind."), ("false", refer("tone"))):
        got = client.get(f"/api/public/v2/prompts/chat?resolve={resolve}").json["prompt"]
        assert got == [{"role": "\ufffd", "content": said}]
    for where in ("/beta/litellm_prompt_management?prompt_id=chat", "/api/public/v2/prompts?name=chat"):
        assert client.get(where).status_code == 200


def test_a_tag_of_yaml_ruins_no_read_and_no_save(client: FlaskClient) -> None:
    """Front matter with one is text, whatever PyYAML would make of it."""
    for text in ("---\nconfig: !!bool maybe\ninput: {}\n---\n{{a}}", "---\ninput: !!timestamp later\n---\n{{a}}"):
        put(client, "tagged", text)
        got = client.get("/api/names/tagged").json
        assert (got["content"], got["variables"]) == (text, ["a"])
        assert client.get("/api/public/v2/prompts/tagged?label=latest").json["prompt"] == text


@pytest.mark.parametrize(
    "part", ["@@@langfusePrompt:name=", "@@@langfusePrompt:name=a|label=", "@@@langfusePrompt:", "@"]
)
def test_a_text_of_marks_is_looked_through_once(part: str) -> None:
    """Not once for each mark: a text of one megabyte would hold up every read of references, and every delete."""
    assert references.in_file(part.encode() * (1_000_000 // len(part))) == []


def test_a_text_of_variables_is_looked_through_once() -> None:
    """Not once for each variable: LiteLLM's address would hold up a worker until it is ended."""
    text = " ".join(f"{{{{v{number}}}}}" for number in range(60_000))
    assert template_of(PromptFile(text)).messages[0]["content"] == text.replace("{{", "{").replace("}}", "}")
    with pytest.raises(Untranslatable, match="v7"):
        template_of(PromptFile(f"{text} {{v7}}"))


def test_a_text_of_markers_is_read_once() -> None:
    """Not once for each marker that removes blank space around it."""
    assert dotprompt.read(b'{{~role "user"~}} a ' * 40_000).file.type == "chat"


def test_half_a_reference_hides_no_whole_one(client: FlaskClient) -> None:
    """A name has no mark in it, though it may have an @."""
    put(client, "a@@@b", "Be kind.", "production")
    put(client, "main", f"@@@langfusePrompt:name=x@@@ {refer('a@@@b')}")
    assert client.get("/api/names/main?resolve=true").json["content"] == "@@@langfusePrompt:name=x@@@ Be kind."
