"""`prompts.git`: its objects, packs, refs and history, and the `git` command."""
