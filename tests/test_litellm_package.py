"""LiteLLM, unmodified, against a running service: only the host is another one, and the model a stand-in."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.documents import marked
from tests.support import Server, environment

ROOT = Path(__file__).parents[1]


def test_litellm_works_with_another_host(server: Server, tmp_path: Path) -> None:
    """The examples of docs/litellm.md, braces, versions, chats, refusals, its own Langfuse: tests/litellm/use.py."""
    python = ROOT / ".venv" / "litellm" / "bin" / "python"
    if not (python.parents[1] / "installed").exists():
        pytest.skip("LiteLLM is not installed: make .venv/litellm/installed")
    (tmp_path / "examples.py").write_text("\n".join(marked("litellm.md", "python")))
    done = subprocess.run(
        [python, ROOT / "tests" / "litellm" / "use.py", server.url, tmp_path / "examples.py"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "litellm works\n"
