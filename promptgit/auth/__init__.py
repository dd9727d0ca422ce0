"""Tokens: who somebody is, and the scope of what they may do."""
