"""A Git host's `main` as the shared truth of any number of nodes, each a data folder with its processes."""
