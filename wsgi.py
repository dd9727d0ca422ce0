"""`app`, for any WSGI server: gunicorn wsgi:app."""

from promptgit import logs
from promptgit.app import create_app, start_chores
from promptgit.settings import Settings

settings = Settings.from_environment()
logs.configure(settings.log_level)
app = create_app(settings)
start_chores(settings)
