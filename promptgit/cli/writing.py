"""The commands that write one prompt: save, edit, revert, rename, rm."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO

import click

from promptgit.cli.attribution import Attribution, attributed, forcible, overridable, writes
from promptgit.cli.base import Refusal, main
from promptgit.cli.output import json_option, plain, print_answer, tell_reads
from promptgit.cli.reading import content_of
from promptgit.cli.target import Name, connected, version_of
from promptgit.client.synchronous import Client
from promptgit.client.values import Prompt
from promptgit.domain import variables
from promptgit.domain.inputs import body_of, mismatch
from promptgit.domain.names import parse_id
from promptgit.domain.variables import braced
from promptgit.errors import PromptDeleted, PromptgitError, PromptNotFound

allow_empty_option = click.option("--allow-empty", is_flag=True, help="Save an empty content, too.")


@main.command()
@click.argument("name", type=Name())
@click.argument("file", type=click.File("rb"), default="-")
@allow_empty_option
@writes
def save(
    client: Client,
    name: str,
    file: BinaryIO,
    allow_empty: bool,
    if_match: int | None,
    as_json: bool,
    attribution: Attribution,
) -> None:
    """Save a file as a prompt's newest version.

    Without FILE, or for -, the standard input. The prompt is created if there is none. The content that it has already
    makes no version. An empty one needs --allow-empty: most often a command before a pipe has failed.
    """
    if file.isatty():
        click.echo("promptgit: reads the content from the terminal; end it with Ctrl-D.", err=True)
    data = file.read()
    expect_content(data, file.name, allow_empty=allow_empty)
    store(client, name, text_of(data, file.name), if_match, attribution, as_json=as_json)


def expect_content(data: bytes, source: str, *, allow_empty: bool) -> None:
    """Refuse an empty content, which is nearly always a mistake.

    Raises:
        Refusal: it is empty, and *allow_empty* is false.
    """
    if not (data or allow_empty):
        raise Refusal(f"{source} is empty, and nothing was saved. Give --allow-empty to save an empty prompt.")


def text_of(data: bytes, source: str) -> str:
    """The text in *data*.

    Raises:
        Refusal: it is not UTF-8.
    """
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Refusal(f"{source} is not UTF-8: byte {error.start + 1} cannot be read.") from None


def store(
    client: Client, name: str, text: str, if_match: int | None, attribution: Attribution, *, as_json: bool
) -> None:
    """Save a text on top of the version *if_match* (0: the prompt is new), and print the result."""
    try:
        before = client.get(name).version_number
    except (PromptNotFound, PromptDeleted):
        before = 0
    if if_match == 0:
        save: Callable[..., Prompt] = client.create
    elif if_match or parse_id(name):
        save = partial(client.save, if_match=if_match)
    else:
        save = client.put
    prompt = save(name, text, **attribution)
    print_saved(prompt, as_json=as_json, changed=prompt.version_number != before)


def print_saved(prompt: Prompt, *, as_json: bool, changed: bool) -> None:
    """Print the version that was made, as `git commit` does; or that none was."""
    line = f"{plain(prompt.name)} has this content already: it stays at version {prompt.version_number}."
    if changed:
        why = plain(prompt.description).partition("\n")[0]
        line = f"[{plain(prompt.name)} {prompt.version_number} {prompt.commit[:7]}] {why}"
    print_answer(prompt.json(), line, as_json=as_json)
    unfit = str(mismatch(variables.names_in(body_of(prompt.content)), prompt.inputs))
    if unfit:
        click.echo(plain(unfit), err=True)


@main.command()
@click.argument("name", type=Name())
@allow_empty_option
@click.option("-y", "--yes", is_flag=True, help="Do not ask whether variables may come and go.")
@json_option
@attributed
@connected
def edit(client: Client, name: str, allow_empty: bool, yes: bool, as_json: bool, attribution: Attribution) -> None:
    """Edit a prompt in $VISUAL or $EDITOR.

    What has changed is saved, as a new prompt if there is none. Where somebody else saved meanwhile nothing is
    overwritten, and your text is kept in a file. Which variables of a prompt the edit adds and drops is told before it
    is saved; on a terminal you are asked.
    """
    try:
        prompt: Prompt | None = client.get(name)
    except PromptNotFound:
        prompt = None
    before = content_of(client, prompt) if prompt else b""
    handle, path = tempfile.mkstemp(prefix="promptgit-", suffix=".md")
    with os.fdopen(handle, "wb") as file:
        file.write(before)
    done = False
    try:
        click.edit(filename=path)
        after = Path(path).read_bytes()
        if after == before:
            click.echo("Nothing changed, and nothing was saved.", err=True)
        else:
            expect_content(after, "The edited text", allow_empty=allow_empty)
            text = text_of(after, path)
            if prompt:
                confirm(variables.change(prompt.content, text), yes=yes)
            if attribution["description"] is None and sys.stdin.isatty():
                attribution["description"] = click.prompt("Message", default="", show_default=False, err=True) or None
            store(client, name, text, prompt.version_number if prompt else 0, attribution, as_json=as_json)
        done = True
    finally:
        if done or Path(path).read_bytes() == before:
            os.unlink(path)
        else:
            click.echo(f"promptgit: your text is kept in {path}", err=True)


def confirm(change: variables.Change, *, yes: bool) -> None:
    """Say which variables a new text adds and drops; on a terminal, and without *yes*, ask whether to go on.

    Raises:
        Refusal: the answer is no.
    """
    said = [f"{word} {braced(names)}" for word, names in (("drops", change.dropped), ("adds", change.added)) if names]
    if not said:
        return
    told = f"Your text {' and '.join(said)}. Programs that fill in this prompt may have to change, too."
    click.echo(plain(told), err=True)
    if sys.stdin.isatty() and not yes and not click.confirm("Save it?", default=True, err=True):
        raise Refusal("Nothing was saved.")


@main.command()
@click.argument("name", type=Name())
@click.argument("version")
@writes
def revert(
    client: Client, name: str, version: str, if_match: int | None, as_json: bool, attribution: Attribution
) -> None:
    """Make an older version the newest.

    VERSION is a number or a label. A deleted prompt comes back.
    """
    try:
        before = client.get(name).version_number
    except PromptgitError:  # if something is wrong, the revert says so
        before = 0
    number = client.revert(name, version_of(client, name, version), if_match=if_match, **attribution)
    print_saved(client.get(name), as_json=as_json, changed=number != before)


@main.command()
@click.argument("name", type=Name())
@click.argument("new")
@writes
@overridable
@forcible
def rename(
    client: Client,
    name: str,
    new: str,
    if_match: int | None,
    override: bool,
    force: bool,
    as_json: bool,
    attribution: Attribution,
) -> None:
    """Give a prompt another name.

    Its id, versions and labels stay.
    """
    prompt = client.rename(name, new, if_match=if_match, override=override, force=force, **attribution)
    print_answer(prompt.json(), f"{plain(name)} -> {plain(prompt.name)}", as_json=as_json)


@main.command()
@click.argument("name", type=Name())
@writes
@overridable
@forcible
def rm(
    client: Client,
    name: str,
    if_match: int | None,
    override: bool,
    force: bool,
    as_json: bool,
    attribution: Attribution,
) -> None:
    """Delete a prompt; revert brings it back.

    Its versions stay readable.
    """
    prompt_id = client.find(name)
    if not as_json:
        tell_reads(name, client.usage(prompt_id))
    client.delete(prompt_id, if_match=if_match, override=override, force=force, **attribution)
    print_answer({"deleted": name, "id": prompt_id}, f"rm {plain(name)}", as_json=as_json)
