"""`app`, for WSGI servers that are started in this folder: gunicorn wsgi:app."""

from promptgit.wsgi import app as app
