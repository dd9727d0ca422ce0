"""Run the benchmark: `python -m tests.bench [--quick] [--only SUBSTRING]`."""

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
    operations_histories,
    operations_index,
    operations_reads,
    operations_start,
    operations_writes,
    report,
)
from tests.bench.connection import Failed
from tests.bench.lab import Lab
from tests.bench.load import Load

_MODULES = (
    operations_writes,
    operations_reads,
    operations_histories,
    operations_bulk,
    operations_start,
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
            lab = Lab(Path(folder), load, arguments.quick, arguments.big)
            rows = list(_rows(lab, arguments.only))
    except (Failed, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"bench: stopped, no figures: {error}")
    if not rows:
        sys.exit(f"bench: no operation has {arguments.only!r} in its name")
    text = ", ".join(f"{key} {value}" for key, value in about.items())
    print("\n".join([report.HEAD, *(row.markdown() for row in rows), "", report.FOOT, "", f"Measured with {text}."]))
    whole = {"machine": about, "quick": arguments.quick, "rows": [row.json() for row in rows]}
    arguments.json.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


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
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"), metavar="FILE", help="[%(default)s]")
    parser.add_argument(
        "--folder", type=Path, default=Path("build"), help="where the data lies, on a real disk [%(default)s]"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
