"""Uses a client that openapi-python-client has made, against the service at the address in the second argument.

The first argument is the folder that holds the package `made`.
"""

from __future__ import annotations

import importlib
import sys

sys.path.insert(0, sys.argv[1])
made = importlib.import_module("made")
models = importlib.import_module("made.models")
create = importlib.import_module("made.api.prompts.prompts_create")
show = importlib.import_module("made.api.prompts.prompts_show")

client = made.Client(base_url=sys.argv[2], raise_on_unexpected_status=True)
new = models.NewPrompt(name="made/by-a-generator", content="Hello")

created = create.sync(client=client, body=new)
assert (type(created), created.content) == (models.PromptWithContent, "Hello"), created

taken = create.sync(client=client, body=new)
assert type(taken) is models.NameTaken, taken
assert (taken.code, taken.prompt_id) == ("name_taken", created.id), taken

invalid = create.sync(client=client, body=models.NewPrompt(name="a:b", content="Hello"))
assert type(invalid) is models.InvalidName, invalid
assert list(invalid.errors.additional_properties) == ["name"], invalid

missing = show.sync(client=client, prompt_id="no-uuid")
assert type(missing) is models.PromptNotFound, missing
