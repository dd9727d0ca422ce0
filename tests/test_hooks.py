"""`promptgit hook`: other servers are told of what is done."""

from __future__ import annotations

import base64
import errno
import hashlib
import hmac
import json
import logging
import re
import shutil
import socket
import ssl
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from promptgit.domain import hosts
from promptgit.errors import HookNotFound, Invalid, UnusableHooks
from promptgit.jobs import outbound
from promptgit.jobs.deliveries import DAY, Deliveries
from promptgit.jobs.hooks import Hook
from promptgit.jobs.outbound import Undelivered
from promptgit.service.feed import Feed
from promptgit.service.service import Service
from promptgit.service.writes import Attribution
from promptgit.store.store import Store
from tests.conftest import Clock
from tests.support import PROMPTGIT, Http, Server, command, environment, foreign_commit, wait_for

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


class Receiver:
    """A server that verifies and keeps what it is sent; *answer* says with which status, from path and message."""

    def __init__(self, answer: Callable[[str, dict[str, Any]], int]) -> None:
        self.got: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.verified: list[bool] = []
        self.tries = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                message, timestamp = self.headers["webhook-id"], self.headers["webhook-timestamp"]
                signed = f"{message}.{timestamp}.".encode() + body
                expected = base64.b64encode(hmac.digest(KEY, signed, hashlib.sha256)).decode()
                receiver.verified.append(self.headers["webhook-signature"] == f"v1,{expected}")
                receiver.tries += 1
                status = answer(self.path, json.loads(body))
                if status < 300:
                    receiver.got.append(json.loads(body))
                    receiver.ids.append(message)
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def numbers(self) -> list[int]:
        return [change["version_number"] for change in self.got]


@contextmanager
def receiving(answer: Callable[[str, dict[str, Any]], int] = lambda path, change: 204) -> Iterator[Receiver]:
    receiver = Receiver(answer)
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        thread.join()
        receiver.server.server_close()


@pytest.fixture
def deliveries(store: Store, clock: Clock) -> Deliveries:
    return Deliveries(store, clock)


def add(deliveries: Deliveries, url: str, *events: str, prefix: str = "") -> Hook:
    main = Store(deliveries.hooks.folder, lock_timeout=5).repository.main()
    return deliveries.hooks.add(url, events or ("version",), prefix, SECRET, main, allow_private=True)


def test_each_change_is_posted_in_order_as_the_feed_tells_it(
    store: Store, service: Service, deliveries: Deliveries
) -> None:
    """From when the hook was added; the receiver here verifies each signature as Standard Webhooks says."""
    service.create("0", name="before")
    with receiving() as receiver:
        hook = add(deliveries, receiver.url, "version", "label", "rename", "delete", "restore")
        prompt = service.create("1", name="a")
        service.labels.point(prompt.id, "x", 1, attribution=Attribution())
        service.rename(prompt.id, "b")
        service.delete(prompt.id)
        service.revert(prompt.id, 1)
        deliveries.deliver(hook)
        deliveries.deliver(hook)
    changes = Feed(store).page(None, 100).changes[1:]
    kinds = ["version", "label", "rename", "delete", "label", "restore", "version"]
    assert [change["type"] for change in receiver.got] == kinds
    shown = [change.as_json() | {"timestamp": f"{change.timestamp:%Y-%m-%dT%H:%M:%SZ}"} for change in changes]
    assert receiver.got == shown
    assert len(set(receiver.ids)) == 7
    assert receiver.verified == [True] * 7


def test_a_hook_is_told_only_of_what_it_asks_for(service: Service, deliveries: Deliveries) -> None:
    """A rename concerns those of the old name and of the new one."""
    with receiving() as receiver:
        hook = add(deliveries, receiver.url, "rename", "label", prefix="support/")
        prompt = service.create("1", name="support/a")
        other = service.create("1", name="other")
        for one in (prompt, other):
            service.labels.point(one.id, "x", 1, attribution=Attribution())
        service.rename(prompt.id, "away")
        service.rename(other.id, "support/b")
        assert deliveries.waiting() == 3
        deliveries.deliver(hook)
        assert deliveries.waiting() == 0
    assert [(change["type"], change["name"]) for change in receiver.got] == [
        ("label", "support/a"),
        ("rename", "away"),
        ("rename", "support/b"),
    ]


