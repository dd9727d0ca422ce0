"""One run of schemathesis."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from promptgit.auth.tokens import Scope, Tokens
from promptgit.http.api import heads
from tests.support import Http, Server, environment

FOLDER = Path(__file__).parent
_ROOT = FOLDER.parents[1]


def attack(server: Server, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run every check, with a token of the highest scope; *folder* takes what schemathesis leaves behind."""
    token, secret = Tokens(server.folder).create("root", Scope.ADMIN)
    credential = f"Bearer {secret}"
    head = Http(server.url)("GET", "/api/prompts", headers={"Authorization": credential}).headers[heads.HEADER]
    program = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(FOLDER / "schemathesis.toml")]
    arguments = ["run", f"{server.url}/openapi.json", "--checks", "all", "-H", f"Authorization: {credential}"]
    return subprocess.run(
        [*program, *arguments, *options],
        cwd=folder,
        env=environment(PYTHONPATH=str(_ROOT), FUZZ_HEAD=head, FUZZ_TOKEN=token.id),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
