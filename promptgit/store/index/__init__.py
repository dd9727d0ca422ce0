"""`index.sqlite3`: what is derived from the repository's history, and how it is kept up to `main`."""
