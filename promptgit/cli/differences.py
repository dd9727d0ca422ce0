"""Differences on a terminal: lines in git's colours, and words by git itself."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from promptgit.cli.base import Refusal
from promptgit.cli.output import plain

_HUNK = "@@ "


def lines(diff: str) -> Iterator[str]:
    """A diff for a terminal, a line at a time, in colours."""
    inside = False
    for line in diff.split("\n")[:-1]:
        inside = inside or line.startswith(_HUNK)
        yield _colored(plain(line), inside) + "\n"


def _colored(line: str, inside: bool) -> str:
    if not inside:
        return click.style(line, bold=True)
    if line.startswith(_HUNK):
        place, mark, rest = line[len(_HUNK) :].partition(" @@")
        return click.style(f"{_HUNK}{place}{mark}", fg="cyan") + rest
    color = {"+": "green", "-": "red"}.get(line[:1])
    return click.style(line, fg=color) if color else line


def words(diff: str, old: bytes, new: bytes, *, color: bool) -> str:
    """The words that changed, by `git diff --word-diff` of the two contents, below the header of *diff*."""
    head = diff.partition(f"\n{_HUNK}")[0]
    if not diff:
        return ""
    with tempfile.TemporaryDirectory(prefix="promptgit-") as folder:
        for name, content in (("old", old), ("new", new)):
            Path(folder, name).write_bytes(content)
        command = [
            "git",
            "diff",
            "--no-index",
            "--no-ext-diff",
            "--word-diff",
            f"--color={'always' if color else 'never'}",
        ]
        try:
            done = subprocess.run([*command, "--", "old", "new"], cwd=folder, capture_output=True, check=False)
        except FileNotFoundError:
            raise Refusal("--word-diff needs the command git, which is not installed.") from None
    if done.returncode > 1:
        raise Refusal(f"git diff failed: {done.stderr.decode(errors='replace').strip()}")
    body = done.stdout.decode(errors="replace").split("\n")
    first = next((at for at, line in enumerate(body) if _HUNK in line), len(body))
    return ("".join(lines(head + "\n")) if color else head + "\n") + "\n".join(body[first:])
