"""Logs: one JSON object per line on standard error. Only what is named here is written, so no secret can slip in by
being near.
"""

import json
import logging
import sys
import time
from functools import lru_cache
from typing import TextIO

import msgspec

from postern.core.audit import AuditEvent

AUDIT_LOGGER = "postern.audit"
ACCESS_LOGGER = "postern.access"

_audit = logging.getLogger(AUDIT_LOGGER)
_encode = msgspec.json.Encoder().encode


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON. ``extra={"fields": {...}}`` adds members."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": f"{_date_and_time(int(record.created))}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields = getattr(record, "fields", None)
        if isinstance(fields, dict):
            line |= fields
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _printable(_encode(line).decode())


@lru_cache(maxsize=1)
def _date_and_time(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def _printable(line: str) -> str:
    """Escape what a terminal might obey or a reader take for a line's end; in JSON it stands only inside strings."""
    if line.isprintable():
        return line
    return "".join(character if character.isprintable() else json.dumps(character)[1:-1] for character in line)


def configure(level: str, stream: TextIO | None = None) -> None:
    """Send all logging of this process to ``stream`` as JSON lines."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # PERF: a fifth of each line. Which place of the code a line is from, nobody is told.
    logging.logMultiprocessing = False
    logging._srcfile = None  # as Python's logging how-to has it
    _audit.setLevel(logging.INFO)  # what happened to whom is written at every level
    # Frameworks are heard when something is wrong; at debug they would print what passes through them.
    for noisy in ("uvicorn", "uvicorn.error", "uvicorn.access", "asyncio", "httptools", "httpcore"):
        logger = logging.getLogger(noisy)
        logger.handlers[:] = []
        # uvicorn takes an access logger that reaches a handler as a wish for access lines; the application logs them.
        logger.propagate = noisy != "uvicorn.access"
        logger.setLevel(max(logging.WARNING, root.level))


def record_audit(event: AuditEvent) -> None:
    """Write an audit event."""
    _audit.info(event.event_name.value, extra={"fields": {"audit": msgspec.to_builtins(event)}})