def test_a_failure_is_tried_again_after_growing_pauses(
    store: Store, service: Service, deliveries: Deliveries, clock: Clock
) -> None:
    """In order, with the same id, and what came through is not repeated."""
    status = [500]
    with receiving(lambda path, change: 204 if change["name"] == "a" else status[0]) as receiver:
        hook = add(deliveries, receiver.url)
        foreign_commit(store.repository.path, {"prompts/a.md": b"1", "prompts/b.md": b"2"})
        service.create("3", name="c")
        pauses = []
        for _ in range(15):
            deliveries.deliver(hook)
            pauses.append(deliveries.due[hook.id] - clock.now)
            clock.now = deliveries.due[hook.id]
        for failures, pause in enumerate(pauses):
            longest = min(2.0**failures, 3_600)
            assert longest / 2 <= pause <= longest + 0.001
        assert len({round(pause / 2.0**at, 6) for at, pause in enumerate(pauses[:8])}) > 1
        state = deliveries.hooks.state(hook.id)
        assert (state.failures, "answered with 500" in str(state.error)) == (15, True)
        assert [change["name"] for change in receiver.got] == ["a"]
        status[0] = 200
        deliveries.deliver(hook)
        assert [change["name"] for change in receiver.got] == ["a", "b", "c"]
    assert deliveries.hooks.state(hook.id).failures == 0


def test_a_failure_stops_what_follows_however_short_the_pause(service: Service, store: Store) -> None:
    """A disk that is slow may take longer than the pause to keep the failure."""
    now = iter(range(1_700_000_000, 1_800_000_000, 5))
    deliveries = Deliveries(store, lambda: next(now))
    with receiving(lambda path, change: 500 if change["name"] == "a" else 204) as receiver:
        hook = add(deliveries, receiver.url)
        service.create("1", name="a")
        service.create("1", name="b")
        deliveries.deliver(hook)
        assert (receiver.tries, receiver.got) == (1, [])
        assert deliveries.waiting() == 2


