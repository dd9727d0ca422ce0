"""Git-backed versions for prompts."""
