"""`promptgit token` and `promptgit access-log`: who may use the service, and who was given that."""

from __future__ import annotations

import time
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from promptgit.cli.base import data_option, expect_owner, main
from promptgit.cli.output import json_option, plain, print_json
from promptgit.settings import Settings

if TYPE_CHECKING:
    from promptgit.auth.tokens import Token, Tokens


@main.group()
def token() -> None:
    """Make, list and revoke the tokens that let others use the service.

    A running server obeys at once. As soon as there is a token, everybody needs one.
    """


@token.command()
@click.argument("name")
@click.option("--scope", type=click.Choice(["read", "write", "admin"]), required=True, help="What it allows.")
@click.option("--expires", metavar="TIME", help="After how long it ends, such as 90d, 12h or 30m.  [default: never]")
@click.option("--owner", metavar="WHO", help="Who answers for it, such as ada@example.org.  [default: NAME]")
@click.option("--may-move", metavar="LABEL", multiple=True, help="A protected label that it may move; repeatable.")
@click.option(
    "--write-prefix", metavar="PREFIX", multiple=True, help="Write only below it, such as support/; repeatable."
)
@click.option("--may-check", metavar="CHECK", multiple=True, help="A check named by rules that it may set; repeatable.")
@json_option
@data_option
def create(
    name: str,
    scope: str,
    expires: str | None,
    owner: str | None,
    may_move: tuple[str, ...],
    may_check: tuple[str, ...],
    write_prefix: tuple[str, ...],
    as_json: bool,
    data: Path | None,
) -> None:
    """Make a token named NAME, and print its secret, this once.

    NAME becomes git's committer of what is written with it, and is never given to another token.
    """
    from promptgit.auth.tokens import Scope, lifetime

    tokens = _tokens(data)
    first, lost = not tokens.are_made(), tokens.are_made() and not tokens.file.exists()
    seconds = None if expires is None else lifetime(expires)
    made, secret = tokens.create(
        name,
        Scope.of(scope),
        seconds,
        owner=owner,
        may_move=may_move,
        may_check=may_check,
        write_prefix=write_prefix or None,
    )
    if as_json:
        print_json(made.as_json() | {"token": secret})
    else:
        click.echo(secret)
    click.echo(f"Keep it now: it cannot be shown again. {made.name!r} may {scope}, {_until(made)}.", err=True)
    click.echo("Send it as 'Authorization: Bearer <token>'; git asks for it as the password, with any user.", err=True)
    if first:
        click.echo("This is the first token: from now on everybody needs one.", err=True)
    if lost:
        click.echo("tokens.json was missing: the tokens that were made before do not work any more.", err=True)


@token.command("list")
@json_option
@data_option
def list_(as_json: bool, data: Path | None) -> None:
    """List every token that was ever made: its id, state, scope, time of expiry, name, owner and rights."""
    found, now = _tokens(data).all(), time.time()
    if as_json:
        print_json([one.as_json() for one in found])
        return
    for one in found:
        more = [f"of {one.owner}"] if one.owner != one.name else []
        more += [f"may move {', '.join(one.may_move)}"] if one.may_move else []
        more += [] if one.prefixes is None else [f"writes below {', '.join(one.prefixes)}"]
        more += [f"may check {', '.join(one.may_check)}"] if one.may_check else []
        said = f"  ({'; '.join(more)})" if more else ""
        click.echo(f"{one.id}  {one.state(now):7}  {one.scope.word:5}  {_until(one):26}  {one.name}{said}")


@token.command()
@click.argument("name")
@data_option
def revoke(name: str, data: Path | None) -> None:
    """End the token NAME (or that of an id), at once."""
    ended = _tokens(data).revoke(name)
    click.echo(f"The token {ended.name!r} ({ended.id}) works no more.")


@main.command("access-log")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="The newest N entries alone.")
@json_option
@data_option
def access_log(limit: int | None, as_json: bool, data: Path | None) -> None:
    """List who made and revoked tokens, signed in and out, and overrode gates; the newest entry comes last.

    With an upstream, each node lists what was done on that node alone.
    """
    found = deque(_tokens(data).log.entries(), maxlen=limit)
    if as_json:
        print_json([entry.as_json() for entry in found])
        return
    for entry in found:
        by = entry.by.get("token") or entry.by.get("person") or f"local user {entry.by.get('local')}"
        told = {key: ",".join(value) if isinstance(value, list) else value for key, value in entry.what.items()}
        what = "  ".join(f"{key}={value}" for key, value in told.items() if value)
        click.echo(plain(f"{entry.time}  {entry.action}  by {by}  {what}").rstrip())


def _tokens(data: Path | None) -> Tokens:
    from promptgit.auth.tokens import tokens_of

    settings = Settings.from_environment(data=data)
    repository = settings.data / "prompts.git"
    if repository.exists():
        expect_owner(repository)
    return tokens_of(settings)


def _until(token: Token) -> str:
    if token.expires is None:
        return "for ever"
    return f"until {datetime.fromtimestamp(token.expires, UTC):%Y-%m-%dT%H:%M:%SZ}"