def test_what_fails_for_a_day_is_given_up(
    service: Service, deliveries: Deliveries, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """What came later has its own day."""
    works = [False]
    with receiving(lambda path, change: 204 if works[0] else 503) as receiver:
        hook = add(deliveries, receiver.url)
        service.create("1", name="old")
        for _ in range(24):
            deliveries.deliver(hook)
        clock.now += DAY / 2
        service.create("1", name="young")
        clock.now += DAY / 2 + 1
        deliveries.deliver(hook)
        assert "given up after a day" in caplog.text
        works[0] = True
        clock.now += 7_200
        deliveries.deliver(hook)
        assert [change["name"] for change in receiver.got] == ["young"]


def test_a_clock_that_was_wrong_gives_nothing_up(service: Service, deliveries: Deliveries, clock: Clock) -> None:
    """A day in which nobody tried is none: the clock was set forward, or the service was not there."""
    works = [False]
    with receiving(lambda path, change: 204 if works[0] else 503) as receiver:
        hook = add(deliveries, receiver.url)
        service.create("1", name="a")
        for _ in range(3):
            deliveries.deliver(hook)
            clock.now += 3_000 * DAY
        works[0] = True
        deliveries.deliver(hook)
        assert [change["name"] for change in receiver.got] == ["a"]


def test_a_restart_goes_on_where_it_was(service: Service, store: Store, deliveries: Deliveries, clock: Clock) -> None:
    works = [2]

    def answer(path: str, change: dict[str, Any]) -> int:
        works[0] -= 1
        return 204 if works[0] >= 0 else 500

    with receiving(answer) as receiver:
        hook = add(deliveries, receiver.url)
        prompt = service.create("1", name="a")
        for number in range(2, 6):
            service.save(prompt.id, str(number))
        deliveries.deliver(hook)
        assert receiver.numbers() == [1, 2]
        works[0] = 100
        again = Deliveries(Store(store.folder, lock_timeout=5), clock)
        again.deliver(again.hooks.get(hook.id))
        assert receiver.numbers() == [1, 2, 3, 4, 5]


def test_a_slow_receiver_keeps_nobody_else_waiting(service: Service, deliveries: Deliveries) -> None:
    go_on = threading.Event()

    def answer(path: str, change: dict[str, Any]) -> int:
        if path == "/slow":
            go_on.wait(60)
        return 204

    with receiving(answer) as receiver:
        add(deliveries, f"{receiver.url}/slow")
        add(deliveries, f"{receiver.url}/quick")
        prompt = service.create("1", name="a")
        deliveries.turn()
        wait_for(lambda: receiver.numbers() == [1])
        service.save(prompt.id, "2")
        wait_for(lambda: len(deliveries.busy) == 1)
        deliveries.turn()
        wait_for(lambda: receiver.numbers() == [1, 2])
        go_on.set()
        wait_for(lambda: not deliveries.busy)
        deliveries.turn()
        wait_for(lambda: sorted(receiver.numbers()) == [1, 1, 2, 2] and not deliveries.busy)


def test_an_answer_that_trickles_in_is_given_up(store: Store) -> None:
    """The time counts for the whole delivery, not for each byte."""
    end = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            client, _ = listener.accept()
            with client:
                client.sendall(b"HTTP/1.1 200 OK\r\n")
                while not end.wait(0.02):
                    try:
                        client.sendall(b"X")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            with pytest.raises(Undelivered, match=r"took more than 0\.3 seconds"):
                outbound.post(url, b"{}", {}, seconds=0.3, allow_private=True)
        finally:
            end.set()
            thread.join()


def test_redirects_and_proxies_are_not_followed(
    service: Service, deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with receiving(lambda path, change: 307 if path == "/here" else 204) as receiver:
        hook = add(deliveries, f"{receiver.url}/here")
        service.create("1", name="a")
        deliveries.deliver(hook)
        assert "redirects are not followed" in str(deliveries.hooks.state(hook.id).error)
        assert (receiver.tries, receiver.got) == (1, [])


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1"),
        *("ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1", "x"),
        *("fec0::1", "192.0.0.8", "3fff::1", "192.88.99.1", "198.18.0.1", "100::1", "5f00::1", "4000::1", "2001:2::1"),
        *("2606:4700::5efe:7f00:1", "2606:4700::200:5efe:a00:1", "fe80::5efe:808:808"),  # ISATAP
        *("::127.0.0.1", "::8.8.8.8", "::ffff:0:127.0.0.1", "64:ff9b:1::808:808", "64:ff9b::c000:8"),
        *("2002:a9fe:a9fe::1", "2001:0:808:808::f7f7:f7f7"),  # 6to4, Teredo
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not hosts.is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"),
        *("2606:4700::5efe:808:808", "2606:4700::7f00:1", "192.0.1.1", "2620:4f:8000::1"),
    ],
)
def test_addresses_that_are_public(address: str) -> None:
    assert hosts.is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0"])
def test_a_private_address_is_refused_however_it_is_written(
    deliveries: Deliveries, store: Store, service: Service, host: str
) -> None:
    with receiving() as receiver:
        url = f"http://{host}:{receiver.server.server_port}/"
        with pytest.raises(Invalid, match="no public address"):
            deliveries.hooks.add(url, ["version"], "", SECRET, store.repository.main())
        with pytest.raises(Undelivered):
            outbound.post(url, b"{}", {}, seconds=5, allow_private=False)
        assert receiver.tries == 0


