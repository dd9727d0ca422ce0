"""Attacks on a running service with requests made up from its OpenAPI document."""
