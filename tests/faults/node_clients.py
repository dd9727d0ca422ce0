"""Clients of one server or of several nodes, each in a thread, which write to the same prompts and keep records."""

from __future__ import annotations

import http.client
import random
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from tests.faults.load import Crowd
from tests.faults.records import Read, Records, Told, Write
from tests.support import Answer, Http, wait_for

PATIENCE_SECONDS = 600.0
"""How long an answer, or anything else, is waited for: far longer than it takes on the slowest machine."""

_LABELS = ("production", "staging")
_RETRY_SECONDS = 0.05  # at most, between two attempts: else clients would keep a node busy with refusing


class Shared:
    """The prompts on which all clients write, by their ids. Releases are made of the label *gated*, if there is one."""

    def __init__(self, gated: str = "") -> None:
        self.gated = gated
        self.prompts: list[str] = []
        self.contests = 0


class Client:
    """Reads and writes at random, at random nodes; for one thread. *urls* tells where the nodes are now."""

    def __init__(self, urls: Callable[[], Sequence[str]], name: str, shared: Shared) -> None:
        self.records = Records()
        self.answered = self.done = 0
        self._urls, self._name, self._shared = urls, name, shared
        self._https: dict[str, Http] = {}
        self._random = random.Random(name)
        self._own: list[str] = []
        self._numbers: dict[str, int] = {}  # the newest version of each prompt that this client has seen
        self._head = ""  # of the newest write

    def step(self) -> None:
        """Read or write once."""
        prompt = self._prompt()
        if not prompt or self._random.random() < 0.01:
            self._create()
        elif self._random.random() < 0.8:
            self._read(prompt)
        else:
            kinds = [self._save, self._save_seen, self._contest, self._label, self._rename, self._revert, self._delete]
            weights = (8, 4, 1, 3, 2, 2, 1, 2 if self._shared.gated else 0)
            self._random.choices([*kinds, self._release], weights)[0](prompt)

    def _prompt(self) -> str:
        own = self._random.random() < 0.4
        prompts = list((self._own if own else self._shared.prompts) or self._own)
        return self._random.choice(prompts) if prompts else ""

    def _create(self) -> None:
        key = self._key()
        body = {"name": f"{self._name}/{key[:8]}", "content": key}
        made = self._write(Write("create", key, "", "POST", "/api/prompts", body))
        if made is not None:
            self._own.append(made.prompt)
            if len(self._shared.prompts) < 6:
                self._shared.prompts.append(made.prompt)

    def _contest(self, _: str) -> None:
        """Create a prompt that others create at the same time: one of them does."""
        self._shared.contests += self._random.random() < 0.3
        key, name = self._key(), f"contest/{self._name.split(' ')[0]}/{self._shared.contests}"
        self._write(Write("contest", key, "", "POST", "/api/prompts", {"name": name, "content": key}))

    def _save(self, prompt: str) -> None:
        key = self._key()
        content = f"{key}\n" * self._random.randrange(1, 20)
        self._write(Write("save", key, prompt, "PUT", f"/api/prompts/{prompt}", {"content": content}))

    def _save_seen(self, prompt: str) -> None:
        key, seen = self._key(), f'"{self._numbers.get(prompt, 1)}"'
        self._write(Write("save_seen", key, prompt, "PUT", f"/api/prompts/{prompt}", {"content": key}, seen))

    def _label(self, prompt: str) -> None:
        path = f"/api/prompts/{prompt}/labels/{self._random.choice(_LABELS)}"
        self._write(Write("label", self._key(), prompt, "PUT", path, {"version_number": self._some_number(prompt)}))

    def _rename(self, prompt: str) -> None:
        key = self._key()
        self._write(Write("rename", key, prompt, "PATCH", f"/api/prompts/{prompt}", {"name": f"renamed/{key}"}))

    def _revert(self, prompt: str) -> None:
        path = f"/api/prompts/{prompt}/versions/{self._some_number(prompt)}/revert"
        self._write(Write("revert", self._key(), prompt, "POST", path, {}))

    def _delete(self, prompt: str) -> None:
        self._write(Write("delete", self._key(), prompt, "DELETE", f"/api/prompts/{prompt}", {}))

    def _release(self, prompt: str) -> None:
        """Open a release, and make it."""
        item = {"prompt_id": prompt, "version_number": self._some_number(prompt)}
        body = {"label": self._shared.gated, "items": [item]}
        opened = self._write(Write("open", self._key(), prompt, "POST", "/api/releases", body))
        if opened is not None and opened.acknowledged is not None:
            path = f"/api/releases/{opened.acknowledged.release}/release"
            self._write(Write("release", self._key(), prompt, "POST", path, {}))

    def _write(self, write: Write) -> Write | None:
        """Send a write until it is known what became of it; some that were not made are given up. None: not made."""
        self.records.writes.append(write)
        is_unclear = False
        while True:
            told = self._told(write)
            write.attempts.append(told)
            is_unclear |= told.is_unclear
            if told.is_done:
                break
            is_worth_it = is_unclear or self._random.random() < 0.7
            if not told.is_unclear and (told.status not in (503, 507) or not is_worth_it):
                if told.status == 404:
                    self._forget(write.prompt)
                return None
            threading.Event().wait(self._random.uniform(0, _RETRY_SECONDS))
        self.done += 1
        self._head = told.head
        if told.number:
            self._numbers[write.prompt] = told.number
        if self._random.random() < 0.05:
            write.again = self._told(write)
        return write

    def _told(self, write: Write) -> Told:
        headers = {"Idempotency-Key": write.key} | ({"If-Match": write.if_match} if write.if_match else {})
        told, answer = self._send(write.method, write.path, {**write.body, "description": write.key}, headers)
        self.answered += 1
        if answer is not None and told.is_done and not write.prompt:
            write.prompt = answer.json["id"]
        return told

    def _read(self, prompt: str) -> None:
        sent = self._head if self._random.random() < 0.25 else ""
        told, _ = self._send("GET", f"/api/prompts/{prompt}", None, {"Promptgit-Head": sent} if sent else {})
        self.records.reads.append(Read(prompt, sent, told))
        if told.code == "head_lost":
            self._head = ""
        elif told.status == 404 and sent:
            self._forget(prompt)
        elif told.number:
            self._numbers[prompt] = told.number

    def _send(self, method: str, path: str, body: object, headers: Mapping[str, str]) -> tuple[Told, Answer | None]:
        urls = self._urls()
        node = self._random.randrange(len(urls))
        url = urls[node]
        began = time.monotonic()
        try:
            connection = self._https.setdefault(url, Http(url, PATIENCE_SECONDS))
            answer = connection(method, path, body, headers)
        except (OSError, http.client.HTTPException):
            self._https.pop(url, None)
            return Told(node, 0, began=began, ended=time.monotonic()), None
        found = answer.json if "json" in answer.headers.get("Content-Type", "") else {}
        is_version = answer.status < 300 and "content" in found
        return Told(
            node,
            answer.status,
            found.get("code", ""),
            found["version_number"] if is_version else 0,
            found.get("commit", "") if answer.status < 300 else "",
            found["content"] if is_version else None,
            found.get("description", ""),
            answer.headers.get("Promptgit-Head") or "",
            tuple(sorted(found["labels"].items())) if is_version and isinstance(found["labels"], dict) else (),
            found.get("number", 0) if answer.status < 300 else 0,
            began,
            time.monotonic(),
        ), answer

    def _forget(self, prompt: str) -> None:
        """Leave a prompt alone which a rewritten history does not have."""
        for prompts in (self._own, self._shared.prompts):
            if prompt in prompts:
                prompts.remove(prompt)

    def _some_number(self, prompt: str) -> int:
        return self._random.randint(1, self._numbers.get(prompt, 1))

    def _key(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))


