"""Faults of disks, processes and files, tried on real servers.

The parts: `load` (clients that record what was acknowledged), `checker` (stock git and hashlib, no line of promptgit),
`disks` (file systems that lose power), `tracing` (errors of chosen system calls), `damage` (files that changed); for
many machines `node_cluster` (nodes, their host, and what happens to them), `node_clients` and `node_checker`.
`make test` runs the short form of each case, `make faults` the long form: more rounds, more file systems.
"""

from __future__ import annotations

import os

ROUNDS = int(os.environ.get("PROMPTGIT_TEST_ROUNDS", "1"))
"""How often a case is repeated; more than one is the long form."""

LONG = ROUNDS > 1
"""True in the long form, which may take minutes."""
