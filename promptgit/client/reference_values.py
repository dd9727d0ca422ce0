"""Which prompts refer to which, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass

from promptgit.client.json_value import Value


@dataclass(frozen=True, slots=True)
class Use(Value):
    """A prompt that another one refers to, by `label` or by number, in its versions `used_in`.

    `prompt_id` and `version_number` are None where the reference leads nowhere now.
    """

    prompt_id: str | None
    name: str
    version_number: int | None
    used_in: tuple[int, ...]
    label: str | None = None


@dataclass(frozen=True, slots=True)
class UsedBy(Value):
    """A version of another prompt that refers to a prompt, by `label` or by number, and so to its `used_version`."""

    prompt_id: str
    name: str
    version_number: int
    used_version: int | None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class References(Value):
    """What a prompt uses, and where it is used: in newest and labelled versions."""

    uses: tuple[Use, ...]
    used_by: tuple[UsedBy, ...]
