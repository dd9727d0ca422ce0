"""Where a text gets in: every place of every face that takes one, as requests to an application in this process."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from urllib.parse import quote

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.pages import fields

PUBLIC, LITELLM = "/api/public/v2/prompts", "/beta/litellm_prompt_management"


def path(text: str) -> str:
    """A text as part of an address; half a character as bytes that are no UTF-8."""
    return quote(text.encode("utf-8", "surrogatepass"))


class Places:
    """Each method sends one text to one face, and gives the answers; *target* is the id of a prompt named `target`."""

    def __init__(self, client: FlaskClient, target: str) -> None:
        self._client = client
        self._target = f"/api/prompts/{target}"
        self._page = f"/prompts/{target}"

    def all(self, text: str) -> Iterator[TestResponse]:
        """The text in every place."""
        for send in (self.writes, self.reads, self.langfuse, self.litellm, self.mcp, self.pages):
            yield from send(text)

    def writes(self, text: str) -> Iterator[TestResponse]:
        """Names, contents, descriptions, authors, labels, checks, releases, tokens and rules, over the API."""
        call, prompt = self._client.open, self._target
        made = call("/api/prompts", method="POST", json={"name": text, "content": text, "description": text})
        yield made
        yield call(f"/api/names/{path(text)}", method="PUT", json={"content": f"{text}2"})
        yield call("/api/prompts", method="POST", json={"id": text, "content": "x"})
        author = {"name": text, "email": text}
        yield call(prompt, method="PUT", json={"content": text, "description": text, "author": author})
        yield call(prompt, method="PUT", json={"content": "x", "author": {"name": "a", "email": text}})
        yield call(prompt, method="PATCH", json={"name": text, "author": {"name": text, "email": ""}})
        yield call(prompt, method="PATCH", json={"name": "target"})
        yield call(f"{prompt}/versions/{path(text)}/revert", method="POST", json={"description": text})
        yield call(f"{prompt}/labels/{path(text)}", method="PUT", json={"version_number": 1, "description": text})
        yield call(f"{prompt}/versions/1/checks/{path(text)}", method="PUT", json={"state": text})
        check = {"state": "success", "summary": text, "url": text}
        yield call(f"{prompt}/versions/1/checks/eval", method="PUT", json=check)
        yield call(f"{prompt}/versions/1/checks/eval", method="PUT", json=check | {"url": f"http://{text}/"})
        changes = [{"name": text, "content": text}, {"name": text, "label": text, "version_number": "new"}]
        yield call("/api/commits", method="POST", json={"changes": changes, "description": text})
        body = {"label": text, "from": text, "prefix": text, "description": text}
        yield call("/api/releases", method="POST", json=body)
        yield call(f"/api/labels/{path(text)}/promote", method="POST", json={"from": text, "prefix": text})
        for token in (
            {"name": text},
            {"owner": text},
            {"expires": text},
            {"write_prefix": [text]},
            {"may_move": [text]},
        ):
            yield call("/api/tokens", method="POST", json={"name": f"of {text}"[:60], "scope": "write"} | token)
        rules = call("/api/rules").headers["ETag"]
        put = call("/api/rules", method="PUT", json={"content": text, "description": text}, headers={"If-Match": rules})
        yield put
        back = put.headers.get("ETag", rules)
        yield call("/api/rules", method="PUT", json={"content": "# none\n"}, headers={"If-Match": back})
        if made.status_code == 201:
            yield call(f"{made.headers['Location']}", method="DELETE", json={"description": text})

    def reads(self, text: str) -> Iterator[TestResponse]:
        """Addresses and queries of the API, and of git."""
        get, sent = self._client.get, path(text)
        for key in ("name", "prefix", "q", "after", "limit", "label", "include", "at"):
            yield get(f"/api/prompts?{key}={sent}")
        yield get(f"/api/prompts?{sent}=1")
        for address in ("names/", "prompts/", "changes?after=", "releases?label=", "releases/", "access-log?after="):
            yield get(f"/api/{address}{sent}")
        for address in ("versions/", "labels/", "versions/1/checks/", "diff?from=1&to=", "versions?before="):
            yield get(f"{self._target}/{address}{sent}")
        if not text.startswith("/"):  # of `//a` the test's client makes the host `a`; `test_hostile_wire` sends it
            yield get(f"/{sent}")
        for address in ("docs/", "static/", "prompts.git/", "prompts.git/info/refs?service="):
            yield get(f"/{address}{sent}")

    def langfuse(self, text: str) -> Iterator[TestResponse]:
        """What SDKs of Langfuse say."""
        body: dict[str, object] = {
            "name": text,
            "prompt": text,
            "labels": [text],
            "tags": [text],
            "commitMessage": text,
        }
        yield self._client.post(PUBLIC, json=body)
        chat = [{"role": text, "content": text}, {"type": "placeholder", "name": text}]
        body = {"name": "target/chat", "type": "chat", "prompt": chat, "config": {text: [text]}, "tags": [text]}
        yield self._client.post(PUBLIC, json=body)
        yield self._client.get(f"{PUBLIC}/target/chat?label=latest")
        yield self._client.post(PUBLIC, json={"name": "target/type", "type": text, "prompt": text})
        yield self._client.get(f"{PUBLIC}/{path(text)}")
        yield self._client.get(f"{PUBLIC}?name={path(text)}&label={path(text)}&tag={path(text)}")
        yield self._client.get(f"{PUBLIC}?page={path(text)}")
        yield self._client.patch(f"{PUBLIC}/{path(text)}/versions/{path(text)}", json={"newLabels": [text]})
        yield self._client.delete(f"{PUBLIC}/{path(text)}")

    def litellm(self, text: str) -> Iterator[TestResponse]:
        """What LiteLLM asks."""
        yield self._client.get(f"{LITELLM}?prompt_id={path(text)}")
        yield self._client.get(f"{LITELLM}?prompt_id=target&label={path(text)}")
        yield self._client.get(f"{LITELLM}?prompt_id=target&version={path(text)}")
        yield self._client.get(f"{LITELLM}?prompt_id=target/chat")

    def mcp(self, text: str) -> Iterator[TestResponse]:
        """Methods, arguments, cursors."""
        cursor = base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode()
        calls: list[tuple[str, dict[str, object]]] = [
            (text, {text: text}),
            ("initialize", {"protocolVersion": text}),
            ("prompts/get", {"name": text}),
            ("prompts/get", {"name": "target", "arguments": {text: text, "a": text}}),
            ("prompts/list", {"cursor": text}),
            ("prompts/list", {"cursor": cursor}),
            ("tools/call", {"name": text}),
            ("tools/call", {"name": "list_prompts", "arguments": dict.fromkeys(("prefix", "query", "after"), text)}),
            ("tools/call", {"name": "list_prompts", "arguments": {"label": text}}),
            ("tools/call", {"name": "get_prompt", "arguments": {"name": text, "arguments": {text: text}}}),
        ]
        for method, params in calls:
            message = {"jsonrpc": "2.0", "id": text, "method": method, "params": params}
            yield self._client.post("/mcp?label=latest", json=message)
        yield self._client.post(f"/mcp?label={path(text)}", json={"jsonrpc": "2.0", "id": 1, "method": "ping"})

    def pages(self, text: str) -> Iterator[TestResponse]:
        """Addresses and forms of the pages."""
        get, sent = self._client.get, path(text)
        for key in ("folder", "q", "label", "author", "tag", "sort", "after", "at"):
            yield get(f"/?{key}={sent}")
        for key in ("folder", "person", "kind", "before"):
            yield get(f"/activity?{key}={sent}")
        for address in (
            "names/",
            "authors/",
            "activity/",
            "releases/",
            "activity.atom?folder=",
            "sign-in?next=",
            "prompts/",
        ):
            yield get(f"/{address}{sent}")
        for key in ("view", "version", "at"):
            yield get(f"{self._page}?{key}={sent}")
        yield get(f"{self._page}/compare?from={sent}&to={sent}&by={sent}")
        yield get(f"{self._page}/labels/{sent}")
        for form, changed in (
            ("/new", {"name": text, "content": text, "description": text}),
            (f"{self._page}/edit", {"content": text, "description": text}),
            (f"{self._page}/rename", {"name": text, "description": text}),
            (f"{self._page}/point", {"label": text, "version_number": text, "description": text}),
            (f"{self._page}/delete", {"name": text, "description": text}),
            ("/releases/new", {"label": text, "from": text, "prefix": text, "description": text}),
        ):
            shown = get(form)
            yield shown
            if shown.status_code == 200 and '<form method="post"' in shown.text:
                typed = {key: value.encode(errors="replace").decode() for key, value in changed.items()}
                yield self._client.post(form, data=fields(shown.text) | typed)
        yield self._client.patch(self._target, json={"name": "target"})


def shown(client: FlaskClient, prompt: str) -> Iterator[TestResponse]:
    """A prompt, its versions and the lists that have it, as every face shows them; *prompt* is its id."""
    for where in (
        "",
        "?resolve=true",
        "/versions",
        "/versions/1",
        "/versions/1/content",
        "/versions/1/blame",
        "/labels",
        "/usage",
    ):
        yield client.get(f"/api/prompts/{prompt}{where}")
    for where in (
        "references",
        "versions/1/content?format=dotprompt",
        "versions/1/content?format=prompty",
        "diff?from=1&to=1",
    ):
        yield client.get(f"/api/prompts/{prompt}/{where}")
    for where in (
        "",
        "?view=text",
        "?view=rendered",
        "?view=messages",
        "/history",
        "/versions/1",
        "/versions/1/blame",
        "/compare",
    ):
        yield client.get(f"/prompts/{prompt}{where}")
    found = client.get(f"/api/prompts/{prompt}")
    name = found.json.get("name", "")
    for where in (
        f"/api/names/{path(name)}",
        f"{PUBLIC}/{path(name)}?label=latest",
        f"{LITELLM}?prompt_id={path(name)}",
    ):
        yield client.get(where)
    for method, params in (("prompts/list", {}), ("prompts/get", {"name": name})):
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        yield client.post("/mcp?label=latest", json=message)
    for where in (
        "/",
        "/?sort=change",
        "/activity",
        "/activity.atom",
        "/deleted",
        "/authors",
        "/api/prompts?include=content",
        PUBLIC,
    ):
        yield client.get(where)
    for where in ("/api/changes", "/api/changes?group=commit", "/readyz", "/metrics"):
        yield client.get(where)
