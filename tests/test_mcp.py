"""Prompts for clients of the Model Context Protocol: /mcp, by hand-made messages of each revision."""

from __future__ import annotations

import json
from collections.abc import Mapping
from string import ascii_letters
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from promptgit.auth.tokens import Scope, Tokens
from tests.test_langfuse import PROMPTS

MODERN = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


def post(client: FlaskClient, message: object, **headers: str) -> TestResponse:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return client.post("/mcp", data=body, headers={"Content-Type": "application/json", **sent})


def ask(client: FlaskClient, method: str, query: str = "", **params: object) -> Any:
    """The result, or the error, of a request of 2025."""
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    answer = client.post(f"/mcp{query}", json=message, headers={"MCP-Protocol-Version": "2025-11-25"})
    assert answer.status_code == 200, answer.data
    told = answer.json
    assert (told.pop("jsonrpc"), told.pop("id")) == ("2.0", 1)
    ((_, value),) = told.items()
    return value


def ask_modern(client: FlaskClient, method: str, headers: Mapping[str, str] | None = None, **params: object) -> Any:
    """The answer to a request of 2026, with the headers that it should have, or else *headers*."""
    sent = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
    if "name" in params:
        sent["Mcp-Name"] = str(params["name"])
    message = {"jsonrpc": "2.0", "id": "a", "method": method, "params": {"_meta": META, **params}}
    return client.post("/mcp", json=message, headers=sent if headers is None else headers)


def publish(client: FlaskClient, name: str, prompt: object = "Hello {{name}}!", **more: object) -> None:
    kind = "text" if isinstance(prompt, str) else "chat"
    body = {"name": name, "prompt": prompt, "type": kind, "labels": ["production"], **more}
    assert client.post(PROMPTS, json=body).status_code == 201


def text_of(result: Any) -> list[tuple[str, str]]:
    return [(said["role"], said["content"]["text"]) for said in result["messages"]]


def test_prompts_are_listed_page_by_page_with_their_arguments(client: FlaskClient) -> None:
    """Those in production, at that version; another label is named in the address."""
    names = [f"a/{number:02}" for number in range(51)]
    changes: list[object] = [{"name": name, "content": "No {{number}}"} for name in names]
    changes += [{"name": name, "label": "production", "version_number": "new"} for name in names]
    assert client.post("/api/commits", json={"changes": changes}).status_code == 200
    publish(client, "b", "{{ first }} and {{second}}", commitMessage="Two of them\n\nAnd more")
    publish(client, "b", "{{third}}", labels=[], commitMessage="Not yet")
    chat = [
        {"role": "system", "content": "You serve {{who}}."},
        {"type": "placeholder", "name": "history"},
        {"role": "user", "content": "{{who}}: {{question}}"},
    ]
    publish(client, "c", chat, config={"description": "Answers questions"})
    first = ask(client, "prompts/list")
    assert [prompt["name"] for prompt in first["prompts"]] == names[:50]
    rest = ask(client, "prompts/list", cursor=first["nextCursor"])
    assert "nextCursor" not in rest
    assert rest["prompts"][1:] == [
        {
            "name": "b",
            "description": "Two of them",
            "arguments": [{"name": "first", "required": True}, {"name": "second", "required": True}],
        },
        {
            "name": "c",
            "description": "Answers questions",
            "arguments": [
                {"name": "who", "required": True},
                {"name": "question", "required": True},
                {
                    "name": "history",
                    "description": "What is said in this place, as a text of the user",
                    "required": False,
                },
            ],
        },
    ]
    newest = ask(client, "prompts/list", "?label=latest", cursor=first["nextCursor"])
    assert newest["prompts"][1]["description"] == "Not yet"
    assert ask(client, "prompts/list", "?label=staging") == {"prompts": []}
    assert client.post("/mcp?label=Not+one", json={}).status_code == 422
    assert client.post("/mcp?lable=latest", json={}).status_code == 422


def test_a_page_of_prompts_with_very_many_arguments_ends_early(client: FlaskClient) -> None:
    """Of 2,704 each: an answer has some megabytes, and the rest is on the next page."""
    content = "".join(f"{{{{{one}{other}}}}}" for one in ascii_letters for other in ascii_letters)
    names = [f"a/{number:02}" for number in range(48)]
    assert client.post("/api/commits", json={"changes": [{"name": name, "content": content} for name in names]}).json
    first = ask(client, "prompts/list", "?label=latest")
    assert 20 < len(first["prompts"]) < 48
    rest = ask(client, "prompts/list", "?label=latest", cursor=first["nextCursor"])
    assert [prompt["name"] for prompt in first["prompts"] + rest["prompts"]] == names


