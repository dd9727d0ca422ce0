"""Prompts within prompts, as Langfuse writes them."""

from __future__ import annotations

from flask.testing import FlaskClient

from tests.test_langfuse import PROMPTS, publish


def refer(name: str, which: str = "label=production") -> str:
    return f"@@@langfusePrompt:name={name}|{which}@@@"


def test_prompts_within_prompts_are_put_in(client: FlaskClient) -> None:
    """When they are read, so that a moved label counts at once."""
    tone = publish(client, "tone", "Be kind.", labels=["production"]).json["id"]
    rules = publish(client, "rules", f"Rules: {refer('tone')} \\1", labels=["production"]).json["id"]
    raw = f"{refer('rules', 'version=1')} {refer('tone')} {{{{name}}}} @@@langfusePrompt:name=x@@@"
    made = publish(client, "main", raw, labels=["production"]).json
    assert (made["prompt"], made["resolutionGraph"]) == (raw, None)
    got = client.get(f"{PROMPTS}/main").json
    assert got["prompt"] == "Rules: Be kind. \\1 Be kind. {{name}} @@@langfusePrompt:name=x@@@"
    assert got["resolutionGraph"] == {
        "root": {"name": "main", "version": 1, "id": made["id"]},
        "dependencies": {
            made["id"]: [{"name": "rules", "version": 1, "id": rules}, {"name": "tone", "version": 1, "id": tone}],
            rules: [{"name": "tone", "version": 1, "id": tone}],
        },
    }
    assert client.get(f"{PROMPTS}/main?resolve=false").json == made
    publish(client, "tone", "Be brief.", labels=["production"])
    publish(client, "chat", [{"role": "user", "content": refer("rules")}], type="chat")
    chat = client.get(f"{PROMPTS}/chat?label=latest").json["prompt"]
    assert chat == [{"role": "user", "content": "Rules: Be brief. \\1"}]


def test_references_that_lead_nowhere_are_refused(client: FlaskClient) -> None:
    """Nowhere, in a circle, to a chat, too deep, or to too much; when published, and as 400 when read later."""
    publish(client, "chat", [], type="chat", labels=["production"])
    publish(client, "l0", "x" * 10_000, labels=["production"])
    for level in range(1, 7):
        answer = publish(client, f"l{level}", refer(f"l{level - 1}") * (2 if level < 6 else 1), labels=["production"])
        assert answer.status_code == (201 if level < 6 else 400)
    publish(client, "self", "x")
    for text, said in (
        (refer("none"), "No prompt has the name"),
        (refer("l1", "version=7"), "no version 7"),
        (refer("l1", "version=x"), "no version x"),
        (refer("l1", "label=none"), "no label"),
        (refer("chat"), "a chat"),
        (refer("self", "label=latest"), "circle"),
        (refer("l1") * 300, "characters"),
    ):
        answer = publish(client, "self", text)
        assert (answer.status_code, answer.json["error"]) == (400, "InvalidRequestError")
        assert said in answer.json["message"]
    refused = client.delete(f"{PROMPTS}/l0")
    assert (refused.status_code, "'l1'" in refused.json["message"]) == (400, True)
    l0 = client.get("/api/names/l0").json["id"]
    assert client.delete(f"/api/prompts/{l0}", json={"force": True}).status_code == 204
    assert client.get(f"{PROMPTS}/l1").status_code == 400
