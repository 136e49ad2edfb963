"""The connections that wait to be taken up.

uvloop takes up one in each turn of its loop. Where turns are long, since there is much to do, those who come anew would
wait for seconds, while those who are connected already have their answers. So whenever one is taken up, all that wait
behind it are as well.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable

_MOST_IN_A_TURN = 64
_MOST_IN_HANDSHAKE = 512


class Backlog:
    """What waits at a listening socket."""

    def __init__(self, listener: socket.socket | None) -> None:
        self._listener = listener
        self._is_due = False
        self._beginning: set[asyncio.Task[object]] = set()
        if listener is not None:
            listener.setblocking(False)

    def take_up(self, make_protocol: Callable[[], asyncio.Protocol], tls: ssl.SSLContext | None) -> None:
        """Take up whoever waits, once this turn's work is done."""
        if self._listener is None or self._is_due:
            return
        self._is_due = True
        asyncio.get_running_loop().call_soon(self._take_up, self._listener, make_protocol, tls)

    def _take_up(
        self, listener: socket.socket, make_protocol: Callable[[], asyncio.Protocol], tls: ssl.SSLContext | None
    ) -> None:
        self._is_due = False
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):  # nobody waits, there is no room for one more file, or the server stops
            for _ in range(min(_MOST_IN_A_TURN, _MOST_IN_HANDSHAKE - len(self._beginning))):
                connection, _address = listener.accept()
                connection.setblocking(False)
                task: asyncio.Task[object] = loop.create_task(_begin(loop, make_protocol, connection, tls))
                self._beginning.add(task)
                task.add_done_callback(self._beginning.discard)


async def _begin(
    loop: asyncio.AbstractEventLoop,
    make_protocol: Callable[[], asyncio.Protocol],
    connection: socket.socket,
    tls: ssl.SSLContext | None,
) -> None:
    """Until there is a connection, its TLS handshake included; who breaks that off is no news."""
    with contextlib.suppress(OSError):
        await loop.connect_accepted_socket(make_protocol, connection, ssl=tls)
