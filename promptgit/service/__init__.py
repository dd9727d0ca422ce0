"""The use cases: what people do with prompts, and what decides whether they may."""
