"""Reads files as Prompty does: an array of [path, variables] from the input, as objects to the output."""

import json
import sys

import prompty

answers = []
for path, inputs in json.load(sys.stdin):
    agent = prompty.load(path)
    messages = prompty.prepare(agent, inputs)
    answers.append(
        {
            "model": agent.model.id if agent.model else None,
            "options": agent.model.options.save() if agent.model and agent.model.options else {},
            "inputs": [
                {"name": one.name, "kind": one.kind, "description": one.description, "default": one.default}
                for one in agent.inputs or []
            ],
            "metadata": {key: value for key, value in (agent.metadata or {}).items() if not key.startswith("__")},
            "messages": [{"role": one.role, "text": one.text} for one in messages],
        }
    )
json.dump(answers, sys.stdout)
