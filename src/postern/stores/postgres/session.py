"""A connection that learns of a dead server by itself, and that never asks a server to cancel anything."""

import asyncio
import socket
from typing import Any

import asyncpg

# A server that was cut off answers nothing, not even that it is gone: the kernel asks after it when nothing was heard
# for a while, and gives up on what was sent and not acknowledged.
_KEEPALIVE = {"TCP_KEEPIDLE": 2, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 3000}


class Session(asyncpg.Connection):
    """PostgreSQL takes a cancelled commit that waits for its standby for done: others see it, and are answered from
    what a failover would lose. So whoever waits no longer hangs up; the commit is seen when it is safe.
    """

    host = ""  # the URL that it was made with

    def __init__(self, protocol: Any, transport: asyncio.Transport, *rest: Any, **named: Any) -> None:
        super().__init__(protocol, transport, *rest, **named)
        _ask_after_the_server(transport.get_extra_info("socket"))

    def _cancel_current_command(self, *_: "asyncio.Future[None]") -> None:
        """The driver's own sends a CancelRequest, when a call is cancelled and when it has taken too long."""
        asyncio.get_running_loop().call_soon(self.terminate)


def _ask_after_the_server(connection: socket.socket) -> None:
    if connection.family not in (socket.AF_INET, socket.AF_INET6):
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):  # some are Linux's own
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