def test_a_name_that_changes_its_address_leads_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked up once, and the connection goes to an address that was checked; one private one spoils all."""
    looked_up: list[str] = []
    connected: list[object] = []

    def look_up(host: str, *_: object, **__: object) -> list[Any]:
        looked_up.append(host)
        address = "8.8.8.8" if len(looked_up) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80))]

    def connect(_: socket.socket, address: object) -> int:
        connected.append(address)
        return errno.ENETUNREACH

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket.socket, "connect_ex", connect)
    for _ in range(2):
        with pytest.raises(Undelivered):
            outbound.post("http://rebinding.example/", b"{}", {}, seconds=5, allow_private=False)
    assert connected == [("8.8.8.8", 80)]
    assert len(looked_up) == 2


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://example.org/", "example.org", "http://", "http://a:b@example.org/", "http://[::1/"),
        *("http://x:99999/", "http://exa mple.org/", "http://example.org/\r\nX: y", "http://exämple.org/"),
    ],
)
def test_an_address_that_nothing_can_be_posted_to_is_refused(deliveries: Deliveries, url: str) -> None:
    with pytest.raises(Invalid):
        deliveries.hooks.add(url, ["version"], "", SECRET, "0" * 40, allow_private=True)


@pytest.mark.parametrize("secret", ["", "x", "whsec_", "whsec_eA==", KEY.hex(), "whsec_!" + SECRET[6:]])
def test_a_weak_secret_is_refused(deliveries: Deliveries, secret: str) -> None:
    with pytest.raises(Invalid) as refusal:
        deliveries.hooks.add("http://127.0.0.1/", ["version"], "", secret, "0" * 40, allow_private=True)
    assert not secret or SECRET[6:] not in str(refusal.value)


def test_the_secret_is_nowhere_but_in_its_file(
    service: Service, store: Store, deliveries: Deliveries, caplog: pytest.LogCaptureFixture
) -> None:
    """Which only the owner can read."""
    with receiving(lambda path, change: 500) as receiver, caplog.at_level(logging.DEBUG):
        hook = add(deliveries, receiver.url)
        service.create("1", name="a")
        deliveries.deliver(hook)
    assert hook.id in caplog.text
    for told in (caplog.text, repr(hook), command("hook", "list", "--data", str(store.folder)).stdout):
        assert SECRET[6:] not in told
    files = [store.folder / "hooks.json", store.folder / "hooks" / f"{hook.id}.json"]
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600, 0o600]
    assert SECRET not in files[1].read_text()


def test_a_removed_hook_is_told_nothing_more(service: Service, deliveries: Deliveries) -> None:
    """Also while something is being delivered to it."""

    def answer(path: str, change: dict[str, Any]) -> int:
        deliveries.hooks.remove(hook.id)
        return 204

    with receiving(answer) as receiver:
        hook = add(deliveries, receiver.url)
        service.create("1", name="a")
        service.create("1", name="b")
        with pytest.raises(HookNotFound):
            deliveries.deliver(hook)
        deliveries.turn()
        assert receiver.tries == 1
    assert deliveries.waiting() == 0


def test_a_history_that_was_rewritten_goes_on_where_it_parted(
    store: Store, service: Service, deliveries: Deliveries
) -> None:
    with receiving() as receiver:
        hook = add(deliveries, receiver.url)
        kept = service.create("1", name="a").newest.commit
        service.create("1", name="lost")
        deliveries.deliver(hook)
        foreign_commit(store.repository.path, {"prompts/new.md": b"1"}, parent=kept)
        deliveries.deliver(hook)
        assert [change["name"] for change in receiver.got] == ["a", "lost", "new"]


def test_a_damaged_file_of_hooks_is_told(store: Store, deliveries: Deliveries) -> None:
    (store.folder / "hooks.json").write_text('{"hooks": [{}]}')
    with pytest.raises(UnusableHooks):
        deliveries.turn()


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that somebody does is taken, for its own name alone."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]
    also = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *also], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def post(host: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def serve() -> None:
                client, _ = listener.accept()
                try:
                    with context.wrap_socket(client, server_side=True) as secure:
                        received = b""
                        while not received.endswith(b"{}"):
                            received += secure.recv(65_536)
                        secure.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                except OSError:
                    client.close()

            thread = threading.Thread(target=serve)
            thread.start()
            try:
                url = f"https://{host}:{listener.getsockname()[1]}/"
                outbound.post(url, b"{}", {}, seconds=20, allow_private=True)
            finally:
                thread.join()

    with pytest.raises(Undelivered, match="CERTIFICATE_VERIFY_FAILED"):
        post("localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    post("localhost")
    with pytest.raises(Undelivered, match="CERTIFICATE_VERIFY_FAILED"):
        post("127.0.0.1")


def test_a_server_delivers_and_loses_nothing_when_it_is_killed(tmp_path: Path) -> None:
    """At least once, in order; repeats have the ids that they had."""
    data, secret = tmp_path / "data", tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    with receiving() as receiver:
        with Server(data) as server:
            options = ["--data", str(data), "--secret-file", str(secret), "--allow-private"]
            added = command("hook", "add", receiver.url, "--events", "version", *options)
            assert added.returncode == 0, added.stderr
            hook = added.stdout.strip()
            assert re.fullmatch("[0-9a-f]{8}", hook)
            http = Http(server.url)
            prompt = http("POST", "/api/prompts", {"name": "a", "content": "1"}).json["id"]
            wait_for(lambda: receiver.got)
            for number in range(2, 12):
                http("PUT", f"/api/prompts/{prompt}", {"content": str(number)})
            wait_for(lambda: len(receiver.got) >= 3)
            server.kill()
        with Server(data) as server:
            wait_for(lambda: receiver.numbers()[-1] == 11)
            gauge = "promptgit_webhook_deliveries_waiting 0.0"
            wait_for(lambda: gauge in Http(server.url)("GET", "/metrics").body.decode())
            assert SECRET[6:] not in server.raw_log
    unique = dict(zip(receiver.ids, receiver.numbers(), strict=True))
    assert list(unique.values()) == list(range(1, 12))


def test_the_commands(tmp_path: Path, store: Store) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    data = ["--data", str(store.folder)]
    with receiving(lambda path, change: 204 if change["type"] == "test" else 500) as receiver:
        refused = command("hook", "add", receiver.url, "--secret-file", str(secret), *data)
        assert (refused.returncode, "--allow-private" in refused.stderr) == (1, True)
        options = ["--secret-file", str(secret), "--allow-private", *data]
        unknown = command("hook", "add", receiver.url, "--events", "x", *options)
        assert (unknown.returncode, "version, label" in unknown.stderr) == (1, True)
        hook = command("hook", "add", receiver.url, "--prefix", "support/", *options).stdout.strip()
        listed = command("hook", "list", *data).stdout.split()
        assert listed == [hook, receiver.url, "version,label,rename,delete,restore", "support/", "json", "ok"]
        assert command("hook", "test", hook, *data).stdout == "Delivered.\n"
        assert [change["type"] for change in receiver.got] == ["test"]
    failed = command("hook", "test", hook, *data)
    assert (failed.returncode, "Not delivered: 127.0.0.1" in failed.stderr) == (1, True)
    assert command("hook", "remove", hook, *data).returncode == 0
    for gone in ("remove", "test"):
        assert "hook list" in command("hook", gone, hook, *data).stderr
    assert command("hook", "list", *data).stdout == ""


def test_the_documented_hook_works_as_it_stands(store: Store) -> None:
    """But for the address, which is nobody's."""
    page = (Path(__file__).parents[1] / "docs" / "webhooks.md").read_text()
    script = page.partition("<!-- tested: a hook -->\n```sh\n")[2].partition("```")[0]
    with receiving() as receiver:
        script = script.replace("https://ci.example.org/prompts", f"{receiver.url} --allow-private")
        script = script.replace("promptgit", PROMPTGIT)
        folder = store.folder.parent  # its folder `data` is the default
        done = subprocess.run(["bash", "-euc", script], cwd=folder, env=environment(), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert command("hook", "test", done.stdout.strip(), "--data", str(store.folder)).stdout == "Delivered.\n"
