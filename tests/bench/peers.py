"""Peers: other services that keep versions of prompts, and how each is asked for the same work.

None of them is needed: a peer is a server that runs already, and is measured where its URL is given.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote, urlencode

from promptgit.domain.names import id_of

PAGE = 50


@dataclass(frozen=True, slots=True)
class Call:
    """One request: what is asked, without the server that is asked."""

    method: str
    path: str
    body: object = None


class Api(Protocol):
    """How a service is asked. Every call but those that create is answered with 200 and a Content-Length."""

    def create(self, prompt: str, content: str) -> list[Call]:
        """Make a prompt that has one version."""

    def save(self, prompt: str, content: str) -> Call:
        """Make the next version of a prompt that is there."""

    def read(self, prompt: str, version: str) -> Call:
        """One version with its content, by the key that a list gave it."""

    def newest(self, prompt: str) -> Call:
        """The newest version with its content."""

    def page(self, prompt: str) -> Call:
        """The newest PAGE versions."""

    def everything(self, prompt: str, mark: str) -> Call:
        """All versions, or as many as one answer holds, from where *mark* says; the first mark is empty."""

    def listed(self, answer: bytes) -> tuple[list[str], str]:
        """The keys of the versions in a list, and the mark of what follows them: empty if nothing does."""


class Promptgit:
    """Another server of promptgit: an older one, or one with other settings."""

    def create(self, prompt: str, content: str) -> list[Call]:
        return [Call("POST", "/api/prompts", {"name": prompt, "content": content})]

    def save(self, prompt: str, content: str) -> Call:
        return Call("PUT", self._path(prompt), {"content": content})

    def read(self, prompt: str, version: str) -> Call:
        return Call("GET", f"{self._path(prompt)}/versions/{version}")

    def newest(self, prompt: str) -> Call:
        return Call("GET", self._path(prompt))

    def page(self, prompt: str) -> Call:
        return Call("GET", f"{self._path(prompt)}/versions?limit={PAGE}&order=desc")

    def everything(self, prompt: str, mark: str) -> Call:
        return Call("GET", f"{self._path(prompt)}/versions")

    def listed(self, answer: bytes) -> tuple[list[str], str]:
        return [str(version["version_number"]) for version in json.loads(answer)], ""

    @staticmethod
    def _path(prompt: str) -> str:
        return f"/api/prompts/{id_of(prompt)}"


class Phoenix:
    """Arize Phoenix, without authentication. Its lists hold the contents too.

    This follows its published REST API, and has not been run against a server of it.
    """

    def create(self, prompt: str, content: str) -> list[Call]:
        return [self.save(prompt, content)]  # a name that is new makes a prompt

    def save(self, prompt: str, content: str) -> Call:
        version = {
            "model_provider": "OPENAI",
            "model_name": "gpt-4o",
            "template": {"type": "chat", "messages": [{"role": "user", "content": content}]},
            "template_type": "CHAT",
            "template_format": "MUSTACHE",
            "invocation_parameters": {"type": "openai", "openai": {}},
        }
        return Call("POST", "/v1/prompts", {"prompt": {"name": prompt}, "version": version})

    def read(self, prompt: str, version: str) -> Call:
        return Call("GET", f"/v1/prompt_versions/{quote(version, safe='')}")

    def newest(self, prompt: str) -> Call:
        return Call("GET", f"/v1/prompts/{prompt}/latest")

    def page(self, prompt: str) -> Call:
        return Call("GET", f"/v1/prompts/{prompt}/versions?limit={PAGE}")

    def everything(self, prompt: str, mark: str) -> Call:
        query = {"limit": 1_000} | ({"cursor": mark} if mark else {})
        return Call("GET", f"/v1/prompts/{prompt}/versions?{urlencode(query)}")

    def listed(self, answer: bytes) -> tuple[list[str], str]:
        found = json.loads(answer)
        return [version["id"] for version in found["data"]], found.get("next_cursor") or ""


class MLflow:
    """MLflow, whose prompts are registered models that carry a tag, and their texts another. Its lists hold both.

    This follows its published REST API, and has not been run against a server of it.
    """

    _API = "/api/2.0/mlflow"
    _PROMPT = {"key": "mlflow.prompt.is_prompt", "value": "true"}

    def create(self, prompt: str, content: str) -> list[Call]:
        model = Call("POST", f"{self._API}/registered-models/create", {"name": prompt, "tags": [self._PROMPT]})
        return [model, self.save(prompt, content)]

    def save(self, prompt: str, content: str) -> Call:
        tags = [self._PROMPT, {"key": "mlflow.prompt.text", "value": content}]
        body = {"name": prompt, "source": "prompt", "tags": tags}  # a source must be there, and means nothing here
        return Call("POST", f"{self._API}/model-versions/create", body)

    def read(self, prompt: str, version: str) -> Call:
        query = urlencode({"name": prompt, "version": version})
        return Call("GET", f"{self._API}/model-versions/get?{query}")

    def newest(self, prompt: str) -> Call:
        return Call("POST", f"{self._API}/registered-models/get-latest-versions", {"name": prompt})

    def page(self, prompt: str) -> Call:
        return self._search(prompt, {"max_results": PAGE})

    def everything(self, prompt: str, mark: str) -> Call:
        return self._search(prompt, {"max_results": 1_000} | ({"page_token": mark} if mark else {}))

    def listed(self, answer: bytes) -> tuple[list[str], str]:
        found = json.loads(answer)
        return [version["version"] for version in found.get("model_versions", [])], found.get("next_page_token") or ""

    def _search(self, prompt: str, more: dict[str, object]) -> Call:
        wanted = f"name = '{prompt}' AND tags.`{self._PROMPT['key']}` = 'true'"  # prompts are left out else
        query = urlencode({"filter": wanted, "order_by": "version_number DESC", **more})
        return Call("GET", f"{self._API}/model-versions/search?{query}")


KINDS: dict[str, tuple[Api, int]] = {  # and the port that each listens on as it comes
    "promptgit": (Promptgit(), 8000),
    "phoenix": (Phoenix(), 6006),
    "mlflow": (MLflow(), 5000),
}
