"""Histories that come in and go out: import, export, conversions, backup, check, verify."""
