"""`Idempotency-Key`: by which a write that is sent again is known."""

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
_NOBODY = "nobody"  # the credential of those who need none; ids of tokens are hexadecimal


def requested() -> Request | None:
    """Flask's request as one that may be repeated, if it has a key.

    A repeat has the same method, target, preconditions and JSON; how that is written down is all one.

    Raises:
        Invalid: the key breaks the rule.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise Invalid(HEADER, "is not 1 to 255 visible ASCII characters; take a random UUID")
    token = access.who_asks().token
    body = json.loads(request.get_data() or b"{}")
    meaning = [request.method, request.full_path, request.headers.get("If-Match"), body]
    if "If-None-Match" in request.headers:
        meaning.append(request.headers["If-None-Match"])
    return Request(_digest([token.id if token else _NOBODY, key]), _digest(meaning))


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
