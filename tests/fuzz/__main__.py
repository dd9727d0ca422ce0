"""A long campaign against a service of its own: `python -m tests.fuzz [examples of each operation]`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.fuzz.campaign import attack
from tests.support import Server


def main(examples: str = "500") -> int:
    """Print what was found; the exit code is schemathesis's, 0 for nothing."""
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder) / "data") as server:
        done = attack(server, Path(folder), "--max-examples", examples)
    print(done.stdout)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