def test_a_prompt_is_filled_in(client: FlaskClient) -> None:
    """Texts and chats become messages; a value is put in as it is; there is no role of a system."""
    publish(client, "support/greeting", "Hello {{name}}, {{ topic }}?", commitMessage="First")
    publish(client, "support/greeting", "Hey", labels=[])
    found = ask(client, "prompts/get", name="support/greeting", arguments={"name": "{{topic}}", "topic": "1", "x": "2"})
    assert text_of(found) == [("user", "Hello {{topic}}, 1?")]
    assert found["description"] == "First"
    assert found["_meta"]["promptgit/version_number"] == 1
    assert text_of(ask(client, "prompts/get", "?label=latest", name="support/greeting")) == [("user", "Hey")]

    chat = [
        {"role": "system", "content": "You serve {{who}}."},
        {"type": "placeholder", "name": "history"},
        {"role": "model", "content": "Yes?"},
        {"role": "assistant", "content": "Well?"},
    ]
    publish(client, "Grüße/an alle", chat)
    said = [("user", "You serve Ada."), ("assistant", "Yes?"), ("assistant", "Well?")]
    assert text_of(ask(client, "prompts/get", name="Grüße/an alle", arguments={"who": "Ada"})) == said
    with_history = ask(client, "prompts/get", name="Grüße/an alle", arguments={"who": "Ada", "history": "Before"})
    assert text_of(with_history) == [said[0], ("user", "Before"), *said[1:]]

    publish(client, "long", "{{x}}" * 1_000)
    publish(client, "many", [{"type": "placeholder", "name": "x"}] * 500)
    for params, words in (
        ({"name": "long", "arguments": {"x": "a" * 10_000}}, "more than 4,194,304 characters"),
        ({"name": "many", "arguments": {"x": "a" * 10_000}}, "more than 4,194,304 characters"),
        ({"name": "support/greeting", "arguments": {"name": "Ada"}}, "'support/greeting' lacks a value for topic."),
        ({"name": "support/greeting"}, "lacks a value for name, topic"),
        ({"name": "support/greeting", "arguments": {"name": 1, "topic": "1"}}, "'name' is not a text"),
        ({"name": "support/greeting", "arguments": []}, "'arguments' is of another type than an object"),
        ({"name": "none"}, "none"),
        ({"name": "\ud800"}, "lone surrogate"),
        ({"name": "\0"}, "has a NUL"),
        ({"name": 7}, "'name' is of another type than a text"),
        ({}, "'name' is missing"),
    ):
        refused = ask(client, "prompts/get", **params)
        assert (refused["code"], words in refused["message"]) == (-32602, True), refused
    assert ask(client, "prompts/list", cursor="never given")["code"] == -32602
    client.delete(f"{PROMPTS}/support/greeting")
    assert "deleted" in ask(client, "prompts/get", name="support/greeting")["message"]


def test_what_a_prompt_declares_and_refers_to_is_minded(client: FlaskClient) -> None:
    """Defaults fill in, descriptions are shown, and prompts within prompts are put in, with their variables."""
    publish(client, "tone", "Be {{tone}}.")
    content = (
        "---\ninput:\n  who:\n    description: Whom to greet\n  times:\n    default: 3\n"
        "  more:\n    required: false\n---\n"
        "Greet {{who}} {{times}} times.{{more}} @@@langfusePrompt:name=tone|label=production@@@"
    )
    made = client.put("/api/names/greet", json={"content": content}).json
    assert client.put(f"/api/prompts/{made['id']}/labels/production", json={"version_number": 1}).status_code == 200
    assert ask(client, "prompts/list")["prompts"][0]["arguments"] == [
        {"name": "who", "description": "Whom to greet", "required": True},
        {"name": "times", "required": False},
        {"name": "more", "required": False},
        {"name": "tone", "required": True},
    ]
    found = ask(client, "prompts/get", name="greet", arguments={"who": "Ada", "tone": "kind"})
    assert text_of(found) == [("user", "Greet Ada 3 times. Be kind.")]
    assert ask(client, "prompts/get", name="greet")["data"] == {"missing": ["who", "tone"]}
    told = ask(client, "tools/call", name="get_prompt", arguments={"name": "greet"})["structuredContent"]
    assert told["variables"] == ["who", "times", "more", "tone"]
    assert told["inputs"][1] == {"name": "times", "default": 3, "required": True}
    # A reference that leads nowhere breaks off no list.
    client.put("/api/names/lost", json={"content": "@@@langfusePrompt:name=none|label=latest@@@"})
    assert len(ask(client, "prompts/list", "?label=latest")["prompts"]) == 3
    assert ask(client, "prompts/get", "?label=latest", name="lost")["data"] == {"code": "unresolvable"}


