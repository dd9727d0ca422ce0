"""Faults of disks, processes and files, tried on real servers.

The parts:

* what writes and remembers: `writers` (clients that make every kind of write), `load` (many of them), `mixed_load`,
  `python_clients` (people with the Python client), `known` (what they were told), `checker` (stock git and hashlib, no
  line of promptgit);
* what goes wrong: `disks` (file systems that lose power), `tracing` (errors of chosen system calls), `cutting`
  (connections that break), `damage` (files that changed), `clocks`, `administrators` (git beside the service),
  `hostile_texts`, `hostile_injections`, `hostile_contents` (what people send who mean harm; `hostile_places`: where);
* for many machines: `node_cluster` (nodes, their host, and what happens to them), `node_clients` (which write to the
  same prompts, and keep `records`), `node_checker`;
* for the order of operations: `line` (what history makes of every prompt, place by place), `line_checker`, `broken`
  (builds that break a promise), `model` and `modelled` (what a service should hold after any writes).

Each case has three sizes: `make test` runs the short form, `make faults` the long one (minutes for each), `make
campaigns` the full one (hours), whose figures docs/trust.md quotes. A case tells its figures by pytest's
`record_property`; they are printed at the end of a run.
"""

from __future__ import annotations

import os

ROUNDS = int(os.environ.get("PROMPTGIT_TEST_ROUNDS", "1"))
"""How often a case is repeated: 1 is the short form, 5 the long one, 100 the full one."""

LONG = ROUNDS > 1
"""True in the long and the full form, which may take minutes."""

FULL = ROUNDS >= 100
"""True in the full form, which may take an hour."""


def attempts(short: int, long: int, full: int) -> int:
    """How many attempts a case makes in the form of this run."""
    return full if FULL else long if LONG else short
