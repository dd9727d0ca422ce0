"""`app`, for any WSGI server: gunicorn wsgi:app."""

from promptgit.app import create_app
from promptgit.settings import Settings

app = create_app(Settings.from_environment())
