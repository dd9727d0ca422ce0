"""The floor of a read: one Flask route that returns a string of a prompt's size, and gunicorn's settings for it."""

from __future__ import annotations

import json

from flask import Flask, Response
from gunicorn.arbiter import Arbiter

from tests.bench.samples import text

bind = "127.0.0.1:0"
worker_class = "gthread"
workers = 2
threads = 8
keepalive = 30
loglevel = "warning"
control_socket_disable = True

app = Flask("floor", static_folder=None)
_BODY = json.dumps({"content": text(0)})


def when_ready(arbiter: Arbiter) -> None:
    """Print the URL, as promptgit does."""
    host, port = arbiter.LISTENERS[0].sock.getsockname()[:2]
    print(f"the floor serves http://{host}:{port}", flush=True)


@app.get("/")
def show() -> Response:
    """The same string for everybody."""
    return Response(_BODY, mimetype="application/json")
