"""Credentials: who somebody is, with a token or an account, and the scope of what they may do."""
