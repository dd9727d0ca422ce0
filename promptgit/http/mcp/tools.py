"""The methods `tools/list` and `tools/call`: prompts for clients that know only tools."""

from __future__ import annotations

import json

from promptgit.domain.front_matter import PromptFile
from promptgit.domain.messages import prompt_of
from promptgit.domain.models import Prompt, Version
from promptgit.domain.usage import Served
from promptgit.errors import PromptgitError
from promptgit.http.api.context import count_reads
from promptgit.http.api.problems import status_of
from promptgit.http.mcp.prompts import (
    Prompts,
    bounded,
    description_of,
    filled,
    label_in,
    needed,
    take,
    texts_in,
    variables_of,
)
from promptgit.http.mcp.protocol import INVALID_PARAMS, Json, Refused

_PAGE = 100  # prompts
_LABEL = {"type": "string", "description": "A label, such as staging; latest is the newest version of all prompts"}
_TOOLS: list[Json] = [
    {
        "name": "list_prompts",
        "title": "List prompts",
        "description": "Lists prompts by name, with the variables that each takes.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "prefix": {"type": "string", "description": "Only names that begin so, such as support/"},
                "query": {
                    "type": "string",
                    "description": "Only prompts with this text in their name or newest content",
                },
                "label": _LABEL,
                "after": {"type": "string", "description": "The next page: only names after this one"},
            },
            "additionalProperties": False,
        },
    },
    {
        "name": "get_prompt",
        "title": "Get a prompt",
        "description": "Gets the text, or the messages, of a prompt; with arguments, its variables are filled in.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "description": "The name, such as support/greeting"},
                "label": _LABEL,
                "version_number": {"type": "integer", "minimum": 1, "description": "One version, in place of a label"},
                "arguments": {
                    "type": "object",
                    "additionalProperties": {"type": "string"},
                    "description": "A value for each variable",
                },
            },
            "required": ["name"],
            "additionalProperties": False,
        },
    },
]
_READ_ONLY = {"readOnlyHint": True, "openWorldHint": False}


class Tools:
    """The tools, on the prompts of an address."""

    def __init__(self, prompts: Prompts) -> None:
        self._prompts = prompts
        self._calls = {"list_prompts": self._list, "get_prompt": self._get}

    def all(self, _: Json) -> Json:
        """The result of `tools/list`."""
        return {"tools": [{**tool, "annotations": _READ_ONLY} for tool in _TOOLS]}

    def call(self, params: Json) -> Json:
        """The result of `tools/call`; what a model can mend is an error within the result, which the model sees."""
        name = needed(params, "name")
        if name not in self._calls:
            raise Refused(INVALID_PARAMS, f"There is no tool {name!r}: there are {' and '.join(self._calls)}.")
        try:
            arguments = take(params, "arguments", dict) or {}
            _expect_known(name, arguments)
            found = self._calls[name](arguments)
        except (PromptgitError, Refused) as error:
            if isinstance(error, PromptgitError) and status_of(type(error)) >= 500:
                raise
            return {"content": [{"type": "text", "text": str(error)}], "isError": True}
        text = json.dumps(found, ensure_ascii=False)
        return {"content": [{"type": "text", "text": text}], "structuredContent": found, "isError": False}

    def _list(self, arguments: Json) -> Json:
        prefix, query, after = (take(arguments, key, str) for key in ("prefix", "query", "after"))
        label = label_in(arguments) or self._prompts.label
        found = self._prompts.service.list(prefix=prefix, q=query, after=after, label=label, limit=_PAGE + 1)
        shown, last = bounded(
            found, _PAGE, lambda prompt: _described(prompt, prompt.newest, self._prompts.listed(prompt))
        )
        return {"prompts": shown} | ({} if last is None else {"after": last})

    def _get(self, arguments: Json) -> Json:
        name, label = needed(arguments, "name"), label_in(arguments)
        number = take(arguments, "version_number", int)
        if number is not None and label is not None:
            raise Refused(INVALID_PARAMS, "Give a label or a version_number, not both.")

        def look() -> tuple[Prompt, Version]:
            if number is None:
                return self._prompts.find(name, label or self._prompts.label)
            prompt = self._prompts.service.named(name)
            return prompt, self._prompts.service.version(prompt.id, number)

        found, file = self._prompts.read(look)
        if arguments.get("arguments") is not None:
            file = filled(found.prompt.name, file, texts_in(arguments, "arguments"))
        asked = "" if number is not None else label or self._prompts.label
        count_reads(Served(found.prompt.id, found.version.number, asked))
        described = _described(found.prompt, found.version, file)
        return {"prompt_id": found.prompt.id, **described, "prompt": prompt_of(file)}


def _described(prompt: Prompt, version: Version, file: PromptFile) -> Json:
    variables = variables_of(file)
    declared = [one.json() for one in variables.values() if one is not None]
    return {
        "name": prompt.name,
        "version_number": version.number,
        "description": description_of(file, version),
        "variables": list(variables),
        **({"inputs": declared} if declared else {}),
    }


def _expect_known(tool: str, arguments: Json) -> None:
    known = next(one for one in _TOOLS if one["name"] == tool)["inputSchema"]["properties"]
    unknown = [key for key in arguments if key not in known]
    if unknown:
        raise Refused(INVALID_PARAMS, f"There is no argument {unknown[0]!r}: there are {', '.join(known)}.")
