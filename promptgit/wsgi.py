"""`app`, for any WSGI server: gunicorn promptgit.wsgi:app.

It may be loaded before a fork: nothing is open, and no thread runs.
"""

from promptgit import logs
from promptgit.app import create_app, start_chores
from promptgit.jobs.chores import AtFirstRequest
from promptgit.service.stores import store_of
from promptgit.settings import Settings

settings = Settings.from_environment()
if settings.user_header:
    raise ValueError(
        "PROMPTGIT_USER_HEADER takes 'promptgit serve', or an ASGI server with promptgit.serving.asgi:app: a WSGI "
        "server does not tell whether a header came with '_' for '-'."
    )
logs.configure(settings.log_level)
app = create_app(settings)
store_of(settings).settle()
# Threads do not go through a fork, and which processes are to serve is known once they do.
app.wsgi_app = AtFirstRequest(app.wsgi_app, lambda: start_chores(settings, app))  # type: ignore[method-assign]
