"""What the operating system reports, as errors that name the server and the cause."""

import errno
import socket

from postern.client.errors import ConnectionBroken, ConnectionFailed, ConnectTimeout, ReadTimeout, TransportError

_CAUSES = {
    errno.ECONNREFUSED: "the connection was refused: nothing listens there",
    errno.ENETUNREACH: "there is no route to this network",
    errno.EHOSTUNREACH: "there is no route to this host",
    errno.EPIPE: "the connection was closed",
    errno.ECONNRESET: "the connection was reset",
    errno.EMFILE: "this process has too many files open",
    errno.EACCES: "the operating system forbids the connection",
}


def connect_failure(error: OSError, place: str) -> TransportError:
    """Why there is no connection."""
    if isinstance(error, TimeoutError):
        return ConnectTimeout(f"{place}: no connection in time")
    if isinstance(error, socket.gaierror):
        return ConnectionFailed(f"{place}: the name cannot be resolved: {error.strerror}")
    return ConnectionFailed(f"{place}: {_cause(error)}")


def read_timeout(place: str, seconds: float) -> ReadTimeout:
    """The server was silent for too long."""
    return ReadTimeout(f"{place}: no answer within {seconds:g} seconds")


def broken(error: OSError, place: str) -> ConnectionBroken:
    """A connection that there was, and is no more."""
    return ConnectionBroken(f"{place}: {_cause(error)}")


def _cause(error: OSError) -> str:
    return _CAUSES.get(error.errno or 0) or error.strerror or str(error) or "the connection was lost"
