"""How answers are printed: for people, in colours on a terminal, and as JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import click

from promptgit.client.release_values import AskedCheck, Check
from promptgit.client.values import Usage
from promptgit.domain.usage import summary

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, as the API has it.")


def _set_color(context: click.Context, _: click.Parameter, value: str) -> None:
    """Have click print in colours or not; with `auto` as NO_COLOR and the terminal decide."""
    context.color = {"always": True, "never": False}.get(value, context.color)


color_option = click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    help="Colours: on a terminal without NO_COLOR (auto), always or never.",
    callback=_set_color,
    expose_value=False,
    is_eager=True,
)


def colored() -> bool:
    """True if colours are printed."""
    chosen = click.get_current_context().color
    return sys.stdout.isatty() if chosen is None else chosen


def paged(chunks: Iterable[str]) -> None:
    """Print a long text; on a terminal through $PAGER, as git does."""
    if sys.stdout.isatty():
        os.environ.setdefault("LESS", "FRX")  # no pager for what fits on the screen, as git has it
        click.echo_via_pager(_without_last_newline(chunks), color=colored())  # the pager adds one
    else:
        for chunk in chunks:
            click.echo(chunk, nl=False)


def _without_last_newline(chunks: Iterable[str]) -> Iterator[str]:
    held = ""
    for chunk in chunks:
        yield held
        held = chunk
    yield held.removesuffix("\n")


def print_json(value: Any) -> None:
    """One JSON value."""
    click.echo(json.dumps(value, ensure_ascii=not _is_unicode(), indent=2))


def print_answer(value: Any, *lines: str, as_json: bool) -> None:
    """Print what a command found or did: as JSON its *value*, for people *lines*."""
    if as_json:
        print_json(value)
    else:
        for line in lines:
            click.echo(line)


def tell_reads(what: str, reads: Iterable[Usage]) -> None:
    """Say, before *what* is taken away, that somebody still reads it."""
    if (told := summary(reads, datetime.now(UTC))) is not None:
        click.echo(plain(f"Programs still ask for {what}: {told}."), err=True)


def json_array(values: Iterable[Any]) -> Iterator[str]:
    """A JSON array in chunks, each as soon as its value is there."""
    before, ascii_only = "[", not _is_unicode()
    for value in values:
        yield f"{before}\n  {json.dumps(value, ensure_ascii=ascii_only)}"
        before = ","
    yield "\n]\n" if before == "," else "[]\n"


def _is_unicode() -> bool:
    """True if the output's encoding has every character; else JSON is printed with escapes."""
    return (sys.stdout.encoding or "").lower().replace("_", "-").startswith("utf")


def plain(text: str) -> str:
    """*text* with control characters escaped, which a terminal obeys: anybody can write them into a description."""
    return "".join(c if c in "\n\t" or c.isprintable() else ascii(c)[1:-1] for c in text)


_STATE_COLORS = {"success": "green", "failure": "red", "pending": "yellow"}


def check_line(check: Check | AskedCheck) -> str:
    """A check with its state in colour, and its summary and address."""
    told = "".join(f"  {plain(text)}" for text in (check.summary, check.url) if text)
    return f"{check.check}: {click.style(check.state or 'not reported', fg=_STATE_COLORS.get(check.state or ''))}{told}"


def date(time: datetime) -> str:
    """A time as git prints it."""
    return time.strftime("%a %b %-d %H:%M:%S %Y %z")
