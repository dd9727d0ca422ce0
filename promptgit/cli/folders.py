"""The commands between a server and a folder of files: pull and push."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click

from promptgit.cli.attribution import Attribution, attributed
from promptgit.cli.base import Refusal, main
from promptgit.cli.output import json_option, plain, print_answer
from promptgit.cli.reading import content_of
from promptgit.cli.target import connected, format_option
from promptgit.cli.tree import Pulled, PulledState, Tree
from promptgit.cli.writing import allow_empty_option, text_of
from promptgit.client.changes import Change
from promptgit.client.commit_values import Committed
from promptgit.client.synchronous import Client
from promptgit.errors import ChangesRefused, PromptgitError, PromptNotFound

_MOST = 1_000  # changes that one commit takes
_MOST_BYTES = 6 << 20  # of JSON: a request takes 7 MiB, unless PROMPTGIT_MAX_CONTENT_BYTES is set


class Outcome(NamedTuple):
    """What happened, or is to happen, to one prompt."""

    what: str
    name: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.what + ':':<10} {plain(self.name)}{' (' + plain(self.why) + ')' if self.why else ''}"


@main.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR")
@click.option("--label", help="The versions that this label points at; `latest`: the newest ones again.")
@click.option("--prefix", help="Only names that start so.")
@click.option("--force", is_flag=True, help="Overwrite what was changed here.")
@format_option
@json_option
@connected
def pull(
    client: Client,
    folder: Path,
    label: str | None,
    prefix: str | None,
    force: bool,
    format_: str | None,
    as_json: bool,
) -> None:
    """Write prompts as files into a folder.

    The prompt support/greeting becomes DIR/support/greeting.md. Again, it brings DIR up to date, with the same --label
    and --prefix unless others are given: files of prompts that are gone are removed. A file that was changed here is
    left alone, and the exit code is 1. With --format the files are dotprompt's (.prompt) or Prompty's (.prompty), now
    and later; they cannot be pushed.
    """
    tree = Tree(folder)
    state = tree.state
    _expect_source(state, client)
    if format_ is not None and state.prompts and format_ != state.format:
        raise Refusal(f"This folder has {state.format or 'prompt'} files, which stay so. Use another folder.")
    state.format = format_ or state.format
    state.source = client.url
    state.label = state.label if label is None else label
    state.prefix = state.prefix if prefix is None else prefix
    try:
        outcomes = list(_pull(client, tree, force=force))
    finally:
        tree.save()
    _print(outcomes, as_json)
    if any(one.what in ("kept", "skipped") for one in outcomes):
        sys.exit(1)


def _pull(client: Client, tree: Tree, *, force: bool) -> Iterator[Outcome]:
    state, seen = tree.state, set[str]()
    for prompt in client.list(prefix=state.prefix or None, label=state.label or None, content=True):
        seen.add(prompt.name)
        try:
            here = tree.read(prompt.name)
            known = state.prompts.get(prompt.name)
            if state.format and known and known.version == prompt.version_number and known.is_of(here or b""):
                continue  # spares a request
            content = content_of(client, prompt, state.format or None)
            if here not in (None, content) and not (force or (known and known.is_of(here or b""))):
                yield Outcome("kept", prompt.name, "changed here; push it, or pull --force")
                continue
            if here != content:
                tree.write(prompt.name, content)
                yield Outcome("new" if here is None else "updated", prompt.name, f"version {prompt.version_number}")
        except (Refusal, OSError) as error:
            yield Outcome("skipped", prompt.name, str(error))
            continue
        state.prompts[prompt.name] = Pulled.of(prompt.version_number, content)
    for name in sorted(name for name in state.prompts.keys() - seen if name.startswith(state.prefix)):
        here = tree.read(name)
        if here is not None and not (force or state.prompts[name].is_of(here)):
            yield Outcome("kept", name, "gone there, but changed here; save it under another name, or pull --force")
            continue
        if here is not None:
            tree.remove(name)
            yield Outcome("removed", name)
        del state.prompts[name]


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("-n", "--dry-run", is_flag=True, help="Only show what would be done.")
@allow_empty_option
@json_option
@attributed
@connected
def push(
    client: Client, folder: Path, yes: bool, dry_run: bool, allow_empty: bool, as_json: bool, attribution: Attribution
) -> None:
    """Save a folder's changed files as versions.

    Each file that was changed since `pull` becomes a version, and each new file a prompt. They are one commit; more
    than 1,000 files are several. The command shows what it will do before it does it. It writes nothing if one of these
    prompts has a newer version than the one that was pulled.
    Prompts whose files were removed stay: `promptgit rm` deletes them. An empty file needs --allow-empty.
    """
    tree = Tree(folder)
    _expect_source(tree.state, client)
    if tree.state.format:
        raise Refusal(f"This folder has {tree.state.format} files; they are not pushed. `import --git` takes them.")
    tree.state.source = client.url
    plan = list(_plan(client, tree, allow_empty=allow_empty))
    refused = [one for one in plan if one.what == "refused"]
    if refused:
        _print(refused, as_json)
        raise Refusal("Nothing was pushed. Pull, merge, and push again.")
    if dry_run or not plan or not as_json:
        _print(plan, as_json)
    if not plan and not as_json:
        click.echo("Nothing to push: the server has what is in this folder.", err=True)
    commits = list(_commits(_changes(tree, plan)))
    if len(commits) > 1:
        click.echo(
            f"That is more than one commit takes: there will be {len(commits):,}, one after the other.", err=True
        )
    if dry_run or not plan:
        return
    if not (yes or sys.stdin.isatty()):
        raise Refusal("Nothing was pushed: add --yes, for there is nobody to ask.")
    if not (yes or click.confirm("Push?", err=True)):
        raise Refusal("Nothing was pushed.")
    _print(list(_push(client, tree, commits, attribution)), as_json)


def _plan(client: Client, tree: Tree, *, allow_empty: bool) -> Iterator[Outcome]:
    """What a push would do; a file that the server has already is recorded as pulled."""
    for name in tree.names():
        here = tree.read(name)
        known = tree.state.prompts.get(name)
        if here is None or (known and known.is_of(here)):
            continue
        if not (here or allow_empty):
            yield Outcome("refused", name, "is empty here; give --allow-empty if it is to be")
            continue
        text_of(here, str(tree.path(name)))
        try:
            there = client.get(name)
        except PromptNotFound:
            yield Outcome("refused", name, "is gone there") if known else Outcome("new", name)
            continue
        except PromptgitError as error:
            yield Outcome("refused", name, str(error))
            continue
        if content_of(client, there) == here:
            tree.state.prompts[name] = Pulled.of(there.version_number, here)
            tree.save()
        elif known is None:
            yield Outcome("refused", name, f"exists there, at version {there.version_number}, and was not pulled")
        elif known.version != there.version_number:
            yield Outcome(
                "refused", name, f"is at version {there.version_number} there; version {known.version} was pulled"
            )
        else:
            yield Outcome("changed", name, f"on top of version {known.version}")


def _changes(tree: Tree, plan: list[Outcome]) -> Iterator[Change]:
    """What is sent for each file; each is to be what it was when it was pulled, or not to be there."""
    for one in plan:
        content, known = tree.read(one.name), tree.state.prompts.get(one.name)
        if content is None:
            raise Refusal(f"The file of {one.name!r} is gone.")
        text = text_of(content, str(tree.path(one.name)))
        yield {"name": one.name, "content": text, "if_match": known.version if known else 0}


def _commits(changes: Iterable[Change]) -> Iterator[list[Change]]:
    """As many changes at once as one request takes."""
    batch: list[Change] = []
    size = 0
    for change in changes:
        length = len(json.dumps(change, ensure_ascii=False).encode())
        if batch and (len(batch) == _MOST or size + length > _MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(change)
        size += length
    if batch:
        yield batch


def _push(client: Client, tree: Tree, commits: list[list[Change]], attribution: Attribution) -> Iterator[Outcome]:
    if len(commits) > 1:
        for changes in commits:  # so that what can be refused is refused before the first of them
            _commit(client, changes, dry_run=True)
    for changes in commits:
        made = _commit(client, changes, **attribution)
        for change, result in zip(changes, made.results, strict=True):
            tree.state.prompts[result.name] = Pulled.of(result.version_number, change["content"].encode())
            yield Outcome("pushed", result.name, f"version {result.version_number}")
        tree.save()


def _commit(client: Client, changes: list[Change], **options: Any) -> Committed:
    try:
        return client.commit(changes, **options)
    except ChangesRefused as error:
        for at, refusal in error.refusals.items():
            click.echo(str(Outcome("refused", changes[at]["name"], str(refusal))), err=True)
        raise Refusal(f"None of these {len(changes):,} files was pushed. Pull, merge, and push again.") from error


def _expect_source(state: PulledState, client: Client) -> None:
    if state.source not in ("", client.url):
        raise Refusal(f"This folder was pulled from {state.source}, not from {client.url}. Use another folder.")


def _print(outcomes: list[Outcome], as_json: bool) -> None:
    print_answer([one._asdict() for one in outcomes], *map(str, outcomes), as_json=as_json)
