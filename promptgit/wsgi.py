"""`app`, for any WSGI server: gunicorn promptgit.wsgi:app.

It may be loaded before a fork: nothing is open, and no thread runs.
"""

from promptgit import logs
from promptgit.app import create_app, start_chores
from promptgit.jobs.chores import AtFirstRequest
from promptgit.settings import Settings
from promptgit.store.store import Store

settings = Settings.from_environment()
logs.configure(settings.log_level)
app = create_app(settings)
Store(settings.data, lock_timeout=settings.lock_timeout).settle()
# Threads do not go through a fork, and which processes are to serve is known once they do.
app.wsgi_app = AtFirstRequest(app.wsgi_app, lambda: start_chores(settings))  # type: ignore[method-assign]
