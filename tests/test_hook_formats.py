"""Formats of webhooks: sentences for Slack and Mattermost, events for GitHub Actions."""

from __future__ import annotations

import html
import json
import logging
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptgit.domain.models import Author
from promptgit.errors import Invalid, UnusableHooks
from promptgit.jobs import slack
from promptgit.jobs.deliveries import Deliveries
from promptgit.jobs.hooks import Hook
from promptgit.jobs.outbound import Undelivered
from promptgit.service.service import Service
from promptgit.service.writes import Attribution
from promptgit.settings import Settings
from promptgit.store.store import Store
from tests.conftest import Clock
from tests.support import command, foreign_commit
from tests.test_hooks import SECRET
from tests.test_releases import Team

PUBLIC = "https://prompts.example.org/registry"
PATH = "/repos/acme/prompts/dispatches"
TOKEN = "github_pat_" + "x" * 20


class Place:
    """A server that keeps the headers and the JSON that come to it."""

    def __init__(self, certificate: tuple[str, str] | None) -> None:
        self.got: list[tuple[str, Message, Any]] = []
        place = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                place.got.append((self.path, self.headers, json.loads(body)))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{'https' if certificate else 'http'}://localhost:{self.server.server_port}"

    def texts(self) -> list[str]:
        return [body["text"] for _, _, body in self.got]


