"""What LiteLLM's generic prompt management is answered."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse


def publish(client: FlaskClient, name: str, prompt: Any, *labels: str, config: Any = None) -> None:
    kind = "text" if isinstance(prompt, str) else "chat"
    body = {"name": name, "type": kind, "prompt": prompt, "labels": labels, "config": config}
    assert client.post("/api/public/v2/prompts", json=body).status_code == 201


def ask(client: FlaskClient, prompt_id: str, **query: str) -> TestResponse:
    return client.get("/beta/litellm_prompt_management", query_string={"prompt_id": prompt_id, **query})


def contents(client: FlaskClient, prompt_id: str, **query: str) -> list[str]:
    answer = ask(client, prompt_id, **query)
    assert answer.status_code == 200, answer.json
    return [message["content"] for message in answer.json["prompt_template"]]


def test_a_chat_comes_with_its_messages_its_model_and_its_parameters(client: FlaskClient) -> None:
    """The placeholder at the end is where LiteLLM puts the program's messages in."""
    messages = [{"role": "system", "content": "Be {{ how }}.\n"}, {"role": "user", "content": "é \U0001f600"}]
    history = {"type": "placeholder", "name": "history"}
    config = {"model": "gpt-4o", "temperature": 0.5, "seed": 10**30}
    publish(client, "team@home", [*messages, history], config=config)
    answer = ask(client, "team@home@")
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert answer.json == {
        "prompt_id": "team@home@",
        "prompt_template": [{"role": "system", "content": "Be {how}.\n"}, messages[1]],
        "prompt_template_model": "gpt-4o",
        "prompt_template_optional_params": {"temperature": 0.5, "seed": 10**30},
    }
    again = client.get(
        "/beta/litellm_prompt_management?prompt_id=team@home@1", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert (again.status_code, again.data) == (304, b"")
    publish(client, "own", "x", config={"api_base": "https://evil.example", "api_key": "k", "team": "a", "top_k": 1})
    assert ask(client, "own").json["prompt_template_optional_params"] == {"top_k": 1}
    publish(client, "listed", "x", config=["no", "parameters"])
    publish(client, "unnamed", "x", config={"model": 4})
    for name in ("listed", "unnamed"):
        answer = ask(client, name)
        assert (answer.json["prompt_template_model"], answer.json["prompt_template_optional_params"]) == (None, {})


def test_variables_have_single_braces_and_all_other_braces_stay(client: FlaskClient) -> None:
    for text, sent in (
        ("{{name}} {{ name }} {{\tname\n}}", "{name} {name} {name}"),
        ('{"a": {"b": {{name}}}}', '{"a": {"b": {name}}}'),
        ("{{{name}}} {{{{name}}}}", "{{name}} {{{name}}}"),
        ("{x} {} {{}} { name } {{#if name}} {{a.b}} {{first name}}", None),
        ("}}{{", None),
        ("{\U0001f600} {{größe}}", "{\U0001f600} {größe}"),
        ("", None),
    ):
        client.put("/api/names/a", json={"content": text})
        assert contents(client, "a") == [text if sent is None else sent]


def test_what_litellm_would_send_otherwise_is_refused(client: FlaskClient) -> None:
    """A text in single braces that is called as a variable, in another message too; a placeholder in the middle."""
    variable, text = {"role": "user", "content": "{{n}}"}, {"role": "system", "content": '{"a": {n}}'}
    placeholder = {"type": "placeholder", "name": "history"}
    for prompt, said in (
        ("{{n}} {n}", "the variable {{n}}, and the text {n}, which"),
        ([text, variable], "write { n } in the text"),
        ([placeholder, variable], "a placeholder that is not the last"),
        ([variable, placeholder, placeholder], "a placeholder that is not the last"),
    ):
        publish(client, f"{said[:5]}{len(prompt)}{type(prompt).__name__}", prompt)
        answer = ask(client, f"{said[:5]}{len(prompt)}{type(prompt).__name__}")
        assert (answer.status_code, answer.json["code"]) == (409, "untranslatable")
        assert said in answer.json["detail"]


def test_a_version_is_chosen_by_the_id_else_by_what_is_configured(client: FlaskClient) -> None:
    for number, labels in enumerate((["production", "3"], ["staging"], []), 1):
        publish(client, "a/b", str(number), *labels)
    for revision, content in (("", "3"), ("@", "3"), ("@latest", "3"), ("@2", "2"), ("@production", "1"), ("@3", "3")):
        assert contents(client, f"a/b{revision}") == [content]
    assert contents(client, "a/b", label="staging") == contents(client, "a/b", version="2") == ["2"]
    assert contents(client, "a/b", label="3") == ["1"]
    assert contents(client, "a/b@production", label="staging") == contents(client, "a/b@1", version="2") == ["1"]
    assert contents(client, "a/b", label="staging", version="1") == ["1"]


def test_what_a_prompt_refers_to_is_put_in(client: FlaskClient) -> None:
    """And its variables are variables of the prompt; whoever has the answer learns that it changed."""
    publish(client, "tone", "Be {{how}}.", "production")
    client.post("/api/prompts", json={"name": "a", "content": "@@@langfusePrompt:name=tone|label=production@@@ Hi"})
    before = ask(client, "a")
    assert before.json["prompt_template"][0]["content"] == "Be {how}. Hi"
    publish(client, "tone", "{how}", "production")
    after = client.get("/beta/litellm_prompt_management?prompt_id=a", headers={"If-None-Match": before.headers["ETag"]})
    assert (after.status_code, after.json["prompt_template"][0]["content"]) == (200, "{how} Hi")


def test_a_name_with_an_at_takes_the_place_of_no_label(client: FlaskClient) -> None:
    """So nobody who may create prompts goes around what protects a label."""
    publish(client, "a", "approved", "production")
    publish(client, "a@production", "not approved")
    assert contents(client, "a@production") == ["approved"]


def test_refusals_say_what_is_wrong(client: FlaskClient) -> None:
    publish(client, "a", "1", "production")
    publish(client, "gone", "1")
    client.delete("/api/public/v2/prompts/gone")
    for query, status, code in (
        ({"prompt_id": "nothing"}, 404, "name_not_found"),
        ({"prompt_id": "@1"}, 404, "name_not_found"),
        ({"prompt_id": "gone"}, 410, "prompt_deleted"),
        ({"prompt_id": "a@staging"}, 404, "label_not_found"),
        ({"prompt_id": "a@0"}, 404, "version_not_found"),
        ({"prompt_id": "a", "version": "9"}, 404, "version_not_found"),
        ({"prompt_id": "a", "version": "x"}, 422, "invalid"),
        ({"prompt_id": "a", "lable": "production"}, 422, "invalid"),
        ({"prompt_id": "a\0"}, 422, "invalid"),
        ({}, 422, "invalid"),
    ):
        answer = client.get("/beta/litellm_prompt_management", query_string=query)
        assert (answer.status_code, answer.json["code"]) == (status, code), query
