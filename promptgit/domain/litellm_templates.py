"""A prompt in the form that LiteLLM takes: messages with `{name}` for variables, a model, parameters. Pure functions.

LiteLLM (1.110: `GenericPromptManager`) replaces, for each variable that a program gives, first `{name}` and then
`{{name}}` in the text of each message. It knows no escapes for braces, and adds the program's own messages at the end.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

from promptgit.domain.front_matter import Message, Placeholder, PromptFile
from promptgit.domain.header_yaml import Json
from promptgit.domain.variables import VARIABLE
from promptgit.errors import Untranslatable

_TAKEN = re.compile(r"\{([^\W\d]\w*)\}")  # what LiteLLM takes for a variable, if it has this name

TEXT_ROLE = "system"
"""Who says a prompt that is a text: as in LiteLLM's own integration of Langfuse."""

# LiteLLM's proxy (1.108) takes any parameter from a prompt, also those that it refuses from its clients: with an
# `api_base` of the prompt it sends the request, and the key of the model, to that address.
PARAMETERS = frozenset(
    (
        *("temperature", "top_p", "top_k", "min_p", "n", "stop", "seed", "max_tokens", "max_completion_tokens"),
        *("presence_penalty", "frequency_penalty", "repetition_penalty", "logit_bias", "logprobs", "top_logprobs"),
        *("response_format", "tools", "tool_choice", "parallel_tool_calls", "functions", "function_call"),
        *("reasoning_effort", "thinking", "verbosity", "modalities", "audio", "prediction", "web_search_options"),
    )
)
"""The keys of a config that are parameters of a request."""


class Template(NamedTuple):
    """What LiteLLM makes a request of; no *model*: that of the call."""

    messages: list[dict[str, str]]
    model: str | None
    parameters: dict[str, Json]


def template_of(file: PromptFile) -> Template:
    """What a prompt's file says, for LiteLLM.

    Raises:
        Untranslatable: LiteLLM would send something else than the prompt says.
    """
    said = _messages(file)
    variables = {name for message in said for name in VARIABLE.findall(message.content)}
    messages = [{"role": message.role, "content": _content(message.content, variables)} for message in said]
    config = file.config if isinstance(file.config, dict) else {}
    model = config.get("model")
    parameters = {key: value for key, value in config.items() if key in PARAMETERS}
    return Template(messages, model if isinstance(model, str) else None, parameters)


def _messages(file: PromptFile) -> list[Message]:
    if isinstance(file.prompt, str):
        return [Message(TEXT_ROLE, file.prompt)]
    said = list(file.prompt)
    if said and isinstance(said[-1], Placeholder):
        said.pop()  # LiteLLM adds the program's messages in this very place
    messages = [message for message in said if isinstance(message, Message)]
    if len(messages) < len(said):
        raise Untranslatable(
            "its messages have a placeholder that is not the last of them, and LiteLLM adds messages at the end alone; "
            "move the placeholder there"
        )
    return messages


def _content(text: str, variables: set[str]) -> str:
    """*text* with `{name}` for each variable; the braces of everything else stay as they are."""
    content = VARIABLE.sub(r"{\g<name>}", text)
    meant, found = Counter(VARIABLE.findall(text)), Counter(_TAKEN.findall(content))
    for name in variables:
        # A variable between more braces, as in {{{name}}}, counts once in both.
        if found[name] > meant[name]:
            raise Untranslatable(
                f"it has the variable {{{{{name}}}}}, and the text {{{name}}}, which LiteLLM would fill in as well; "
                f"write {{ {name} }} in the text, or rename the variable"
            )
    return content
