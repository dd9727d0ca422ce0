"""The log: one JSON object a line, on stderr."""

from __future__ import annotations

import logging
import os
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
    """Writes each line at once: lines of several processes do not mix.

    In a pipe the kernel promises that up to 4,096 bytes (pipe(7), PIPE_BUF); only tracebacks are longer.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line; a log that cannot be written does not stop the service."""
        try:
            rest = self.format(record).encode() + b"\n"
            while rest:
                rest = rest[os.write(_STDERR, rest) :]
        except OSError:
            pass  # whoever read the log has gone
        except Exception:
            self.handleError(record)


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
