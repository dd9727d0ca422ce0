"""People with tokens, who work on one server with rules: what the tests of releases share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from promptgit.auth.tokens import Scope, Tokens
from promptgit.client import Client, Release

RULES = '[labels."production"]\napprovals = 1\nchecks = ["eval"]\nprefixes = ["support/"]\n'


class People:
    """A server with rules, on which `support/greeting` and `support/bye` have two versions by `ada`; its clients."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.tokens: dict[str, str] = {}
        self.clients: list[Client] = []
        self.admin = self.join("admin", Scope.ADMIN)
        self.ada = self.join("ada", owner="ada@example.org")
        self.bob = self.join("bob", owner="bob@example.org", may_move=["production"])
        self.ci = self.join("ci", may_check=["eval"])
        self.admin.set_rules(RULES, create_only=True)
        for name in ("support/greeting", "support/bye"):
            self.ada.create(name, "1")
            self.ada.save(name, "2")

    def join(self, name: str, scope: Scope = Scope.WRITE, **rights: Any) -> Client:
        self.tokens[name] = Tokens(self.folder).create(name, scope, **rights)[1]
        self.clients.append(Client(self.url, token=self.tokens[name]))
        return self.clients[-1]

    def release(self, name: str, number: int) -> Release:
        """The whole way of one release."""
        opened = self.ada.open_release("production", {name: number}, description=f"Ship version {number}")
        self.ci.set_check(name, number, "eval", "success")
        self.bob.approve_release(opened.number)
        return self.bob.make_release(opened.number)

    def place(self, name: str) -> dict[str, str]:
        """The settings of commands that somebody runs."""
        return {"PROMPTGIT_URL": self.url, "PROMPTGIT_TOKEN": self.tokens[name]}

    def close(self) -> None:
        for client in self.clients:
            client.close()
