"""Bytes that are nearly HTTP, on real sockets: requests that hide another one, break the rules, or end too early."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from tests.faults import attempts
from tests.support import Http, Server

Record = Callable[[str, object], None]

_BODY = b'{"content":"x"}'
_HEAD = b"HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
HIDDEN = b"PUT /api/names/hidden %sContent-Length: %d\r\n\r\n%s" % (_HEAD, len(_BODY), _BODY)
"""A request that is only made if the server ends the one before it in another place than a proxy would."""

ENDS = b"GET /healthz %sConnection: close\r\n\r\n" % _HEAD

_LAST = b"0\r\n\r\n"
_ALL = b"Content-Length: %d\r\n" % (len(_LAST) + len(HIDDEN))
CODINGS = [  # with a length, and with which a proxy may see no coding
    *(
        b"Transfer-Encoding: " + value
        for value in (b"chunked", b"CHUNKED", b"xchunked", b"chunked, identity", b"identity, chunked")
    ),
    *(
        b"Transfer-Encoding: " + value
        for value in (b"chunked\r\nTransfer-Encoding: x", b"x\r\nTransfer-Encoding: chunked", b'"chunked"')
    ),
    *(
        b"Transfer-Encoding:" + value
        for value in (b"\tchunked", b"\x0bchunked", b" chunked\x0b", b"\r\n chunked", b" chunked\0", b" chun\r\n ked")
    ),
    *(
        name + b": chunked"
        for name in (
            b"Transfer-Encoding ",
            b"Transfer_Encoding",
            b" Transfer-Encoding",
            b"Transfer-Encoding\0",
            b"X: y\nTransfer-Encoding",
        )
    ),
    b"X: y\rTransfer-Encoding: chunked",
    b"Foo: bar\r\n\tTransfer-Encoding: chunked",
]
LENGTHS = [  # each may be read as 5
    *(
        b"5\r\nContent-Length: 9",
        b"9\r\nContent-Length: 5",
        b"5, 9",
        b"5,5,9",
        b"+5",
        b"0x5",
        b"5 5",
        b"-5",
        b"5e0",
        b"5.0",
        b"5;a",
        b"05 9",
        b'"5"',
        b"5\x0b",
    ),
    *(b"%d" % (2**64 + 5), b"%d" % (2**32 + 5), b"\xd9\xa5", b"\xef\xbc\x95", b"5\0", b"5_", b"", b"five", b"5\r\n 9"),
]
SIZES = [b"+5", b"0x5", b"-5", b" 5 5", b"5x", b"%x" % (2**64 + 5), b"5\0", b"five", b"5,5", b"5\r", b"\xd9\xa5", b"5_"]
"""Sizes of chunks which are none, and may be read as 5."""
ODD = [
    *(
        b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        for target in (
            *(
                b"http://evil.example/api/prompts",
                b"//evil.example/",
                b"*",
                b"",
                b"/\x80\xff",
                b"/%",
                b"/%zz",
                b"/\0",
                b"/\\..\\..",
                b"/../../etc/passwd",
                b"api/prompts",
            ),
            *(
                b"/a b",
                b"/\tx",
                b"ftp://x/",
                b"/" + b"a" * 70_000,
                b"/?" + b"a=1&" * 20_000,
                b"/#x",
                b"http://",
                b"?x",
                b"/\r/",
                b"http://[::1/",
                b"/api/prompts/%FF",
            ),
        )
    ),
    *(
        b"GET /healthz " + version + b"\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        for version in (
            b"HTTP/0.9",
            b"HTTP/1.10",
            b"HTTP/2.0",
            b"HTTP/1",
            b"HTTP/1.1x",
            b"http/1.1",
            b"",
            b"HTTP/-1.1",
            b"HTTPS/1.1",
            b"ICY/1.0",
            b"HTTP/9.9",
        )
    ),
    *(
        method + b" /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        for method in (
            b"get",
            b"G\0ET",
            b"PRI",
            b"CONNECT",
            b"TRACE",
            b"PROPFIND",
            b"A" * 5_000,
            b"G(T",
            b"\xc3\x89",
            b"",
        )
    ),
    *(
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + header + b"\r\n\r\n"
        for header in (
            *(
                b"X: a\0b",
                b"X: a\rb",
                b"X\0: a",
                b"X Y: a",
                b": a",
                b"no colon",
                b"X:" + b"\t" * 9_000,
                b"\xff\xfe: a",
                b"X: \xff\xfe",
                b" folded: a",
                b"X: a\r\n b",
            ),
            *(
                b"Host: localhost",
                b"Host: evil.example",
                b"Host: ",
                b"Expect: 100-continue",
                b"Expect: x",
                b"Upgrade: h2c\r\nHTTP2-Settings: AA",
                b"Upgrade: websocket",
            ),
            *(
                b"Connection: close, keep-alive, host",
                b"Range: bytes=0-" + b"0," * 5_000,
                b"Accept: " + b"a/b;q=1," * 5_000,
                b"If-None-Match: " + b'"a",' * 5_000,
            ),
            *(
                b"Cookie: " + b"a=b;" * 5_000,
                b"Authorization: Basic " + b"!" * 5_000,
                b"Authorization: Basic " + b"/" * 999,
                b"Promptgit-Head: \xff",
                b"Origin: null",
            ),
            *(
                b"X-Forwarded-For: " + b"1," * 5_000,
                b"Idempotency-Key: \xff",
                b"Content-Encoding: gzip",
                b"Content-Type: \xff",
                b"Accept-Language: \0",
            ),
        )
    ),
    b"GET /\r\n\r\n",
    b"GET /healthz\n\n",
    b"GET /healthz HTTP/1.1\nHost: localhost\nConnection: close\n\n",
    b"\r\n\r\n\n\nGET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
    b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"\0" * 300,
    b"SSH-2.0-x\r\n",
    b"\0" * 5_000,
    b"\xff" * 5_000,
    b"\n" * 5_000,
    b"GET",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
]
"""What breaks the rules of request lines and headers, and hides nothing."""


def hiding() -> Iterator[bytes]:
    """Requests that hide another one from one reader, and not from another."""
    for coding in CODINGS:
        yield b"POST /api/prompts %s%s%s\r\n\r\n%s%s" % (_HEAD, _ALL, coding, _LAST, HIDDEN)
        yield b"POST /api/prompts %s%s\r\n%s\r\n%s%s" % (_HEAD, coding, _ALL, _LAST, HIDDEN)
    for length in LENGTHS:
        yield b"POST /api/prompts %sContent-Length: %s\r\n\r\n12345%s" % (_HEAD, length, HIDDEN)
        yield b"GET /api/prompts %sContent-Length: %s\r\n\r\n12345%s" % (_HEAD, length, HIDDEN)
    for size in SIZES:
        yield b"POST /api/prompts %sTransfer-Encoding: chunked\r\n\r\n%s\r\n12345\r\n%s%s" % (
            _HEAD,
            size,
            _LAST,
            HIDDEN,
        )


def exchange(server: Server, *parts: bytes, is_cut: bool = False) -> bytes:
    """Send the parts, each by itself; all that is answered until the server ends the connection.

    *is_cut*: the client goes away at once, and reads nothing.
    """
    address = urlsplit(server.url)
    answered = b""
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for part in parts:
                connection.sendall(part)
            while not is_cut and (chunk := connection.recv(1 << 16)):
                answered += chunk
        except ConnectionError:
            pass  # the server has closed it, and did not read to the end
    return answered


def statuses(answered: bytes) -> list[int]:
    """The status of each answer."""
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3})", answered)]


def names(server: Server) -> set[str]:
    """The names of all prompts; and each line of the log is one of JSON."""
    assert all(line["level"] != "error" for line in server.log)
    return {prompt["name"] for prompt in Http(server.url)("GET", "/api/prompts?limit=1000").json}


def test_a_request_that_hides_another_makes_none(shared: Server, record_property: Record) -> None:
    """Content-Length and Transfer-Encoding at once, twice, misspelt or folded."""
    requests = list(hiding())[:: attempts(7, 1, 1)]
    for request in requests:
        answered = exchange(shared, request, ENDS)
        assert all(status < 500 or status in (501, 505) for status in statuses(answered)), (request, answered)
        assert "hidden" not in names(shared), request
    assert (statuses(exchange(shared, HIDDEN, ENDS)), "hidden" in names(shared)) == ([201, 200], True), "it is seen"
    record_property("requests that hide another one, none of them made", len(requests))


def test_what_is_nearly_http_is_no_fault(shared: Server, record_property: Record) -> None:
    requests = ODD[:: attempts(7, 1, 1)]
    for request in requests:
        answered = exchange(shared, request, is_cut=b"\r\n\r\n" not in request)
        assert all(status < 500 or status in (501, 505) for status in statuses(answered)), (request, answered)
        assert not re.search(rb"(?i)\nlocation: *(?!/[^/\\]|http://localhost/)", answered), (request, answered)
    assert Http(shared.url)("GET", "/healthz").status == 200
    assert not [name for name in names(shared) if name != "hidden" and not name.startswith("cut/")]
    record_property("requests that break the rules of HTTP, none of them a fault", len(requests))


def _requests(name: str) -> list[bytes]:
    """A save of this name, with a length, and in chunks."""
    start = b"PUT /api/names/%s %s" % (name.encode(), _HEAD)
    chunks = b"".join(b"%x;a=b\r\n%s\r\n" % (len(part), part) for part in (_BODY[:4], _BODY[4:]))
    return [
        b"%sContent-Length: %d\r\n\r\n%s" % (start, len(_BODY), _BODY),
        b"%sTransfer-Encoding: chunked\r\n\r\n%s0\r\nX: y\r\n\r\n" % (start, chunks),
    ]


@pytest.mark.parametrize("kind", [0, 1], ids=["length", "chunks"])
def test_a_request_that_is_cut_at_any_byte_is_not_made(shared: Server, kind: int, record_property: Record) -> None:
    """And one that comes in two parts, divided at any byte, is made as a whole; so is one that follows at once."""
    whole = _requests("whole")[kind]
    places = range(1, len(whole), attempts(len(whole) // 4, 5, 1))
    for place in places:
        request = _requests(f"cut/{kind}{place:04}")[kind]
        exchange(shared, request[:place], is_cut=True)
    assert not [name for name in names(shared) if name.startswith(f"cut/{kind}")]
    for place in places:
        request = _requests(f"cut/{kind}{place:04}")[kind]
        read = b"GET /api/names/cut/%d%04d %sConnection: close\r\n\r\n" % (kind, place, _HEAD)
        assert statuses(exchange(shared, request[:place], request[place:] + read)) == [201, 200]
    record_property("places where a request was cut, and divided", len(places))
