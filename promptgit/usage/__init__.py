"""Usage: which credential reads which version of which prompt, by which label, and when."""
