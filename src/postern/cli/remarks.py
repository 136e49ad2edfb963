"""What the client logs while a command runs, such as that an old token is used, as remarks to the person."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from postern.cli.output import printable, tell

# `postern.client.token_refresh.LIFETIME_LOGGER`: a command that was asked for a longer life says so itself, and fails.
_SAID_ELSEWHERE = "postern.client.token_refresh.lifetime"


class _Remarks(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if record.name != _SAID_ELSEWHERE:
            tell(f"postern: {printable(record.getMessage())}")


@contextmanager
def remarks_shown() -> Iterator[None]:
    """Warnings of the client go to standard error, one line each."""
    logger, remarks = logging.getLogger("postern.client"), _Remarks(logging.WARNING)
    logger.addHandler(remarks)
    try:
        yield
    finally:
        logger.removeHandler(remarks)
