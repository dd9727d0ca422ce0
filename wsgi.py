"""`app`, for any WSGI server: gunicorn wsgi:app."""

from promptgit import logs, mirror
from promptgit.app import create_app
from promptgit.settings import Settings

settings = Settings.from_environment()
logs.configure(settings.log_level)
app = create_app(settings)
mirror.start(settings)
