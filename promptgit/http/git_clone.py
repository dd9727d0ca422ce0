"""Read-only smart HTTP: `git clone http://HOST:PORT/prompts.git` (gitprotocol-http(5))."""

from __future__ import annotations

import re
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from promptgit.errors import (
    ClonesBusy,
    GitRequestTooLarge,
    MalformedGitRequest,
    PromptgitError,
    PushRefused,
    SmartProtocolOnly,
    StorageFailed,
    StorageFull,
    UnusableRepository,
)
from promptgit.http.api import problems
from promptgit.http.api.openapi import answer, operation, refuses
from promptgit.store.files import storage_errors
from promptgit.store.git.upload_pack import UploadPack

_UPLOAD_PACK, _RECEIVE_PACK = "git-upload-pack", "git-receive-pack"
LARGEST_REQUEST = 32 << 20
"""Bytes. A request lists objects, at 50 bytes each."""
_CHUNK = 1 << 16
_GZIP = 16 + zlib.MAX_WBITS
_NOT_CACHED = {
    "Expires": "Fri, 01 Jan 1980 00:00:00 GMT",
    "Pragma": "no-cache",
    "Cache-Control": "no-cache, max-age=0, must-revalidate",
}


def blueprint(upload_pack: UploadPack) -> Blueprint:
    """The routes under /prompts.git."""
    routes = Blueprint("git", __name__, url_prefix="/prompts.git")
    routes.register_error_handler(PromptgitError, _refusal)

    @routes.get("/info/refs")
    @operation(
        "git",
        {200: answer("The refs, or what the service is able to do", _media_type("advertisement"))},
        parameters=[
            {
                "name": "service",
                "in": "query",
                "required": True,
                "description": f"{_UPLOAD_PACK}: fetching; nothing else is served",
                "schema": {"enum": [_UPLOAD_PACK]},
            }
        ],
    )
    @refuses(PushRefused, SmartProtocolOnly, ClonesBusy, UnusableRepository)
    def refs() -> Response:
        """Begin a clone or a fetch (gitprotocol-http(5))."""
        service = request.args.get("service")
        if service == _RECEIVE_PACK:
            raise PushRefused
        if service != _UPLOAD_PACK:
            raise SmartProtocolOnly
        advertised = upload_pack.advertise(_protocol())
        if not advertised.startswith(b"000eversion 2"):
            advertised = b"001e# service=git-upload-pack\n0000" + advertised
        return _response("advertisement", advertised)

    @routes.post(f"/{_UPLOAD_PACK}")
    @operation(
        "git",
        {200: answer("A pack, or what was asked for", _media_type("result"))},
        requestBody={"required": True, "content": {_media_type("request"): {"schema": {"type": "string"}}}},
    )
    @refuses(MalformedGitRequest, GitRequestTooLarge, ClonesBusy, UnusableRepository, StorageFailed, StorageFull)
    def pack() -> Response:
        """Go on with a clone or a fetch (gitprotocol-http(5))."""
        if request.mimetype != _media_type("request"):
            raise MalformedGitRequest(f"is not of the Content-Type {_media_type('request')}")
        with _spooled() as body:
            found = upload_pack.answer(body, _protocol())
        response = _response("result", found)
        response.call_on_close(found.close)
        return response

    @routes.post(f"/{_RECEIVE_PACK}")
    @operation("git", {})
    @refuses(PushRefused)
    def push() -> Response:
        """Refuse a push."""
        raise PushRefused

    @routes.get("/", defaults={"_path": ""}, strict_slashes=False)
    @routes.get("/<path:_path>")
    def file(_path: str) -> Response:
        raise SmartProtocolOnly

    return routes


def _response(kind: str, body: bytes | Iterable[bytes]) -> Response:
    return Response(body, headers=_NOT_CACHED, content_type=_media_type(kind))


def _media_type(kind: str) -> str:
    return f"application/x-{_UPLOAD_PACK}-{kind}"


def _refusal(error: PromptgitError) -> Response:
    """A problem document; plain text for git, which shows its user nothing else."""
    response = problems.refusal(error)
    if request.user_agent.string.startswith("git/"):
        response.set_data(f"{error}\n")
        response.content_type = "text/plain; charset=utf-8"
    return response


def _protocol() -> str:
    """The version of the protocol that the client asks for, as a value of GIT_PROTOCOL (git(1))."""
    wish = request.headers.get("Git-Protocol", "")
    return wish if re.fullmatch(r"[a-z0-9=.:-]{1,100}", wish) else ""


@contextmanager
def _spooled() -> Iterator[IO[bytes]]:
    """The request's body, unpacked, in a temporary file: git starts only when the client has sent all of it."""
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise MalformedGitRequest("has a Content-Encoding other than gzip")
    chunks = _received() if encoding == "identity" else _unpacked(_received())
    with tempfile.TemporaryFile() as body:
        size = 0
        for chunk in chunks:
            size += len(chunk)
            if size > LARGEST_REQUEST:
                raise GitRequestTooLarge(LARGEST_REQUEST)
            with storage_errors():
                body.write(chunk)
        body.seek(0)
        yield body


def _received() -> Iterator[bytes]:
    request.max_content_length = LARGEST_REQUEST + 1  # werkzeug truncates a chunked body there
    try:
        yield from iter(lambda: request.stream.read(_CHUNK), b"")
    except RequestEntityTooLarge:
        raise GitRequestTooLarge(LARGEST_REQUEST) from None
    except HTTPException:
        raise
    except Exception as error:  # whatever the server raises for a body that breaks HTTP's own rules
        raise MalformedGitRequest(f"cannot be read: {type(error).__name__}") from error


def _unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(_GZIP)
    try:
        for chunk in chunks:
            while data := unpacker.decompress(chunk, _CHUNK):
                yield data
                chunk = unpacker.unconsumed_tail
    except zlib.error as error:
        raise MalformedGitRequest(f"is not gzip, as it says: {error}") from error
    if not unpacker.eof or unpacker.unused_data:
        raise MalformedGitRequest("is not one whole gzip stream")
