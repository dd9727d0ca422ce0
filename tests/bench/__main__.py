"""Run the benchmark: `python -m tests.bench [--quick] [--only SUBSTRING] [--peer NAME=URL] [--soak MINUTES]`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench import (
    machine,
    operations_bulk,
    operations_growth,
    operations_histories,
    operations_index,
    operations_mixed,
    operations_pages,
    operations_past,
    operations_reads,
    operations_start,
    operations_upstream,
    operations_writes,
    report,
    soak,
)
from tests.bench.connection import Failed
from tests.bench.lab import Lab
from tests.bench.load import Load
from tests.bench.peer import peer
from tests.bench.peers import KINDS

_MODULES = (
    operations_writes,
    operations_reads,
    operations_mixed,
    operations_histories,
    operations_past,
    operations_pages,
    operations_growth,
    operations_bulk,
    operations_start,
    operations_upstream,
    operations_index,  # last: it adds to a history that others read
)


def main() -> None:
    """Measure, print the table, write the JSON; an error ends it without a table."""
    arguments = _arguments()
    for folder in (arguments.folder, arguments.json.parent):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-", dir=arguments.folder) as folder, Load() as load:
            about = machine.describe(Path(folder))
            lab = Lab(Path(folder), load, arguments.quick, arguments.big, arguments.peer)
            if arguments.soak:
                memory = soak.run(lab, arguments.soak)
            else:
                for one in lab.peers:
                    one.fresh()  # is it there, and does it understand?
                rows = list(_rows(lab, arguments.only))
    except (Failed, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"bench: stopped, no figures: {error}")
    text = f"Measured with {', '.join(f'{key} {value}' for key, value in about.items())}."
    if arguments.soak:
        print(f"{memory.sentence}\n\n{text}")
        _write(arguments.json, {"machine": about, "soak": memory.json()})
        sys.exit(memory.grew)
    if not rows:
        sys.exit(f"bench: no operation has {arguments.only!r} in its name")
    print("\n".join([report.HEAD, *(row.markdown() for row in rows), "", report.foot(rows), "", text]))
    _write(arguments.json, {"machine": about, "quick": arguments.quick, "rows": [row.json() for row in rows]})


def _write(file: Path, figures: dict[str, object]) -> None:
    file.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _rows(lab: Lab, only: str) -> Iterator[report.Row]:
    for module in _MODULES:
        for operation in module.operations(lab):
            if only not in operation.name:
                continue
            start = time.monotonic()
            yield from operation.run(lab, operation.name)
            print(f"{operation.name}: measured in {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure promptgit beside its floor.")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, and of the histories' lengths")
    parser.add_argument("--big", action="store_true", help="a history of 1,000,000 versions too")
    parser.add_argument("--only", default="", metavar="SUBSTRING", help="only operations with this in their name")
    parser.add_argument(
        "--peer",
        type=peer,
        action="append",
        default=[],
        metavar="NAME[=URL]",
        help=f"a running server to measure on the same work, of {', '.join(KINDS)}; again for more; prompts stay in it",
    )
    parser.add_argument(
        "--soak", type=int, metavar="MINUTES", help="instead: mixed load, and whether the server's memory grows"
    )
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"), metavar="FILE", help="[%(default)s]")
    parser.add_argument(
        "--folder", type=Path, default=Path("build"), help="where the data lies, on a real disk [%(default)s]"
    )
    arguments = parser.parse_args()
    if len({one.name for one in arguments.peer}) < len(arguments.peer):
        parser.error("--peer: each kind of peer once")
    if arguments.soak is not None and arguments.soak < soak.FEWEST:
        parser.error(f"--soak: {soak.FEWEST} minutes at least")
    return arguments


if __name__ == "__main__":
    main()
