"""The SDK of Langfuse, unmodified, against a running service: only the host is another one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support import Server, environment

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("major", [3, 4, 5])
def test_the_sdk_works_with_another_host(server: Server, major: int) -> None:
    """Create, get, chat, labels, caching, fallbacks, lists, refusals: tests/langfuse/use.py."""
    python = ROOT / ".venv" / f"langfuse-{major}" / "bin" / "python"
    if not (python.parents[1] / "installed").exists():
        pytest.skip(f"Langfuse's SDK {major} is not installed: make .venv/langfuse")
    done = subprocess.run(
        [python, ROOT / "tests" / "langfuse" / "use.py", server.url],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"langfuse {major}.")
