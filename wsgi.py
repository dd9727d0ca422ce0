"""`app`, for any WSGI server: gunicorn wsgi:app."""

from promptgit import logs
from promptgit.app import create_app, start_chores
from promptgit.settings import Settings
from promptgit.store.store import Store

settings = Settings.from_environment()
logs.configure(settings.log_level)
app = create_app(settings)
Store(settings.data, lock_timeout=settings.lock_timeout).settle()
start_chores(settings)
