"""Other repositories: pushing `main` to one, fetching it from one, and filling a backup."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from urllib.parse import unquote, urlsplit

from promptgit.store.git.children import end, environment
from promptgit.store.git.command import Git
from promptgit.store.git.refs import MAIN

# What git's transports use: ssh's agent, proxies, certificates.
_TRANSPORT = (
    "SSH_AUTH_SOCK",
    *("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"),
)
_SSH = "ssh -oBatchMode=yes -oConnectTimeout=15 -oServerAliveInterval=15 -oServerAliveCountMax=3"
_NAME = "promptgit-remote"
# The shell that git starts reads them where `ps` does not show them.
_CREDENTIALS = '!printf "username=%s\\npassword=%s\\n" "$PROMPTGIT_USERNAME" "$PROMPTGIT_PASSWORD"; :'
_USERINFO = re.compile(r"//\S*@")  # a password that should be quoted, and is not, may hold a slash
_OF_TRANSPORT = r"^(credential|http)\."  # the user's own settings that are obeyed: helpers, proxies, certificates
_SETTINGS_SECONDS = 1.0
_settings: tuple[float, str | None, list[tuple[str, str]]] = (-_SETTINGS_SECONDS, None, [])  # when, whose, and which
_DURABLY = [
    word
    for setting in (
        "core.fsync=all",
        "core.fsyncMethod=fsync",
        "fetch.unpackLimit=1",
        "gc.auto=0",
        "maintenance.auto=false",
    )
    for word in ("-c", setting)
]
_PUSH = ["--porcelain", "--no-verify", "--no-follow-tags", "--no-signed", "--recurse-submodules=no"]
_FETCH = ["--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"]
# `git ls-remote` also tells refs whose names end in the one that was asked for.
_ADVERTISED = re.compile(rb"^([0-9a-f]+)\t%s$" % re.escape(MAIN.encode()), re.MULTILINE)
_SHA1_DIGITS = 40
_NOTHING_FOUND = 2  # exit status of `git ls-remote --exit-code`


class RemoteFailed(Exception):
    """Git could not do it; `str()` is what it said, without anybody's password.

    *is_sent* is true if a push has begun to send commits. Whether the other side has them is then known only if
    *is_rejected* is true: the other side has answered that it does not take them.
    """

    def __init__(self, said: str, *, is_sent: bool = False, is_rejected: bool = False) -> None:
        super().__init__(said)
        self.is_sent, self.is_rejected = is_sent, is_rejected


class Diverged(RemoteFailed):
    """The other side's main has commits that are not here."""


def push_main(git: Git, url: str, commit: str, timeout: float, *, expected: str | None = None) -> None:
    """Move the `main` of the repository at *url* forward to *commit*. Takes at most *timeout* seconds.

    `main` moves only if its present commit is an ancestor of *commit*. With *expected*, it moves only if its present
    commit is that one (empty: if there is no `main`); the server compares and moves it in one step.

    Raises:
        Diverged, RemoteFailed: as far as can be told, `main` is where it was.
    """
    lease = [] if expected is None else [f"--force-with-lease={MAIN}:{expected}"]
    with NamedTemporaryFile(prefix="promptgit-push-") as trace:
        try:
            command = git.command("push", *_PUSH, *lease, _NAME, f"{commit}:{MAIN}")
            _run(command, _variables(url) | {"GIT_TRACE2_EVENT": trace.name}, timeout)
        except RemoteFailed as error:
            # `git push` starts `git pack-objects` once it has compared the refs, and sends what that prints.
            error.is_sent = b'"pack-objects"' in trace.read()
            raise


def fetch_main(git: Git, url: str, ref: str, timeout: float) -> None:
    """Bring the other side's `main` and what it reaches here, to stay through a power cut, and point *ref* at it.

    Raises:
        RemoteFailed: *ref* is where it was.
    """
    _run(git.command(*_DURABLY, "fetch", *_FETCH, _NAME, f"+{MAIN}:{ref}"), _variables(url), timeout)


def find_main(git: Git, url: str, timeout: float) -> str | None:
    """The commit of the other side's `main`; None: it has no such branch.

    Raises:
        RemoteFailed
    """
    try:
        said = _run(git.command("ls-remote", "--exit-code", _NAME, MAIN), _variables(url), timeout, _NOTHING_FOUND)
    except _NothingFound:
        return None
    found = _ADVERTISED.search(said)  # ssh may have printed warnings before it
    if found is None:
        return None
    if len(found[1]) != _SHA1_DIGITS:
        raise RemoteFailed("its commits are not named by SHA-1")
    return found[1].decode("ascii")


