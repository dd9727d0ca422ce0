"""Everything that speaks HTTP: the API, the pages, Langfuse's API, `git clone`, and what is around each request."""
