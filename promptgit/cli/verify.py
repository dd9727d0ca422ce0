"""`promptgit verify`."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from promptgit.cli.base import Refusal, counter, data_option, existing_store, main
from promptgit.settings import Settings

if TYPE_CHECKING:
    from promptgit.store.store import Store

_WRONG = {
    "B": "is not of this commit",
    "U": "is of no allowed signer",
    "E": "cannot be checked",
    "X": "was made after the key's time",
    "Y": "is of a key whose time is over",
    "R": "is of a revoked key",
}


@main.command()
@data_option
@click.option(
    "--allowed-signers",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Whose signatures count; see ssh-keygen(1).  [default: that of PROMPTGIT_SIGNING_KEY]",
)
@click.option("--all", "every", is_flag=True, help="Check every signature, and every object against its id.")
def verify(data: Path | None, allowed_signers: Path | None, every: bool) -> None:
    """Tell which commits a signature covers; exit with 1 if not all, or if a signature is bad."""
    from promptgit.auth.tokens import tokens_of
    from promptgit.exchange import verifier
    from promptgit.store.git import fsck

    if shutil.which("ssh-keygen") is None:
        raise Refusal("ssh-keygen is missing, which checks signatures; install it (openssh-client).")
    store = existing_store(data)
    credentials = [token.identity for token in tokens_of(Settings.from_environment(data=data)).all()]
    with _signers(store, allowed_signers) as file, counter("Reading history") as progress:
        report = verifier.verify(store, file, credentials, every=every, progress=progress)
    damages = fsck.damages(store.repository.git) if every else []
    for line in damages:
        click.echo(f"Damaged: {line}")
    for entry in report.bad:
        click.echo(f"Bad signature: {entry.commit}, whose signature {_WRONG.get(entry.by, 'is missing')}.")
    for entry in report.foreign:
        click.echo(f"Not by promptgit: {entry.commit}, by {entry.by}.")
    if report.newest is not None:
        for entry in report.uncovered:
            click.echo(f"Not covered: {entry.commit}, by {entry.by}.")
        click.echo(f"Signed by {report.newest.by}: {report.newest.commit}, which covers {report.covered:,} commits.")
    else:
        click.echo("No commit has a good signature.")
    click.echo(f"{len(report.uncovered):,} commits are not covered, {len(report.bad):,} signatures are bad.")
    sys.exit(1 if report.uncovered or report.bad or damages else 0)


@contextmanager
def _signers(store: Store, given: Path | None) -> Iterator[Path]:
    """The file of the allowed signers: one with the service's own key, if none was given."""
    if given is not None:
        yield given
    elif store.signer is None:
        raise click.UsageError("Say whose signatures count: give --allowed-signers, or set PROMPTGIT_SIGNING_KEY.")
    else:
        with tempfile.NamedTemporaryFile("w", prefix="promptgit-signers-") as file:
            file.write(f'{store.committer.email} namespaces="git" {store.signer.public_key()}\n')
            file.flush()
            yield Path(file.name)