def test_tools_read_the_same_prompts(client: FlaskClient) -> None:
    """For clients that know only tools; what a model can mend, it is told in the result."""
    publish(client, "support/greeting", "Hello {{name}}!")
    publish(client, "support/greeting", "Hey {{name}}!", labels=["staging"])
    publish(client, "sales/chat", [{"role": "system", "content": "You sell {{what}}."}])
    tools = ask(client, "tools/list")["tools"]
    assert [(tool["name"], tool["annotations"]["readOnlyHint"]) for tool in tools] == [
        ("list_prompts", True),
        ("get_prompt", True),
    ]

    def call(tool: str, **arguments: object) -> Any:
        result = ask(client, "tools/call", name=tool, arguments=arguments)
        if result["isError"]:
            return result["content"][0]["text"]
        assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
        return result["structuredContent"]

    assert [found["name"] for found in call("list_prompts")["prompts"]] == ["sales/chat", "support/greeting"]
    (found,) = call("list_prompts", prefix="support/", query="HEY")["prompts"]
    assert (found["version_number"], found["variables"]) == (1, ["name"])
    assert call("list_prompts", after="support/greeting") == {"prompts": []}
    assert call("get_prompt", name="support/greeting")["prompt"] == "Hello {{name}}!"
    filled = call("get_prompt", name="support/greeting", label="staging", arguments={"name": "Ada"})
    assert (filled["prompt"], filled["version_number"], filled["variables"]) == ("Hey Ada!", 2, [])
    assert call("get_prompt", name="support/greeting", version_number=2)["prompt"] == "Hey {{name}}!"
    said = call("get_prompt", name="sales/chat", arguments={"what": "tea"})["prompt"]
    assert said == [{"role": "system", "content": "You sell tea."}]

    assert "lacks a value for name" in call("get_prompt", name="support/greeting", arguments={})
    assert "none" in call("get_prompt", name="none")
    assert "has a NUL" in call("list_prompts", query="\0")  # which would find all prompts
    for tool, named in (("list_prompts", {}), ("get_prompt", {"name": "support/greeting"})):
        assert "is not 1 to 36 of the characters" in call(tool, label="Not one", **named)
    assert "version 9" in call("get_prompt", name="support/greeting", version_number=9)
    assert "not both" in call("get_prompt", name="support/greeting", version_number=1, label="staging")
    assert "no argument 'nmae'" in call("get_prompt", nmae="support/greeting")
    assert ask(client, "tools/call", name="delete_prompt")["code"] == -32602


