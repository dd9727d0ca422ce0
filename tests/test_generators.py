"""Generators of clients make whole clients of the OpenAPI document: nothing that JSON can say is dropped."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import Http, Server, environment

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
HERE = ROOT / "tests" / "generators"
INSTALLED = ROOT / ".venv" / "generators"


@pytest.fixture
def document(server: Server, tmp_path: Path) -> Path:
    path = tmp_path / "openapi.json"
    path.write_bytes(Http(server.url)("GET", "/openapi.json").body)
    return path


def run(*command: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, timeout=120, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def test_openapi_python_client_drops_no_schema(server: Server, document: Path, tmp_path: Path) -> None:
    """It makes a model of every refusal, and parses the answers of a running service into them."""
    if not (INSTALLED / "installed").exists():
        pytest.skip("openapi-python-client is not installed: make .venv/generators/installed")
    made = tmp_path / "made"
    command = [INSTALLED / "bin" / "openapi-python-client", "generate"]
    said = run(*command, "--path", document, "--meta", "none", "--output-path", made)
    assert "#/components/schemas" not in said
    # git's own protocol is no JSON: no generated client speaks it.
    assert set(re.findall(r"WARNING parsing (\S+ \S+)", said)) == {
        "GET /prompts.git/info/refs",
        "POST /prompts.git/git-upload-pack",
    }
    run(INSTALLED / "bin" / "python", HERE / "use.py", tmp_path, server.url)


def test_openapi_typescript_makes_types_that_tell_refusals_apart(document: Path, tmp_path: Path) -> None:
    programs = INSTALLED / "node_modules" / ".bin"
    if not (programs / "openapi-typescript").exists():
        pytest.skip("openapi-typescript is not installed: get npm, then make .venv/generators/installed")
    run(programs / "openapi-typescript", document, "-o", tmp_path / "made.d.ts")
    shutil.copy(HERE / "use.ts", tmp_path)
    run(programs / "tsc", "--noEmit", "--strict", "--target", "es2022", "use.ts", cwd=tmp_path)
