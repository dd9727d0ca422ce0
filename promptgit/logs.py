"""The log: one JSON object a line, on stderr."""

from __future__ import annotations

import logging
import os
import socket
import stat
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime

import orjson

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that is being answered here; each line of the log has it."""

_STDERR = 2


class JsonFormatter(logging.Formatter):
    """A record as JSON in one line; `extra={"fields": {...}}` adds members."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _text(record.getMessage()),
        }
        if (current := request_id.get()) is not None:
            line["request_id"] = current
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["exception"] = _text(self.formatException(record.exc_info))
        return orjson.dumps(line).decode()


class StderrHandler(logging.Handler):
    """Writes each line to stderr without waiting. A line for which a pipe has no room is lost, and counted.

    Lines of several processes do not mix: in a pipe the kernel promises that up to 4,096 bytes (pipe(7), PIPE_BUF);
    only tracebacks are longer.
    """

    def __init__(self) -> None:
        super().__init__()
        self._write = _writer()
        self._lost = 0
        self._is_cut = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line; a log that cannot be written does not stop the service."""
        try:
            if self._lost and self._put(self._line(_record_of_lost(self._lost))):
                self._lost = 0
            if self._lost or not self._put(self._line(record)):
                self._lost += 1
        except OSError:
            pass  # whoever read the log has gone
        except Exception:
            self.handleError(record)

    def _line(self, record: logging.LogRecord) -> bytes:
        return self.format(record).encode() + b"\n"

    def _put(self, line: bytes) -> bool:
        """Write a line; False if there was no room for all of it."""
        rest = b"\n" + line if self._is_cut else line
        try:
            while rest:
                rest = rest[self._write(rest) :]
        except BlockingIOError:
            self._is_cut = self._is_cut or len(rest) < len(line)
            return False
        self._is_cut = False
        return True


def _writer() -> Callable[[bytes], int]:
    """A function that writes to stderr without waiting, and returns how many bytes it wrote.

    It raises BlockingIOError if there is no room. A pipe is opened a second time, because O_NONBLOCK on the given
    descriptor would hold for every process that shares it.
    """
    kind = os.fstat(_STDERR).st_mode
    if stat.S_ISSOCK(kind):  # systemd's journal
        end = socket.socket(fileno=os.dup(_STDERR))
        return lambda data: end.send(data, socket.MSG_DONTWAIT)
    if stat.S_ISFIFO(kind):
        with suppress(OSError):  # no /proc, or somebody else's pipe
            pipe = os.open(f"/proc/self/fd/{_STDERR}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            return lambda data: os.write(pipe, data)
    return lambda data: os.write(_STDERR, data)


def _record_of_lost(count: int) -> logging.LogRecord:
    text = f"{count} lines of the log were lost here: nobody read it fast enough"
    return logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, None, None)


def configure(level: str) -> None:
    """Have this process write all its log as JSON; *level* is debug, info, warning or error."""
    handler = StderrHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
    # Records are not to look up what no line shows (docs.python.org/3/howto/logging.html#optimization).
    logging._srcfile = None
    logging.logThreads = logging.logMultiprocessing = False  # gunicorn shows the process


def _text(text: str) -> str:
    """Without lone surrogates, which are no UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()
