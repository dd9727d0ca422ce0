"""Moves of labels, as they are shown before they are made."""

from __future__ import annotations

import click

from promptgit.cli.output import plain
from promptgit.client.synchronous import Client


def shown(client: Client, prompt: str, name: str, before: int | None, after: int | None) -> str:
    """One move: the prompt's name, from which version to which, and the lines that this adds and takes away."""
    ends = " -> ".join("nowhere" if end is None else f"v{end}" for end in (before, after))
    return f"{plain(name)}  {ends}{_size(client, prompt, before, after)}"


def _size(client: Client, prompt: str, before: int | None, after: int | None) -> str:
    if before is None or after is None:
        return ""
    diff = client.diff(prompt, before, after)
    added, removed = (
        click.style(f"{sign}{count}", fg=color)
        for sign, count, color in (("+", diff.additions, "green"), ("-", diff.deletions, "red"))
    )
    return f"  {added} {removed}"
