"""Work that nobody's request waits for: upkeep, the mirror, webhooks."""
