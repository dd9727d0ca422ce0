"""Other repositories: pushing `main` to one, and filling a backup."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from promptgit.store.git.command import Git, end, environment

# What git's transports use: ssh's agent, proxies, certificates.
_TRANSPORT = (
    "SSH_AUTH_SOCK",
    *("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"),
)
_SSH = "ssh -oBatchMode=yes -oConnectTimeout=15 -oServerAliveInterval=15 -oServerAliveCountMax=3"
_NAME = "promptgit-mirror"
# The shell that git starts reads them where `ps` does not show them.
_CREDENTIALS = '!printf "username=%s\\npassword=%s\\n" "$PROMPTGIT_USERNAME" "$PROMPTGIT_PASSWORD"; :'
_USERINFO = re.compile(r"//\S*@")  # a password that should be quoted, and is not, may hold a slash
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


class RemoteFailed(Exception):
    """Git could not do it; `str()` is what it said, without anybody's password."""


class Diverged(RemoteFailed):
    """The other side's main has commits that are not here."""


def push_main(git: Git, url: str, commit: str, timeout: float) -> None:
    """Bring the other side's `main` forward to *commit*; never by force. Takes at most *timeout* seconds.

    Raises:
        Diverged, RemoteFailed: it is where it was, as far as can be told.
    """
    address, username, password = _split(url)
    settings = {
        f"remote.{_NAME}.url": address,
        "http.lowSpeedLimit": "1000",
        "http.lowSpeedTime": "60",
    }
    variables = {"GIT_SSH_COMMAND": _SSH}
    if username:
        scheme, place = urlsplit(address)[:2]
        settings |= {f"credential.{scheme}://{place}.helper": _CREDENTIALS}  # for no other host, wherever it sends us
        variables |= {"PROMPTGIT_USERNAME": username, "PROMPTGIT_PASSWORD": password}
    options = ["--porcelain", "--no-verify", "--no-follow-tags", "--no-signed", "--recurse-submodules=no"]
    command = git.command("push", *options, _NAME, f"{commit}:refs/heads/main")
    _run(command, environment(*_TRANSPORT) | variables | _as_variables(settings), timeout)


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


def _split(url: str) -> tuple[str, str, str]:
    """An address, and the name and password that were in it, which HTTP alone has."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or "@" not in parts.netloc:
        return url, "", ""
    place = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=place).geturl(), unquote(parts.username or ""), unquote(parts.password or "")


def _as_variables(settings: dict[str, str]) -> dict[str, str]:
    """Settings in the environment, which other users of the machine cannot see (git-config(1))."""
    found = {"GIT_CONFIG_COUNT": str(len(settings))}
    for place, (key, value) in enumerate(settings.items()):
        found |= {f"GIT_CONFIG_KEY_{place}": key, f"GIT_CONFIG_VALUE_{place}": value}
    return found


def _run(command: Sequence[str], variables: dict[str, str], timeout: float | None) -> None:
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
    if child.returncode != 0:
        text = without_userinfo(said.decode(errors="replace")).strip()
        kind = Diverged if re.search(r"\[rejected\].*\((fetch first|non-fast-forward)\)", text) else RemoteFailed
        raise kind(text[-2_000:])
