"""What somebody does with LiteLLM; run by the Python that has it: use.py HOST EXAMPLES.

The model is a stand-in that tells what it was asked; LiteLLM and Langfuse's SDK are the real ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HOST, EXAMPLES = sys.argv[1], Path(sys.argv[2])
ASKED: list[dict[str, Any]] = []


class Model(BaseHTTPRequestHandler):
    """A model behind OpenAI's API, which answers everything with `Hello.`."""

    def do_POST(self) -> None:  # http.server's name
        ASKED.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        message = {"role": "assistant", "content": "Hello."}
        answer = {
            "id": "1",
            "object": "chat.completion",
            "created": 1,
            "model": ASKED[-1]["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


model = ThreadingHTTPServer(("127.0.0.1", 0), Model)
threading.Thread(target=model.serve_forever, daemon=True).start()
os.environ |= {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # a list of prices, which LiteLLM else fetches from the network
    "LANGFUSE_HOST": HOST,
    "LANGFUSE_PUBLIC_KEY": "any",
    "LANGFUSE_SECRET_KEY": "token",
    "PROMPTGIT_URL": HOST,
    "PROMPTGIT_TOKEN": "none",
    "OPENAI_BASE_URL": f"http://127.0.0.1:{model.server_port}/v1",
    "OPENAI_API_KEY": "none",
}

import litellm  # noqa: E402  # it reads the environment
from litellm.integrations.generic_prompt_management import GenericPromptManager  # noqa: E402

MINE = [{"role": "user", "content": "Hi"}]


def publish(name: str, prompt: Any, *labels: str, **config: Any) -> None:
    """Save a version of a prompt, with its labels."""
    kind = "text" if isinstance(prompt, str) else "chat"
    body = {"name": name, "type": kind, "prompt": prompt, "labels": labels, "config": config}
    request = urllib.request.Request(
        f"{HOST}/api/public/v2/prompts", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request).close()


def sent(prompt_id: str, *, model: str = "openai/gpt-5", messages: Any = MINE, **fields: Any) -> dict[str, Any]:
    """What the model is asked when somebody asks LiteLLM."""
    litellm.completion(model=model, prompt_id=prompt_id, messages=messages, **fields)
    return ASKED[-1]


def said(prompt_id: str, **fields: Any) -> str:
    """The first message that the model gets."""
    messages = sent(prompt_id, **fields)["messages"]
    assert messages[1:] == MINE, messages
    return str(messages[0]["content"])


def refused(prompt_id: str, **fields: Any) -> str:
    """What LiteLLM says when it gets no prompt; the model is not asked."""
    count = len(ASKED)
    try:
        sent(prompt_id, **fields)
    except Exception as error:
        assert len(ASKED) == count
        return str(error)
    raise AssertionError(f"this was not refused: {ASKED[-1]}")


def manager(**configured: Any) -> None:
    """Let LiteLLM ask promptgit, with these parameters of the query."""
    litellm.callbacks = [
        GenericPromptManager(api_base=HOST, api_key="token", additional_provider_specific_query_params=configured)
    ]


# The examples of the page, one for each way.
publish("support/greeting", "You greet {{name}}.", "production")
with contextlib.redirect_stdout(io.StringIO()) as printed:
    exec(compile(EXAMPLES.read_text(), EXAMPLES, "exec"), {"__name__": "__main__"})
assert printed.getvalue() == "Hello.\n", printed.getvalue()
assert len(ASKED) == 2
for asked in ASKED:
    assert asked["messages"] == [{"role": "system", "content": "You greet Ada."}, *MINE], asked

# Braces: variables are filled in, and everything else arrives as it is.
BRACES = 'Hi {{ name }}! {"a": {"b": {{n}}}, "c": []} {} {{}} {{#if x}} {x} {{{name}}} {{a.b}} { n } é'
publish("braces", BRACES, "production")
manager()
assert said("braces", prompt_variables={"name": "Ada", "n": 1}) == (
    'Hi Ada! {"a": {"b": 1}, "c": []} {} {{}} {{#if x}} {x} {Ada} {{a.b}} { n } é'
)
publish("both", "{{n}} {n}", "production")
assert "409" in refused("both", prompt_variables={"n": 1})

# Versions: by nothing, number and label, in the id or in the parameters that are configured.
publish("odd@name é/b&c", "1 {{n}}", "production")
publish("odd@name é/b&c", "2 {{n}}", "staging")
publish("odd@name é/b&c", "3 {{n}}")
for revision, number in (("", 3), ("latest", 3), ("1", 1), ("production", 1), ("staging", 2)):
    assert said(f"odd@name é/b&c@{revision}", prompt_variables={"n": "x"}) == f"{number} x"
for configured, number in (({"label": "staging"}, 2), ({"version": 1}, 1)):
    manager(**configured)
    assert said("odd@name é/b&c@", prompt_variables={"n": "x"}) == f"{number} x"
    assert said("odd@name é/b&c@3", prompt_variables={"n": "x"}) == "3 x"
manager()
for missing in ("nothing", "braces@9", "braces@none"):
    assert "404" in refused(missing)

# A chat with a model.
CHAT = [
    {"role": "system", "content": "Be {{how}}."},
    {"role": "assistant", "content": "{{greeting}}"},
    {"type": "placeholder", "name": "history"},
]
publish("chat", CHAT, "production", model="openai/gpt-4o", temperature=0.2)
filled = {"how": "brief", "greeting": "Yes?"}
asked = sent("chat", prompt_variables=filled)
told = [{"role": "system", "content": "Be brief."}, {"role": "assistant", "content": "Yes?"}]
assert (asked["model"], asked["messages"]) == ("gpt-4o", told + MINE), asked
publish("middle", [CHAT[2], CHAT[0]], "production")
assert "409" in refused("middle")

# LiteLLM's own integration of Langfuse, with another host.
litellm.callbacks = []
LANGFUSE = "langfuse/openai/gpt-5"
assert said("support/greeting", model=LANGFUSE, prompt_variables={"name": "Ada"}) == "You greet Ada."
publish("support/greeting", "Greet {{name}}, {n}.", "staging")
for which in ({"prompt_label": "staging"}, {"prompt_version": 2}):
    assert said("support/greeting", model=LANGFUSE, prompt_variables={"name": "Ada"}, **which) == "Greet Ada, {n}."
asked = sent("chat", model=LANGFUSE, prompt_variables=filled | {"history": [{"role": "user", "content": "So"}]})
assert (asked["model"], asked["messages"]) == ("gpt-4o", [*told, {"role": "user", "content": "So"}, *MINE]), asked
assert "'support/greeting' has no version 9" in refused("support/greeting", model=LANGFUSE, prompt_version=9)
asyncio.run(litellm.acompletion(LANGFUSE, prompt_id="chat", messages=MINE, prompt_variables=filled))
assert ASKED[-1]["messages"][:2] == told, ASKED[-1]

print("litellm works")
