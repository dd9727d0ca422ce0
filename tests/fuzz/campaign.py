"""One run of schemathesis."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support import environment

FOLDER = Path(__file__).parent
_ROOT = FOLDER.parents[1]


def attack(url: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run every check and every phase against the service at *url*; *folder* takes what schemathesis leaves behind."""
    command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(FOLDER / "schemathesis.toml")]
    return subprocess.run(
        [*command, "run", f"{url}/openapi.json", "--checks", "all", *options],
        cwd=folder,
        env=environment(PYTHONPATH=str(_ROOT)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
