"""`Idempotency-Key`: how a write that is sent again is recognised."""

from __future__ import annotations

import hashlib
import json
import re

from flask import request

from promptgit.domain.models import Request
from promptgit.errors import Invalid
from promptgit.http.api import access

HEADER = "Idempotency-Key"

_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_NOBODY = "nobody"  # in place of a credential's id, where nobody is told apart; none is called so


def requested() -> Request | None:
    """The key of Flask's request and the fingerprint of its meaning; None if it has no key.

    A repeat has the same method, target, preconditions and JSON value; the spacing of the JSON may differ.

    Raises:
        Invalid: the key breaks the rule.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise Invalid(HEADER, "is not 1 to 255 visible ASCII characters; take a random UUID")
    credential = access.who_asks().rights.credential
    body = json.loads(request.get_data() or b"{}")
    meaning = [request.method, request.full_path, request.headers.get("If-Match"), body]
    if "If-None-Match" in request.headers:
        meaning.append(request.headers["If-None-Match"])
    return Request(_digest([credential or _NOBODY, key]), _digest(meaning))


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
