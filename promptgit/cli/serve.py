"""`promptgit serve`."""

from __future__ import annotations

import logging
import socket
from typing import Any

import click

from promptgit.cli.base import Refusal, data_option, main, open_store
from promptgit.domain import hosts
from promptgit.errors import UnusableTokens
from promptgit.settings import Settings

log = logging.getLogger(__name__)


@main.command()
@data_option
@click.option("--host", help="The address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="The port to listen on; 0 takes a free one.  [default: 8000]")
@click.option("--workers", type=int, help="Processes.  [default: 2; with --upstream 1]")
@click.option(
    "--threads",
    type=int,
    help="Threads of each process that read; twice as many write, with --upstream eight times.  [default: 8]",
)
@click.option("--uds", metavar="PATH", help="Listen on this Unix socket, not on an address.")
@click.option("--tls-certificate", metavar="FILE", help="Serve HTTPS: the certificate, with those above it, in PEM.")
@click.option("--tls-key", metavar="FILE", help="The certificate's key, in PEM.")
@click.option("--url-prefix", metavar="/PATH", help="Where a proxy in front shows the service, if not at its root.")
@click.option(
    "--upstream",
    metavar="URL",
    help="A git host's repository, whose main all nodes share. A password in it belongs into PROMPTGIT_UPSTREAM.",
)
@click.option(
    "--deliver-hooks/--no-deliver-hooks", default=None, help="With --upstream: be the one node that delivers webhooks."
)
def serve(**flags: Any) -> None:
    """Serve the HTTP API."""
    from promptgit import logs
    from promptgit.serving import memory

    settings = Settings.from_environment(**flags)
    _expect_sign_ins(settings)
    with memory.shared():
        if not settings.uds:
            _expect_guarded(settings)
            _expect_free(settings)
        logs.configure(settings.log_level)
        store = open_store(settings)
        store.settle()
        for warning in store.warnings() + store.write_warnings() + store.rule_warnings():
            log.warning(warning)
        store.close()
        from promptgit.serving.master import Server  # gunicorn and Flask: slow to import, and only needed here

        server = Server(settings, lambda url: _announce(settings, url))
    server.run()


def _announce(settings: Settings, url: str) -> None:
    click.echo(f"promptgit serves {url} from {settings.data} {_audience(settings)}", nl=True)


def _audience(settings: Settings) -> str:
    from promptgit.auth.tokens import tokens_of

    if settings.auth == "off":
        return "to everybody: PROMPTGIT_AUTH is off"
    tokens = tokens_of(settings)
    try:
        tokens.expect_usable()
    except UnusableTokens as error:
        return f"to nobody: {error}"
    if settings.provider_name:
        return f"to those who sign in with {settings.provider_name}, or have a token"
    if settings.user_header:
        return f"to those whom a trusted proxy names in {settings.user_header}, or who have a token"
    if tokens.are_made():
        return "to those who have a token"
    return "to this machine alone: no token was made yet"


def _expect_sign_ins(settings: Settings) -> None:
    """Refuse files of roles and secrets that cannot be understood, before each worker would."""
    if settings.oidc_issuer:
        from promptgit.auth.roles import Roles

        Roles.load(settings.oidc_roles)
        _ = settings.oidc_secret
    if settings.user_header:
        from promptgit.auth.vouching import Vouching

        Vouching(settings)


def _expect_guarded(settings: Settings) -> None:
    """Refuse to serve others than this machine before anybody has made a token."""
    from promptgit.auth.tokens import tokens_of

    is_open = settings.auth == "on" and not settings.has_accounts
    if is_open and not tokens_of(settings).are_made() and not _is_loopback(settings.host):
        raise Refusal(
            f"On {settings.host} everybody who reaches this machine could read and write: make a token first "
            f"('promptgit token create NAME --scope write --data {settings.data}'), or set PROMPTGIT_AUTH=off."
        )


def _is_loopback(host: str) -> bool:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return True  # it cannot be listened on, which is told next
    return host != "" and all(hosts.is_loopback(str(address[0])) for *_, address in found)


def _expect_free(settings: Settings) -> None:
    """Refuse an address that cannot be had, before anything else is done."""
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise Refusal(f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}.") from error