def fetch_all(source: Path, into: Path) -> None:
    """Bring all refs of one repository, and what they reach, into another, to stay through a power cut.

    No ref is forced or removed.

    Raises:
        Diverged, RemoteFailed
    """
    git = Git(into)
    fetch = ["fetch", "--no-tags", "--no-write-fetch-head", str(source.absolute()), "refs/*:refs/*"]
    _run(git.command(*_DURABLY, *fetch), environment(), None)
    # Each fetch leaves a pack, however small: few are left of them.
    _run(git.command(*_DURABLY, "repack", "-q", "-d", "--geometric=2"), environment(), None)


def without_userinfo(text: str) -> str:
    """*text* with what stands before the @ of addresses removed."""
    return _USERINFO.sub("//", text)


class _NothingFound(Exception):
    """The other side has no such ref."""


def _variables(url: str) -> dict[str, str]:
    """The environment of a git that talks to *url* under `_NAME`.

    Settings are passed in it, because other users of the machine cannot see it (git-config(1)). Credentials are looked
    up each time: a token may live for an hour.
    """
    address, username, password = _split(url)
    settings = [
        *_settings_of_user(),
        (f"remote.{_NAME}.url", address),
        ("http.lowSpeedLimit", "1000"),
        ("http.lowSpeedTime", "60"),
    ]
    variables = environment(*_TRANSPORT) | {"GIT_SSH_COMMAND": _SSH}
    if username:
        scheme, place = urlsplit(address)[:2]
        helper = f"credential.{scheme}://{place}.helper"  # for no other host, wherever it sends us
        settings += [(helper, ""), (helper, _CREDENTIALS)]  # the empty one drops those before it
        variables |= {"PROMPTGIT_USERNAME": username, "PROMPTGIT_PASSWORD": password}
    variables["GIT_CONFIG_COUNT"] = str(len(settings))
    for number, (key, value) in enumerate(settings):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return variables


def _settings_of_user() -> list[tuple[str, str]]:
    """Git's global settings for credentials and HTTP, of the user that runs the service; read at most once a second."""
    global _settings
    read_at, home, settings = _settings
    now = time.monotonic()
    if home != os.environ.get("HOME") or now - read_at > _SETTINGS_SECONDS:
        settings = _read_settings_of_user()
        _settings = now, os.environ.get("HOME"), settings
    return settings


def _read_settings_of_user() -> list[tuple[str, str]]:
    """Read them with `git config --global`, which takes 3 to 5 ms (2 shared processors, 2026-11)."""
    done = subprocess.run(
        ["git", "config", "--global", "--includes", "-z", "--get-regexp", _OF_TRANSPORT],
        env={name: value for name, value in environment().items() if name != "GIT_CONFIG_GLOBAL"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,  # it fails where there are none
    )
    pairs = (entry.partition("\n") for entry in done.stdout.split("\0") if entry)
    return [(key, value) for key, _, value in pairs]


def _split(url: str) -> tuple[str, str, str]:
    """An address, and the name and password that were in it, which HTTP alone has."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or "@" not in parts.netloc:
        return url, "", ""
    place = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=place).geturl(), unquote(parts.username or ""), unquote(parts.password or "")


def _run(command: Sequence[str], variables: dict[str, str], timeout: float | None, nothing: int = 0) -> bytes:
    """What git prints; `_NothingFound` if it ends with the status *nothing*, which is not 0."""
    with subprocess.Popen(
        command,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,  # ssh and the like end with it
    ) as child:
        try:
            said = child.communicate(timeout=timeout)[0]
        except subprocess.TimeoutExpired:
            raise RemoteFailed(f"it took more than {timeout:g} seconds") from None
        finally:
            end(child)
    if child.returncode == 0:
        return said
    if child.returncode == nothing:
        raise _NothingFound
    text = without_userinfo(said.decode(errors="replace")).strip()
    kind = Diverged if re.search(r"\[rejected\].*\((fetch first|non-fast-forward)\)", text) else RemoteFailed
    raise kind(text[-2_000:].removesuffix("."), is_rejected=re.search(r"^!\t", text, re.MULTILINE) is not None)
