"""`promptgit people`: who has signed in with an account."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from promptgit.cli.base import data_option, expect_owner, main
from promptgit.cli.output import json_option, plain, print_json
from promptgit.settings import Settings

if TYPE_CHECKING:
    from promptgit.auth.people import People


@main.group()
def people() -> None:
    """List people who have signed in with an account, and end their sessions.

    With an upstream, each node knows those who have signed in there.
    """


@people.command("list")
@json_option
@data_option
def list_(as_json: bool, data: Path | None) -> None:
    """List everybody who has signed in: id, scope, last use, number of open sessions, name, address and rights."""
    found = _people(data).all()
    if as_json:
        print_json([account.as_json(sessions) for account, sessions in found])
        return
    for account, sessions in found:
        grant = account.grant
        more = [f"may move {', '.join(grant.may_move)}"] if grant.may_move else []
        more += [] if grant.prefixes is None else [f"writes below {', '.join(grant.prefixes)}"]
        more += [f"may check {', '.join(grant.may_check)}"] if grant.may_check else []
        said = f"  ({'; '.join(more)})" if more else ""
        seen = f"{datetime.fromtimestamp(account.last_seen, UTC):%Y-%m-%dT%H:%M:%SZ}"
        line = f"{account.id}  {account.scope.word:5}  {seen}  {sessions:3}  {account.name} <{account.email}>{said}"
        click.echo(plain(line))


@people.command()
@click.argument("person")
@data_option
def end(person: str, data: Path | None) -> None:
    """End all sessions and own tokens of PERSON, an id or an address; what they have approved does not count any more.

    Who still has a role at the OpenID provider can sign in again.
    """
    from promptgit.auth.personal import end_all
    from promptgit.auth.tokens import tokens_of

    tokens = tokens_of(Settings.from_environment(data=data))
    account, sessions, ended = end_all(person, _people(data), tokens)
    told = f"{account.name} <{account.email}> is signed out everywhere; sessions ended: {sessions}, tokens: {ended}."
    click.echo(plain(told))


def _people(data: Path | None) -> People:
    from promptgit.auth.people import People

    settings = Settings.from_environment(data=data)
    repository = settings.data / "prompts.git"
    if repository.exists():
        expect_owner(repository)
    return People(settings.data)
