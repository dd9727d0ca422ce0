"""What is posted to a hook: the body and the headers of each format.

`json` is the feed's entry, signed as Standard Webhooks (standardwebhooks.com) has it; `slack` a sentence for Slack's
and Mattermost's incoming webhooks, whose address is the secret; `github-dispatch` starts workflows of GitHub Actions
("Create a repository dispatch event" of GitHub's REST API).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, quote

import orjson

from promptgit.domain.models import HOOK_FORMATS
from promptgit.errors import Invalid
from promptgit.jobs import slack
from promptgit.jobs.outbound import Undelivered, check_url

JSON, SLACK, DISPATCH = HOOK_FORMATS

_SECRET_PREFIX = "whsec_"  # noqa: S105  # of the Standard Webhooks specification, "Signature scheme"
_SECRET_BYTES = range(24, 65)
_DISPATCHES = re.compile(r"(?:/[^/]+)*/repos/[^/]+/[^/]+/dispatches")  # GitHub Enterprise has a path before it
_TOKEN = re.compile(rb"[\x21-\x7e]{1,1000}")
_MOST_BYTES = 60_000  # GitHub takes less than 64 KB
_MOST_CHARACTERS = 1_000  # of each of some ten texts in what would be longer; one takes up to six bytes in JSON


class Keys(NamedTuple):
    """What shows a receiver who sends; '' where a format has none.

    *secret* signs messages of the format `json`; *token_file* has GitHub's token, and is read at each delivery.
    """

    secret: str = ""
    token_file: str = ""


def check(form: str, parts: SplitResult, keys: Keys) -> None:
    """Refuse what a format cannot work with.

    Raises:
        Invalid: there is no such format, the address is none of its own, or a key is missing, weak or too many.
    """
    if form not in HOOK_FORMATS:
        raise Invalid("format", f"is none of {', '.join(HOOK_FORMATS)}: {form[:60]}")
    if form == JSON:
        signing_key(keys.secret)
    elif keys.secret:
        raise Invalid("secret", f"is not used by the format {form}; leave it out")
    if (form == DISPATCH) != bool(keys.token_file):
        raise Invalid("token file", f"is for the format {DISPATCH}, which needs one")
    if form == DISPATCH and not _is_dispatch(parts):
        raise Invalid("url", "is no https://api.github.com/repos/OWNER/REPO/dispatches")


def signing_key(secret: str) -> bytes:
    """The bytes that a secret stands for.

    Raises:
        Invalid: it is not written as Standard Webhooks has it.
    """
    try:
        key = base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(_SECRET_PREFIX) or len(key) not in _SECRET_BYTES:
        raise Invalid(
            "secret",
            "is not 'whsec_' and 24 to 64 bytes in base64; make one: echo \"whsec_$(openssl rand -base64 32)\"",
        )
    return key


def address_of(public_url: str, payload: Mapping[str, Any]) -> str | None:
    """The page about what a payload tells, below the address of this service; None: there is none."""
    if not public_url:
        return None
    prompt = f"{public_url}/prompts/{payload.get('prompt_id')}"
    match payload["type"]:
        case "version" | "restore" | "check":
            return f"{prompt}/versions/{payload['version_number']}"
        case "rename" | "delete":
            return prompt
        case "label":
            return f"{prompt}/labels/{quote(payload['label'], safe='')}"
        case "release":
            return f"{public_url}/releases/{payload['release']}"
        case "commit" if payload["change_count"] == 1:
            return address_of(public_url, payload["changes"][0])
        case "commit" | "rules":
            return f"{public_url}/activity/{payload['commit']}"
        case _:
            return f"{public_url}/"


def request(
    form: str, url: str, keys: Keys, message: str, now: int, payload: Mapping[str, Any]
) -> tuple[bytes, dict[str, str]]:
    """The body and the headers with which to post a payload at *now*, in seconds since 1970.

    Raises:
        Undelivered: the token cannot be read, or would go elsewhere than to GitHub's API over TLS.
    """
    headers = {"Content-Type": "application/json", "User-Agent": "promptgit"}
    if form == SLACK:
        return _dumped(slack.message(payload)), headers
    if form == DISPATCH:
        if not _is_dispatch(check_url(url)):
            raise Undelivered("the token goes to https://.../repos/OWNER/REPO/dispatches alone")
        headers |= {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {_token(keys.token_file)}",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        return _dispatch(payload), headers
    body = _dumped(payload)
    signed = b".".join((message.encode(), str(now).encode(), body))
    signature = base64.b64encode(hmac.digest(signing_key(keys.secret), signed, hashlib.sha256)).decode()
    headers |= {"webhook-id": message, "webhook-timestamp": str(now), "webhook-signature": f"v1,{signature}"}
    return body, headers


def _is_dispatch(parts: SplitResult) -> bool:
    return parts.scheme == "https" and not parts.query and _DISPATCHES.fullmatch(parts.path) is not None


def _token(file: str) -> str:
    try:
        found = Path(file).read_bytes().strip()
    except OSError as error:
        raise Undelivered(f"the token file cannot be read: {error.strerror}") from None
    if not _TOKEN.fullmatch(found):
        raise Undelivered("the token file holds no token")
    return found.decode()


def _dispatch(payload: Mapping[str, Any]) -> bytes:
    body = _event(payload)
    return body if len(body) <= _MOST_BYTES else _event({**_shortened(payload), "truncated": True})


def _event(payload: Mapping[str, Any]) -> bytes:
    """In one key of `client_payload`, which takes ten: a label's move has more."""
    return _dumped({"event_type": f"promptgit-{payload['type']}", "client_payload": {"change": payload}})


def _shortened(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Without lists, and with short texts."""
    short: dict[str, Any] = {}
    for key, value in payload.items():
        match value:
            case str():
                short[key] = value[:_MOST_CHARACTERS]
            case dict():
                short[key] = _shortened(value)
            case list():
                pass
            case _:
                short[key] = value
    return short


def _dumped(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)