class Load(Crowd):
    """Clients that work at the same time, each in a thread of its own, until the `with` block ends."""

    def __init__(self, urls: Callable[[], Sequence[str]], clients: int, name: str, gated: str = "") -> None:
        shared = Shared(gated)
        self._clients = [Client(urls, f"{name} {at}", shared) for at in range(clients)]
        self._failures: list[str] = []
        super().__init__([partial(self._run, client) for client in self._clients])

    def _run(self, client: Client) -> None:
        try:
            while not self._stop.is_set():
                client.step()
        except BaseException:
            self._failures.append(traceback.format_exc())

    @property
    def operations(self) -> int:
        """How many operations have begun."""
        return sum(client.records.operations for client in self._clients)

    def records(self) -> Records:
        """What all clients have recorded; to be read once they have ended."""
        whole = Records()
        for client in self._clients:
            whole.writes += client.records.writes
            whole.reads += client.records.reads
        return whole

    def until_answered(self, more: int) -> None:
        """Wait until so many more attempts to write have been answered, whatever the answers are."""
        self._until(lambda: sum(client.answered for client in self._clients), more)

    def until_done(self, more: int) -> None:
        """Wait until so many more writes have been acknowledged."""
        self._until(lambda: sum(client.done for client in self._clients), more)

    def until_operations(self, aim: int) -> None:
        """Wait until so many operations have begun."""
        self._until(lambda: self.operations, aim - self.operations)

    def _until(self, count: Callable[[], int], more: int) -> None:
        aim = count() + more
        wait_for(lambda: count() >= aim or self._failures, PATIENCE_SECONDS)
        assert not self._failures, self._failures[0]

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        assert not self._failures, self._failures[0]
