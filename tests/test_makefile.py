"""`make` checks Python's version before it makes anything, with stand-ins for Python that only report a version."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import environment

ROOT = Path(__file__).parents[1]

# Runs what it is given as real Python would, but for its version; makes a .venv of itself with a pip that does nothing.
PYTHON = """#!/bin/sh
if [ "$1" = -m ]; then
    mkdir -p .venv/bin && cp "$0" .venv/bin/python
    [ -n "$NO_ENSUREPIP" ] && exit 1
    printf '#!/bin/sh\\n' > .venv/bin/pip && chmod +x .venv/bin/pip
    exit
fi
exec REAL -c "import sys; sys.version_info = (VERSION); exec(sys.argv[1])" "$2"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path / name)
    for version in ("3.9", "3.11", "3.12"):
        file = tmp_path / f"python{version}"
        file.write_text(PYTHON.replace("REAL", sys.executable).replace("VERSION", version.replace(".", ", ")))
        file.chmod(0o755)
    return tmp_path


def make(project: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    path = f"{project}{os.pathsep}{os.environ['PATH']}"
    command = ["make", ".venv/run", *arguments]
    settings = environment(PATH=path, **settings)
    settings = {name: value for name, value in settings.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "PYTHON")}
    return subprocess.run(command, cwd=project, env=settings, capture_output=True, text=True, check=False)


def version(project: Path) -> str:
    """That of the .venv."""
    command = [project / ".venv" / "bin" / "python", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_an_old_python_is_refused_in_one_sentence(project: Path) -> None:
    """Nothing is made; the least version is that of the project's metadata."""
    done = make(project, "PYTHON=python3.9")
    first, *_ = done.stderr.splitlines()
    assert first == (
        "promptgit needs Python 3.11 or later, and 'python3.9' is 3.9. Name another one: make run PYTHON=python3.12"
    )
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert not (project / ".venv").exists()
    assert re.search(r'requires-python = ">=3\.11"', (project / "pyproject.toml").read_text())


@pytest.mark.parametrize("given", ["PYTHON=python3.12", ""])
def test_what_an_old_python_has_left_is_replaced(project: Path, given: str) -> None:
    """Also where the default is another Python now."""
    subprocess.run([project / "python3.9", "-m", "venv", ".venv"], cwd=project, check=True)
    (project / "python3").symlink_to("python3.11")
    assert make(project, *filter(None, [given])).returncode == 0
    assert version(project) == ("3.12" if given else "3.11")


def test_another_python_replaces_the_one_that_is_there_and_the_same_does_not(project: Path) -> None:
    assert make(project, "PYTHON=python3.11").returncode == 0
    (project / ".venv" / "mine").touch()
    for again in (["PYTHON=python3.11"], []):
        done = make(project, *again)
        assert (done.returncode, "up to date" in done.stdout) == (0, True)
        assert (project / ".venv" / "mine").exists()
    assert make(project, "PYTHON=python3.9").returncode != 0  # and what works is kept
    assert version(project) == "3.11"
    assert make(project, "PYTHON=python3.12").returncode == 0
    assert (version(project), (project / ".venv" / "mine").exists()) == ("3.12", False)


def test_a_venv_that_cannot_be_made_leaves_nothing(project: Path) -> None:
    """As on Debian without python3-venv."""
    assert make(project, "PYTHON=python3.12", NO_ENSUREPIP="1").returncode != 0
    assert not (project / ".venv").exists()
