"""What somebody does with Langfuse's SDK; run by the Python of one of its releases: use.py HOST."""

from __future__ import annotations

import importlib.metadata
import os
import sys
import time
import urllib.request
from collections.abc import Callable
from functools import partial
from typing import Any

# Only the host is another one.
os.environ |= {
    "LANGFUSE_HOST": sys.argv[1],
    "LANGFUSE_PUBLIC_KEY": "any",
    "LANGFUSE_SECRET_KEY": "token",
    "LANGFUSE_TRACING_ENABLED": "false",
}

import langfuse
from langfuse.api import NotFoundError

NAME = "support/greeting"
EXPIRED = -1  # seconds: what is kept so long is refreshed at once


def refused(call: Callable[[], Any]) -> Exception:
    """The exception that a call raises."""
    try:
        answer = call()
    except Exception as error:
        return error
    raise AssertionError(f"this was not refused: {answer}")


def until(call: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    for _ in range(600):
        if call():
            return
        time.sleep(0.05)
    raise AssertionError("this did not come true")


def move_label(version: int) -> None:
    """Somebody else points production at another version, and this SDK is not told."""
    request = urllib.request.Request(
        f"{sys.argv[1]}/api/public/v2/prompts/support%2Fgreeting/versions/{version}",
        b'{"newLabels": ["production"]}',
        {"Content-Type": "application/json"},
        method="PATCH",
    )
    urllib.request.urlopen(request).close()


client = langfuse.Langfuse()
assert client.auth_check()

# Create, and get by nothing, by version, by label.
config = {"model": "gpt-4o", "temperature": 0.2, "stop": ["no", "1e3"], "big": 10**30, "none": None}
made = client.create_prompt(
    name=NAME, prompt="Hello {{name}}!", labels=["production"], tags=["a"], config=config, commit_message="First"
)
assert (made.version, sorted(made.labels), made.commit_message) == (1, ["latest", "production"], "First")
again = client.create_prompt(
    name=NAME, prompt="Hello {{name}}!", labels=["production"], tags=["a"], config=config, commit_message="First"
)
assert again.version == 1
made = client.create_prompt(name=NAME, prompt="---\ntags: [x]\n---\r\nHi {{name}}", labels=["staging"], type="text")
assert (made.version, made.labels, made.tags, made.config) == (2, ["staging", "latest"], ["a"], {})
got = client.get_prompt(NAME)
assert (got.version, got.prompt, got.config, got.tags) == (1, "Hello {{name}}!", config, ["a"])
assert got.compile(name="Ada") == "Hello Ada!"
assert client.get_prompt(NAME, version=2).prompt == "---\ntags: [x]\n---\r\nHi {{name}}"
assert client.get_prompt(NAME, label="staging").version == 2
assert client.get_prompt(NAME, label="latest").labels == ["staging", "latest"]

# A chat.
messages: list[Any] = [
    {"role": "system", "content": "Be {{how}}.\n"},
    {"type": "placeholder", "name": "history"},
    {"role": "user", "content": '{{role "user"}}'},
]
client.create_prompt(name="chat", type="chat", prompt=messages, labels=["production"])
chat = client.get_prompt("chat", type="chat")
assert chat.compile(how="brief", history=[{"role": "user", "content": "Hi"}]) == [
    {"role": "system", "content": "Be brief.\n"},
    {"role": "user", "content": "Hi"},
    {"role": "user", "content": '{{role "user"}}'},
]
refused(lambda: client.create_prompt(name="chat", prompt="no chat any more"))

# What is cached is refreshed once its time is over.
assert client.get_prompt(NAME, cache_ttl_seconds=EXPIRED).version == 1
client.clear_prompt_cache()
assert client.get_prompt(NAME, cache_ttl_seconds=EXPIRED).version == 1
move_label(2)
until(lambda: client.get_prompt(NAME, cache_ttl_seconds=EXPIRED).version == 2)
client.update_prompt(name=NAME, version=1, new_labels=["production", "blue"])
assert sorted(client.get_prompt(NAME).labels) == ["blue", "production"]
assert "400" in str(refused(lambda: client.update_prompt(name=NAME, version=1, new_labels=["No such Label"])))

# What is not there.
for which in ({"version": 9}, {"label": "none"}):
    assert isinstance(refused(partial(client.get_prompt, NAME, **which, max_retries=0)), NotFoundError)
assert isinstance(refused(lambda: client.get_prompt("nothing", max_retries=0)), NotFoundError)
fallback = client.get_prompt("nothing", fallback="Hello", max_retries=0)
assert (fallback.is_fallback, fallback.prompt) == (True, "Hello")
refused(lambda: client.create_prompt(name="support", prompt="a folder"))
refused(lambda: client.create_prompt(name="a", prompt="x", labels=["Not Allowed"]))

# Lists.
listed = client.api.prompts.list(limit=1, page=2)
assert (listed.data[0].name, listed.meta.total_items, listed.meta.total_pages) == (NAME, 2, 2)
meta = client.api.prompts.list(tag="a").data[0]
assert (meta.name, meta.versions, sorted(meta.labels)) == (NAME, [1, 2], ["blue", "latest", "production", "staging"])
assert client.api.prompts.list(label="blue").data[0].versions == [1]
assert client.api.prompts.list(name="nothing").data == []

# Odd names.
for name in ("a/versions/1", "100% é#%2F", "with space/b&c=d+e"):
    client.create_prompt(name=name, prompt=name, labels=["production"])
    assert client.get_prompt(name).prompt == name
    assert client.update_prompt(name=name, version=1, new_labels=["x"]).name == name

# Delete: single versions stay in git.
assert client.get_prompt("chat", type="chat", cache_ttl_seconds=0).version == 1
if hasattr(client.api.prompts, "delete"):
    refused(lambda: client.api.prompts.delete("chat", version=1))
    client.api.prompts.delete("chat")
    assert isinstance(refused(lambda: client.get_prompt("chat", max_retries=0, cache_ttl_seconds=0)), NotFoundError)

print("langfuse", importlib.metadata.version("langfuse"), "works")
