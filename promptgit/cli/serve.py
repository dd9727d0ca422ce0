"""`promptgit serve`."""

from __future__ import annotations

import socket
from typing import Any

import click

from promptgit.cli.base import data_option, main, open_store
from promptgit.settings import Settings


@main.command()
@data_option
@click.option("--host", help="The address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="The port to listen on; 0 takes a free one.  [default: 8000]")
@click.option("--workers", type=int, help="Processes.  [default: 2]")
@click.option("--threads", type=int, help="Threads of each process.  [default: 8]")
def serve(**flags: Any) -> None:
    """Serve the HTTP API."""
    settings = Settings.from_environment(**flags)
    _expect_free(settings)
    open_store(settings).close()
    from promptgit import server  # gunicorn and Flask: slow to import, and only needed here

    server.share_memory()
    server.Server(settings).run()


def _expect_free(settings: Settings) -> None:
    """Refuse an address that cannot be had, before anything else is done."""
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise click.ClickException(
            f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}."
        ) from error