def test_clients_of_2025_shake_hands_and_get_no_session(client: FlaskClient) -> None:
    params = {"capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    for asked, agreed in (("2025-06-18", "2025-06-18"), ("2025-03-26", "2025-03-26"), ("1999-01-01", "2025-11-25")):
        message = {
            "jsonrpc": "2.0",
            "id": 0,
            "method": "initialize",
            "params": {"protocolVersion": asked, **params},
        }
        answer = post(client, message)
        assert answer.status_code == 200
        assert answer.json["result"]["protocolVersion"] == agreed
        assert answer.json["result"]["capabilities"] == {"prompts": {}, "tools": {}}
        assert "Mcp-Session-Id" not in answer.headers
    told = post(client, {"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert (told.status_code, told.data) == (202, b"")
    assert ask(client, "ping") == {}
    assert ask(client, "resources/list")["code"] == -32601
    # Arrays of messages are of 2025-03-26 alone, whose clients send no version.
    ping = {"jsonrpc": "2.0", "id": 5, "method": "ping"}
    both = post(client, [ping, {"jsonrpc": "2.0", "method": "notifications/x"}, {"jsonrpc": "2.0", "id": 6}])
    assert [(one["id"], one.get("result")) for one in both.json] == [(5, {}), (6, None)]
    assert post(client, [{"jsonrpc": "2.0", "method": "notifications/x"}]).status_code == 202
    assert post(client, [ping], MCP_Protocol_Version="2025-06-18").json["error"]["code"] == -32600
    assert post(client, []).status_code == post(client, [ping] * 51).status_code == 400
    for method in ("GET", "DELETE"):
        assert client.open("/mcp", method=method).status_code == 405


def test_clients_of_2026_name_their_revision_each_time(client: FlaskClient) -> None:
    publish(client, "Grüße", "Hallo {{wer}}")
    found = ask_modern(client, "server/discover").json["result"]
    assert found["supportedVersions"] == [MODERN, "2025-11-25", "2025-06-18", "2025-03-26"]
    assert (found["resultType"], found["cacheScope"], found["ttlMs"] > 0) == ("complete", "private", True)
    listed = ask_modern(client, "prompts/list").json["result"]
    assert (listed["resultType"], listed["cacheScope"], listed["ttlMs"]) == ("complete", "private", 10_000)
    sent = {"MCP-Protocol-Version": MODERN, "Mcp-Method": "prompts/get", "Mcp-Name": "=?base64?R3LDvMOfZQ==?="}
    told = ask_modern(client, "prompts/get", sent, name="Grüße", arguments={"wer": "Ada"}).json["result"]
    assert text_of(told) == [("user", "Hallo Ada")]
    assert told["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "promptgit"
    assert "ttlMs" not in told

    for headers in (
        {},
        {"MCP-Protocol-Version": "2025-11-25", "Mcp-Method": "prompts/list"},
        {"MCP-Protocol-Version": MODERN},
        {"MCP-Protocol-Version": MODERN, "Mcp-Method": "prompts/get"},
    ):
        refused = ask_modern(client, "prompts/list", headers)
        assert (refused.status_code, refused.json["error"]["code"]) == (400, -32020)
    for name in ("", "Gr", "=?base64?R3I=?=", "=?base64?!?="):
        refused = ask_modern(client, "prompts/get", {**sent, "Mcp-Name": name}, name="Grüße")
        assert (refused.status_code, refused.json["error"]["code"]) == (400, -32020)
    for method in ("ping", "initialize", "resources/list"):
        refused = ask_modern(client, method)
        assert (refused.status_code, refused.json["error"]["code"], refused.json["id"]) == (404, -32601, "a")


NO_MESSAGES: list[tuple[bytes, dict[str, str], int, int | None]] = [
    (b"", {}, 400, -32700),
    (b"{", {}, 400, -32700),
    (b'{"id": NaN}', {}, 400, -32700),
    (b"\xff", {}, 400, -32700),
    (b"[" * 100_000, {}, 400, -32700),
    (b"7", {}, 400, -32600),
    (b"{}", {}, 400, -32600),
    (b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}', {}, 400, -32600),
    (b'{"jsonrpc": "2.0", "id": null, "method": "ping"}', {}, 400, -32600),
    (b'{"jsonrpc": "2.0", "id": true, "method": "ping"}', {}, 400, -32600),
    (b'{"jsonrpc": "2.0", "id": 1.5, "method": "ping"}', {}, 400, -32600),
    (b'{"jsonrpc": "2.0", "id": 1, "method": 7}', {}, 400, -32600),
    (b'{"jsonrpc": "2.0", "id": 1, "result": {}}', {}, 400, -32600),
    (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}', {}, 400, -32602),
    (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"_meta": []}}', {}, 200, None),
    (b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}', {"MCP_Protocol_Version": "1900-01-01"}, 400, -32022),
    (b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}', {"MCP_Protocol_Version": MODERN}, 400, -32602),
    (b'{"jsonrpc": "2.0", "id": 1, "method": "\\ud800"}', {}, 200, -32601),
    (b"{}", {"Accept": "text/event-stream"}, 406, None),
    (b"{}", {"Content_Type": "text/plain"}, 415, None),
    (b"{}", {"Content_Encoding": "gzip"}, 415, None),
    (b'"' + b"a" * 10_000_000 + b'"', {}, 413, None),
    (b"{}", {"Origin": "https://evil.example"}, 403, None),
    (b"{}", {"Host": "evil.example"}, 421, None),
]


def test_what_is_no_message_is_refused_and_told_why(client: FlaskClient) -> None:
    for body, headers, status, code in NO_MESSAGES:
        answer = post(client, body, **headers)
        assert answer.status_code == status, (body[:100], answer.data)
        if code is not None:
            assert answer.json["error"]["code"] == code
            assert answer.json["error"]["message"].isprintable()
        elif status != 200:
            assert answer.content_type == "application/problem+json"


def test_unknown_revisions_are_told_which_there_are(client: FlaskClient) -> None:
    meta = {**META, "io.modelcontextprotocol/protocolVersion": "1900-01-01"}
    message = {"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {"_meta": meta}}
    refused = post(client, message, MCP_Protocol_Version="1900-01-01")
    assert (refused.status_code, refused.json["error"]["code"]) == (400, -32022)
    assert refused.json["error"]["data"]["supported"][0] == MODERN
    del meta["io.modelcontextprotocol/clientCapabilities"]
    meta["io.modelcontextprotocol/protocolVersion"] = MODERN
    refused = post(client, message, MCP_Protocol_Version=MODERN, Mcp_Method="server/discover")
    assert (refused.status_code, refused.json["error"]["code"]) == (400, -32602)


def test_a_token_that_may_read_is_enough(app: Flask, client: FlaskClient) -> None:
    publish(client, "a", "Hi")
    _, secret = Tokens(app.extensions["promptgit.store"].folder).create("reader", Scope.READ)
    message = {"jsonrpc": "2.0", "id": 1, "method": "prompts/get", "params": {"name": "a"}}
    refused = post(client, message)
    assert (refused.status_code, "Bearer" in refused.headers["WWW-Authenticate"]) == (401, True)
    answer = post(client, message, Authorization=f"Bearer {secret}")
    assert text_of(answer.json["result"]) == [("user", "Hi")]
