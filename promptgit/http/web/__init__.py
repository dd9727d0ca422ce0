"""The web pages: see the history, compare, edit, revert."""
