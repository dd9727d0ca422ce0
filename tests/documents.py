"""What pages in docs/ say, and running it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from tests.starts import shim_folder
from tests.support import PROMPTGIT, environment

DOCS = Path(__file__).parents[1] / "docs"


def marked(page: str, language: str) -> list[str]:
    """The blocks of a page that are marked as tested."""
    text = (DOCS / page).read_text()
    return re.findall(rf"<!-- tested.*?-->\n```{language}\n(.*?)```", text, re.DOTALL)


def shell(script: str, folder: Path, **settings: str) -> str:
    """What a script prints that is run in a folder, with this installation's `promptgit` and `python`."""
    path = os.pathsep.join([str(shim_folder()), str(Path(PROMPTGIT).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment(PATH=path, HOME=str(folder)) | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
