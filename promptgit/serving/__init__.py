"""The HTTP server: an ASGI application in front of the WSGI one, time limits for slow clients, gunicorn's settings."""
