"""Write the reference of all commands from the commands themselves: `python -m tests.command_reference FILE`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from promptgit.cli import main

_HEAD = """# Each command and option

Made by `make reference` from what the commands say of themselves (`promptgit COMMAND --help`).
[The command line](command-line.md) shows how they are used.
"""


def reference() -> str:
    """The page."""
    return _HEAD + "".join(f"\n{section}" for section in _sections(main, click.Context(main, info_name="promptgit")))


def _sections(command: click.Command, context: click.Context) -> Iterator[str]:
    if context.parent is not None:
        yield _section(command, context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _sections(inner, click.Context(inner, info_name=name, parent=context))


def _section(command: click.Command, context: click.Context) -> str:
    arguments = [f" {one.make_metavar(context)}" for one in command.params if isinstance(one, click.Argument)]
    lines = [f"## {context.command_path}{''.join(arguments)}", "", inspect.cleandoc(command.help or ""), ""]
    options = [one for one in command.params if isinstance(one, click.Option)]
    if options:
        lines += ["| option | |", "| --- | --- |", *map(_row, options), ""]
    return "\n".join(lines)


def _row(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    value = "" if option.is_flag else f" {_value(option)}"
    return f"| {names}{value} | {option.help or ''} |".replace("  ", " ")


def _value(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        return "\\|".join(map(str, option.type.choices))
    return option.metavar or option.type.name.upper()


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference())