@contextmanager
def place(certificate: tuple[str, str] | None = None) -> Iterator[Place]:
    made = Place(certificate)
    thread = threading.Thread(target=made.server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        thread.join()
        made.server.server_close()


@pytest.fixture
def deliveries(store: Store, clock: Clock) -> Deliveries:
    return Deliveries(store, clock, public_url=PUBLIC)


def add(deliveries: Deliveries, url: str, form: str, *events: str, token_file: str = "") -> Hook:
    main = Store(deliveries.hooks.folder, lock_timeout=5).repository.main()
    options: dict[str, Any] = {"allow_private": True, "form": form, "token_file": token_file}
    return deliveries.hooks.add(url, events or ("version",), "", "", main, **options)


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    return file


def test_people_read_one_sentence_with_a_link(service: Service, deliveries: Deliveries) -> None:
    """As Slack's incoming webhook takes it: nothing is signed, for its address is the secret."""
    ada = Attribution(author=Author("Ada", "ada@example.org"), description="Shorter\n\nAnd more.")
    with place() as slacks:
        hook = add(
            deliveries, f"{slacks.url}/services/T0/B0/x", "slack", "version", "label", "rename", "delete", "restore"
        )
        prompt = service.create("1", name="support/greeting", attribution=ada)
        service.labels.point(prompt.id, "production", 1, attribution=ada)
        service.rename(prompt.id, "support/hello", attribution=ada)
        service.delete(prompt.id, attribution=ada)
        deliveries.deliver(hook)
        deliveries.test(hook)
    where = f"{PUBLIC}/prompts/{prompt.id}"
    label = f"{where}/labels/production"
    assert slacks.texts() == [
        f"Version 1 of support/greeting by Ada: Shorter <{where}/versions/1|Open>",
        f"Label production of support/greeting was pointed at version 1 by Ada: Shorter <{label}|Open>",
        f"Prompt support/greeting was renamed to support/hello by Ada: Shorter <{where}|Open>",
        f"Prompt support/hello was deleted by Ada: Shorter <{where}|Open>",
        f"Label production of support/hello was removed by Ada: Shorter <{label}|Open>",
        f"This is a test of promptgit. <{PUBLIC}/|Open>",
    ]
    path, headers, body = slacks.got[0]
    assert (path, list(body)) == ("/services/T0/B0/x", ["text"])
    assert not [name for name in headers if name.lower().startswith("webhook")]


def test_people_read_of_releases_checks_rules_and_commits(tmp_path: Path) -> None:
    team = Team(tmp_path / "data")
    deliveries = Deliveries(Store(team.folder, lock_timeout=5))
    with place() as slacks:
        hook = add(deliveries, slacks.url, "slack", "check", "release", "rules", "commit")
        team.rule()
        number = team.open()
        team.check()
        team.ok("post", f"/api/releases/{number}/approve", "bob")
        team.ok("post", f"/api/releases/{number}/release", "bob")
        foreign_commit(team.folder / "prompts.git", {f"prompts/{name}.md": b"x" for name in "abcde"}, message="Five")
        deliveries.deliver(hook)
    told = slacks.texts()
    assert told[0] == told[1] and told[0].startswith("Rules were changed by ")  # a commit of one change reads as that
    assert "Release 1 of production (support/greeting) was opened by writer: Shorter" in told
    assert any(text.startswith("Check eval of version 2 of support/greeting was set to success by ") for text in told)
    assert "Release 1 of production (support/greeting) was released by bob: Shorter" in told
    assert re.fullmatch(r"Commit of 5 changes \(a, b, c and 2 more\) was made by .+: Five", told[-1])
    assert not any("<" in text for text in told)  # without PROMPTGIT_PUBLIC_URL there is no link


TRICKS = [
    *(
        "<!channel>",
        "<!here|x>",
        "<@U1>",
        "<#C1>",
        "<https://evil.example|Open>",
        "&lt;!channel&gt;",
        "<!date^1^{date}|x>",
    ),
    *(
        "*bold*",
        "_it_",
        "~gone~",
        "`code`",
        "```x```",
        "> quote",
        "@channel",
        "@here",
        "@all",
        "[a](https://evil.example)",
    ),
    *(
        "![a](//evil.example/x.png)",
        "https://evil.example",
        "HTTP://evil.example",
        "www.evil.example",
        "mailto:a@b.example",
    ),
    *(
        "a\nb",
        "# heading",
        "\u202eevil",
        "|",
        "<",
        "&",
        ">",
        "__init__",
        "a_b",
        "\\<!channel\\>",
        "x\ty",
        "\0",
        "\ud800",
    ),
]


@given(st.lists(st.sampled_from(TRICKS) | st.text(max_size=40), max_size=6).map(" ".join))
def test_no_text_of_anybodys_does_anything_in_a_message(text: str) -> None:
    """Nothing that Slack or Mattermost gives a meaning is left, and what people read is what was written."""
    shown = slack.harmless(text)
    assert not set("<>*~`\n\r") & set(shown)
    assert not re.findall(r"&(?!(?:amp|lt|gt);)", shown)
    assert not re.search(r"://|\bwww\.|\]\(|@\w", shown, re.IGNORECASE)
    assert not re.search(r"(?<![^\W_])_|_(?![^\W_])", shown)
    assert shown.encode().decode().isprintable() or "\u200b" in shown
    read = html.unescape(shown).replace("\u200b", "").translate({0x2217: "*", 0x223C: "~", 0x2CB: "`", 0xFF3F: "_"})
    written = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    expected = written if len(written) <= 300 else written[:300] + "…"
    assert read == expected.translate({0x2217: "*", 0x223C: "~", 0x2CB: "`", 0xFF3F: "_"})


@given(*[st.sampled_from(TRICKS) | st.text(max_size=40)] * 3)
def test_every_text_in_a_sentence_is_harmless(name: str, description: str, author: str) -> None:
    """The only link is ours, at the end; the sentence begins with a word of ours."""
    said = {
        "description": description,
        "author": {"name": author, "email": "a@b"},
        "name": name,
        "url": "https://x.example/1",
    }
    change = {**said, "type": "version", "version_number": 1}
    item = {"name": name, "prompt_id": "", "from": 1, "to": 2}
    release = {"release": 1, "label": name, "action": "opened", "items": [item] * 2, "by": author}
    for payload in (
        change,
        said | {"type": "rename", "old_name": name, "committer": {"name": author, "email": "bot@promptgit"}},
        said | {"type": "label", "label": name, "to": 2, "outside": True},
        said | {"type": "check", "check": name, "state": "success", "version_number": 1},
        said | {"type": "release", "release_description": description, **release},
        said | {"type": "commit", "changes": [change, change], "change_count": 2},
    ):
        text = slack.message(payload)["text"].removesuffix(" <https://x.example/1|Open>")
        assert not set("<>*~`\n") & set(text)
        assert re.match("Version |Prompt |Label |Check |Release |Commit ", text)


def test_slacks_address_is_told_to_nobody(
    service: Service, store: Store, deliveries: Deliveries, caplog: pytest.LogCaptureFixture
) -> None:
    """It can be read from standard input, so that no list of processes has it."""
    options = ["--format", "slack", "--allow-private", "--data", str(store.folder)]
    with caplog.at_level(logging.DEBUG):
        added = command("hook", "add", "-", *options, data=b"http://localhost:1/services/T0/B0/hidden\n")
        assert added.returncode == 0, added.stderr
        hook = deliveries.hooks.get(added.stdout.strip())
        assert hook.url.endswith("/hidden")
        service.create("1", name="a")
        deliveries.deliver(hook)
    listed = command("hook", "list", "--data", str(store.folder)).stdout
    assert "http://localhost:1/..." in listed and "slack" in listed
    failed = command("hook", "test", hook.id, "--data", str(store.folder))
    assert "Not delivered: localhost" in failed.stderr
    assert "could not be told" in caplog.text
    for told in (caplog.text, repr(hook), listed, failed.stderr, str(deliveries.hooks.state(hook.id))):
        assert "hidden" not in told


def test_github_starts_workflows(
    service: Service,
    deliveries: Deliveries,
    certificate: tuple[str, str],
    token_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The token is read at each delivery, so that it can be replaced."""
    monkeypatch.setenv("SSL_CERT_FILE", certificate[0])
    with place(certificate) as github:
        hook = add(deliveries, github.url + PATH, "github-dispatch", "version", "commit", token_file=str(token_file))
        prompt = service.create("1", name="a")
        deliveries.deliver(hook)
        token_file.write_text("second")
        deliveries.test(hook)
    (path, headers, body), (_, _, commit), (_, second, test) = github.got
    assert (path, headers["Accept"], headers["Authorization"]) == (
        PATH,
        "application/vnd.github+json",
        f"Bearer {TOKEN}",
    )
    assert headers["User-Agent"] and headers["webhook-signature"] is None
    assert body["event_type"] == "promptgit-version"
    assert (body["client_payload"]["change"]["name"], len(body["client_payload"])) == ("a", 1)
    assert body["client_payload"]["change"]["url"] == f"{PUBLIC}/prompts/{prompt.id}/versions/1"
    assert (commit["event_type"], commit["client_payload"]["change"]["change_count"]) == ("promptgit-commit", 1)
    assert (test["event_type"], second["Authorization"]) == ("promptgit-test", "Bearer second")


def test_what_is_too_large_for_github_is_shortened(
    store: Store,
    deliveries: Deliveries,
    certificate: tuple[str, str],
    token_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It takes less than 64 KB; the workflow asks the API for the rest."""
    monkeypatch.setenv("SSL_CERT_FILE", certificate[0])
    files = {f"prompts/{number}.md": b"x" for number in range(1_000)}
    with place(certificate) as github:
        hook = add(deliveries, github.url + PATH, "github-dispatch", "commit", token_file=str(token_file))
        foreign_commit(store.repository.path, files, message="\x01" * 50_000)
        deliveries.deliver(hook)
    ((_, headers, body),) = github.got
    change = body["client_payload"]["change"]
    assert int(headers["Content-Length"]) < 60_000
    assert (change["truncated"], change["change_count"], "changes" in change) == (True, 1_000, False)


@pytest.mark.parametrize("content", [None, "", "two words", "a\r\nX-Injected: 1", "\xe9", "x" * 1_001])
def test_a_token_that_is_none_goes_nowhere(
    deliveries: Deliveries, token_file: Path, content: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """And is told to nobody."""
    with place() as github:
        url = github.url.replace("http:", "https:") + PATH
        hook = add(deliveries, url, "github-dispatch", token_file=str(token_file))
        if content is None:
            token_file.unlink()
        else:
            token_file.write_text(content, encoding="latin-1", newline="")
        with pytest.raises(Undelivered, match="token file") as failure:
            deliveries.test(hook)
    assert not content or content not in str(failure.value) + caplog.text


def test_a_token_goes_over_tls_alone(store: Store, deliveries: Deliveries, token_file: Path) -> None:
    """Also where a file of hooks that was distributed says otherwise."""
    with place() as github:
        for url in (
            github.url + PATH,
            "https://api.github.com/repos/acme/prompts",
            "https://api.github.com/repos/a/b/c/dispatches",
        ):
            with pytest.raises(Invalid, match="OWNER/REPO"):
                add(deliveries, url, "github-dispatch", token_file=str(token_file))
        hook = add(
            deliveries, github.url.replace("http:", "https:") + PATH, "github-dispatch", token_file=str(token_file)
        )
        file = store.folder / "hooks.json"
        kept = json.loads(file.read_text().replace("https:", "http:"))
        file.write_text(json.dumps(kept))
        with pytest.raises(UnusableHooks, match="whoever has edited it by hand removes the member 'seal'"):
            deliveries.hooks.get(hook.id)
        del kept["seal"]
        file.write_text(json.dumps(kept))
        with pytest.raises(Undelivered):
            deliveries.test(deliveries.hooks.get(hook.id))
        assert github.got == []


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"form": "xml"}, "json, slack, github-dispatch"),
        ({"form": "json"}, "whsec_"),
        ({"form": "slack", "secret": SECRET}, "leave it out"),
        ({"form": "slack", "token_file": "x"}, "github-dispatch"),
        ({"form": "github-dispatch"}, "needs one"),
        ({"form": "json", "secret": SECRET, "token_file": "x"}, "github-dispatch"),
    ],
)
def test_each_format_has_its_own_key(deliveries: Deliveries, options: dict[str, str], reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        deliveries.hooks.add(
            "https://127.0.0.1/repos/a/b/dispatches",
            ["version"],
            "",
            options.get("secret", ""),
            "0" * 40,
            allow_private=True,
            form=options["form"],
            token_file=options.get("token_file", ""),
        )


@pytest.mark.parametrize(
    "url", ["prompts.example.org", "ftp://x", "https://x/", "https://x/?a", "https://a@x", "https://x|y"]
)
def test_a_public_address_is_absolute(url: str) -> None:
    with pytest.raises(ValueError, match="PROMPTGIT_PUBLIC_URL"):
        Settings(public_url=url)


def test_the_commands_know_the_formats(store: Store, token_file: Path) -> None:
    data = ["--data", str(store.folder)]
    dispatch = ["--format", "github-dispatch", "--token-file", str(token_file), "--allow-private"]
    added = command("hook", "add", "https://localhost:1" + PATH, "--events", "release,commit", *dispatch, *data)
    assert added.returncode == 0, added.stderr
    listed = command("hook", "list", *data).stdout.split()
    assert listed[1:] == ["https://localhost:1" + PATH, "release,commit", "*", "github-dispatch", "ok"]
    assert TOKEN not in (store.folder / "hooks.json").read_text()
    missing = command(
        "hook", "add", "https://localhost:1" + PATH, "--format", "github-dispatch", "--allow-private", *data
    )
    assert (missing.returncode, "needs one" in missing.stderr) == (1, True)
