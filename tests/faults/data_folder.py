"""A data folder that has every kind of file that a server keeps, and what a server of it answers.

Built once by real servers, commands and git; each attempt works on a copy.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from promptgit.auth.tokens import Scope, Tokens
from promptgit.jobs.hooks import Hooks
from tests.support import Answer, Http, Server, command, foreign_commit, git, git_text

RULES = '[labels."production"]\napprovals = 0\nprefixes = ["support/"]\n'
PERSON = {"X-Forwarded-Email": "ada@example.org"}
_ROLES = '[[roles]]\nclaim = "email"\nvalue = "ada@example.org"\nscope = "read"\n'
_SECRET = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
_LINES = 300  # long enough for a difference that can be damaged


def text(name: str, number: int) -> str:
    """The content of a version that the builder saves."""
    return "".join(f"{name} {number} line {at * number}\n" for at in range(_LINES))


@dataclass
class DataFolder:
    """A folder, the secrets of its tokens by name, and what was acknowledged: contents by prompt and version number."""

    folder: Path
    settings: dict[str, str]
    secrets: dict[str, str] = field(default_factory=dict)
    contents: dict[tuple[str, int], str] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)

    @property
    def repository(self) -> Path:
        return self.folder / "prompts.git"

    def headers(self, token: str) -> dict[str, str]:
        """The header of a request that a token makes."""
        return {"Authorization": f"Bearer {self.secrets[token]}"}

    def files(self) -> list[Path]:
        """Every file in it, relative to it, sorted."""
        return sorted(path.relative_to(self.folder) for path in self.folder.rglob("*") if path.is_file())

    def copy_to(self, folder: Path) -> DataFolder:
        """A copy with the same second names of files, modes and times."""
        subprocess.run(["cp", "-a", self.folder, folder], check=True)
        return DataFolder(folder, self.settings, self.secrets, self.contents, dict(self.answers))


def build(folder: Path) -> DataFolder:
    """Make a folder with everything; its server was killed, so that SQLite's log and shared memory are there."""
    roles = folder.parent / "roles.toml"
    roles.write_text(_ROLES)
    made = DataFolder(
        folder,
        {
            "PROMPTGIT_USER_HEADER": "X-Forwarded-Email",
            "PROMPTGIT_USER_ROLES": str(roles),
            "PROMPTGIT_TRUSTED_PROXIES": "127.0.0.0/8",
        },
    )
    tokens = Tokens(folder)
    for name, scope, rights in (
        ("admin", Scope.ADMIN, {}),
        ("reader", Scope.READ, {}),
        ("writer", Scope.WRITE, {"write_prefix": ["support/"]}),
        ("revoked", Scope.WRITE, {}),
        ("expired", Scope.WRITE, {"seconds": 0}),
    ):
        made.secrets[name] = tokens.create(name, scope, **rights)[1]
    tokens.revoke("revoked")
    with Server(folder, **made.settings) as server:
        _write(made, Http(server.url))
        _read_as_people(server.url)
        assert server.stop() == 0  # which writes the usage down
    _pack(made)
    commit = git_text(made.repository, "rev-parse", "main")
    Hooks(folder).add("http://127.0.0.1:9/", ["version"], "nothing/", _SECRET, commit, allow_private=True)
    with Server(folder, **made.settings) as server:
        http = Http(server.url)
        _save(made, http, "support/greeting", 5)
        foreign_commit(made.repository, {"prompts/pushed.md": text("pushed", 1).encode()})  # loose objects
        made.contents["pushed", 1] = text("pushed", 1)
        _save(made, http, "many/p1", 2)
        made.answers = dict(answers(http, made))
        server.kill()
    return made


def _write(made: DataFolder, http: Http) -> None:
    admin = made.headers("admin")

    def send(method: str, path: str, body: Any = None) -> Answer:
        answer = http(method, path, body, admin)
        assert answer.status < 300, (method, path, answer)
        return answer

    send("PUT", "/api/rules", {"content": RULES})
    for number in range(1, 5):
        _save(made, http, "support/greeting", number)
    for at in range(4):
        _save(made, http, f"many/p{at}", 1)
    for name in ("gone", "before"):
        _save(made, http, name, 1)
    where = "/api/names/support/greeting"
    prompt = send("GET", where).json["id"]
    send("PUT", f"/api/prompts/{prompt}/labels/staging", {"version_number": 3})
    send("PUT", f"/api/prompts/{prompt}/versions/3/checks/eval", {"state": "success"})
    release = send("POST", "/api/releases", {"label": "production", "from": "staging", "description": "Ship"}).json
    send("POST", f"/api/releases/{release['number']}/release", {})
    gone, before = (send("GET", f"/api/names/{name}").json["id"] for name in ("gone", "before"))
    send("DELETE", f"/api/prompts/{gone}")
    send("PATCH", f"/api/prompts/{before}", {"name": "after"})
    made.contents["after", 1] = made.contents.pop(("before", 1))
    del made.contents["gone", 1]


def _save(made: DataFolder, http: Http, name: str, number: int) -> None:
    content = text(name, number)
    answer = http("PUT", f"/api/names/{name}", {"content": content}, made.headers("admin"))
    assert (answer.status in (200, 201), answer.json.get("version_number")) == (True, number), answer
    made.contents[name, number] = content


def _read_as_people(url: str) -> None:
    assert Http(url)("GET", "/", headers=PERSON | {"Accept": "text/html"}).status == 200


def _pack(made: DataFolder) -> None:
    """All that upkeep, an administrator and git leave in a repository."""
    git(made.repository, "config", "core.logAllRefUpdates", "true")
    git(made.repository, "tag", "seen", "main")
    git(made.repository, "pack-refs", "--all")
    git(made.repository, "update-server-info")
    done = command("upkeep", "--data", str(made.folder))
    assert done.returncode == 0, done.stderr


LISTS = ("/api/prompts?limit=1000&include=content", "/api/changes?limit=1000")
"""Whose answers each write changes."""


def answers(http: Http, made: DataFolder, paths: Iterable[str] = ()) -> Iterator[tuple[str, Answer]]:
    """What an administrator reads, by the address."""
    for path in paths or _addresses(http, made):
        yield path, http("GET", path, headers=made.headers("admin"))


def _addresses(http: Http, made: DataFolder) -> list[str]:
    admin = made.headers("admin")
    prompts = http("GET", "/api/prompts?limit=1000", headers=admin).json
    paths = [*LISTS, "/api/prompts?label=production", "/api/prompts?prefix=many/"]
    paths += ["/api/releases", "/api/releases/1", "/api/rules"]
    for prompt in prompts:
        where = f"/api/prompts/{prompt['id']}"
        paths += [where, f"{where}/versions", f"{where}/versions/1/content", f"/api/names/{prompt['name']}"]
        paths += [f"{where}/versions/{number}" for number in range(1, prompt["version_number"] + 1)]
        if prompt["labels"]:
            paths += [f"{where}/labels", f"{where}/labels/production/history", f"{where}/labels/staging"]
            paths += [f"{where}/diff?from=1&to=3", f"{where}/versions/3/checks", f"{where}/references"]
            paths += [f"{where}/versions/2/blame", f"{where}?at={prompt['commit']}"]
    gone = [
        change for change in http("GET", "/api/changes?limit=1000", headers=admin).json if change["type"] == "delete"
    ]
    return [*paths, f"/api/prompts/{gone[0]['prompt_id']}", f"/api/prompts/{gone[0]['prompt_id']}/versions"]
