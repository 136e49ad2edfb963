"""Connections with limits: a request must arrive whole in time (slow loris), its head must be of a sane size, an answer
must be read in time, one connection too many is closed at once, nobody changes to another protocol, and what the server
cannot do in time is refused before it costs anything.
"""

import asyncio
import socket
import struct
from collections.abc import Awaitable
from typing import Any

import httptools
from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from postern.api.response import Headers, Response, lines
from postern.server.call import Call
from postern.server.direct import Direct, Exchange
from postern.server.glance import keeps_connection
from postern.server.limits import Limits
from postern.server.responses import CLOSE, CONTINUE, OneWrite

STATE_KEY = "connection_limits"
MAX_HEAD = 64 * 1024
MAX_HEADERS = 200
_NOT_WAITING = float("inf")
_DROP = struct.pack("ii", 1, 0)  # struct linger: on, for no time
_IN_BODY = float("-inf")  # adding to it changes nothing, so that a body is not counted
_BAD_REQUEST, _HEAD_TOO_LARGE = 400, 431


class RefusedHead(Exception):
    """Raised within the parser, which stops there: nothing after it on the connection is looked at."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class TimedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which notes since when it waits for its client. Its limits come from the application's
    state.
    """

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any], **arguments: Any) -> None:
        super().__init__(config=config, server_state=server_state, app_state=app_state, **arguments)
        self.headers = []
        self.waits_since = _NOT_WAITING
        self._unread_since = _NOT_WAITING
        self._app_state = app_state
        self._limits: Limits = app_state[STATE_KEY]
        self._head: float = 0
        self._read = 0
        self._refused = False
        self._running: RequestResponseCycle | Exchange | None = None
        self._response: OneWrite | None = None
        self._is_arriving = False
        self._fields: Headers = []
        self._body = bytearray()
        self._idle_since = _NOT_WAITING

    def stuck_since(self, now: float) -> float:
        """Since when nothing goes on that the client should see to: the rest of a request, or reading the answer."""
        if self._unread_since == _NOT_WAITING and self.transport.is_closing():
            self._unread_since = now  # closed, but what was written is not yet read
        return min(self.waits_since, self._unread_since)

    def is_left_idle(self, now: float) -> bool:
        """Whether nothing came since an answer for as long as a connection may idle. After one of the application
        uvicorn's timer sees to it. PERF: a timer for each answer would cost 2 µs.
        """
        return self._idle_since < now - self.timeout_keep_alive

    def abort(self) -> None:
        """Close at once; what the application still sends goes nowhere, and what was written is dropped: the system
        would keep it for minutes for a client that does not read.
        """
        connection = self.transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DROP)
        for cycle in (self._running, self.cycle):
            if cycle is not None:
                cycle.disconnected = True
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._limits.backlog.take_up(self._another, self.config.ssl)
        if not self._limits.enter(self):
            transport.abort()
            return
        self.waits_since = self.loop.time()
        super().connection_made(transport)

    def _another(self) -> "TimedProtocol":
        return TimedProtocol(self.config, self.server_state, self._app_state)

    def connection_lost(self, exc: Exception | None) -> None:
        self._limits.open.discard(self)
        if self._running is not None and not self._running.response_complete:
            # uvicorn tells only the newest request, which need not be the one that is being served.
            self._running.disconnected = True
            self._running.message_event.set()
        if self.transport is not None:
            super().connection_lost(exc)

    def shutdown(self) -> None:
        """Answer what is here whole; do not wait for the rest of a request."""
        running = self._running
        if self.waits_since == _NOT_WAITING:
            super().shutdown()
        elif running is not None and not running.response_complete and not running.more_body:
            running.keep_alive = False
        else:
            self.abort()

    def pause_writing(self) -> None:
        self._unread_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._unread_since = _NOT_WAITING
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head that is not whole yet. The parser collects a long value without a word, so
        it is the bytes that count; those of a head that begins in the middle of a read count from the next read on.
        """
        if self._refused or (not self._limits.admission.has_room() and self._turn_away(data)):
            return
        self._idle_since = _NOT_WAITING
        self._unset_keepalive_if_required()
        if self.waits_since == _NOT_WAITING:
            self.waits_since = self.loop.time()  # empty lines between two requests begin no message
        self._read = len(data)
        self._head += self._read
        try:
            self._feed(data)
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse(cause.status if isinstance(cause, RefusedHead) else _BAD_REQUEST)
            return
        if self._head > MAX_HEAD or len(self.headers) > MAX_HEADERS:
            self._refuse(_HEAD_TOO_LARGE)
        elif self._is_arriving:
            self._expect_body()

    def _feed(self, data: bytes | memoryview) -> None:
        """Parse, and ignore every wish to change the protocol (``Upgrade: h2c``, which some clients send with any
        request, or a WebSocket), as RFC 9110 section 7.8 allows.

        The parser takes such a request as one without a body, and what follows as another protocol; uvicorn then goes
        on and takes the body for the next request. So a new parser reads the head again without that header. The
        body is then read as any other, and no byte is seen as anything else than it is.
        """
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = memoryview(data)[upgrade.args[0] :]
                head = self._head_without_upgrade()
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn sets it
                self.parser.feed_data(head)
            else:
                return

    def _head_without_upgrade(self) -> bytes:
        version = self.parser.get_http_version().encode()
        lines = [self.parser.get_method() + b" " + self.url + b" HTTP/" + version]
        lines += [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    def on_message_begin(self) -> None:
        """PERF: uvicorn makes a scope here, 1 µs; it is made when the application needs one."""
        self.waits_since = self.loop.time()
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        if len(self.headers) > MAX_HEADERS or (max(self._head, self._read) > MAX_HEAD < self._size_of_head()):
            raise RefusedHead(_HEAD_TOO_LARGE)
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise RefusedHead(_BAD_REQUEST)
            return  # it comes again, see _feed
        self._head = _IN_BODY
        self._is_arriving = True
        self._fields, self.headers = self.headers, []  # trailers are counted, and are no headers of the request

    def _size_of_head(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def on_chunk_header(self) -> None:
        """Count again: after the last chunk come trailers."""
        self._head = 0

    def on_body(self, body: bytes) -> None:
        self._head = _IN_BODY
        if not self._is_arriving:
            super().on_body(body)
            return
        self._body += body
        if len(self._body) > self._limits.max_body:
            self._hand_over(ends=True)

    def on_message_complete(self) -> None:
        self._head = 0
        if self.parser.should_upgrade():
            return
        self.waits_since = _NOT_WAITING
        if self._is_arriving:
            if not self._limits.admission.has_room() and self._turn_away_late():
                return
            if self._answers_itself():
                return
            self._hand_over()
        super().on_message_complete()

    def _hand_over(self, *, ends: bool = False) -> None:
        """Let the application begin. It sees a request when that is whole, or has a larger body than it wants to see:
        what arrives slowly is no work, and what is turned away never becomes any. Whatever it says of too large a body,
        the connection ``ends`` with it: nobody reads the rest.
        """
        self._is_arriving = False
        url, expects, trailers = self.url, self.expect_100_continue, self.headers
        super().on_message_begin()  # which begins with nothing
        self.url, self.expect_100_continue, self.headers = url, expects, trailers
        self.scope["headers"], self._fields = self._fields, []
        super().on_headers_complete()
        if ends:
            self.cycle.keep_alive = False
        if self._body:
            super().on_body(bytes(self._body))
            self._body = bytearray()

    def _answers_itself(self) -> bool:
        """Whether the whole request that is here is one that the connection answers, with no other before it."""
        direct, method = self._limits.direct, self.parser.get_method()
        if direct is None or not direct.serves(method, self.url):
            return False
        if not self._is_answered() or self.pipeline or self.flow.write_paused:
            return False
        answering = direct.respond(self._call(method))
        if answering is None:
            return False
        self._is_arriving = False
        self._fields, self._body = [], bytearray()
        exchange = Exchange(keep_alive=keeps_connection(self.parser))
        self._running = self.cycle = exchange  # type: ignore[assignment]  # all of a cycle that uvicorn looks at
        self._limits.admission.begin()
        task = self.loop.create_task(self._answer_directly(direct, exchange, answering))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)
        return True

    def _call(self, method: bytes) -> Call:
        path, _, query = self.url.partition(b"?")
        return Call(
            method=method.decode("ascii"),
            path=path.decode("ascii"),
            raw_path=path,
            query=query,
            headers=self._fields,
            address=self.client[0] if self.client else "unknown",
            body=bytes(self._body),
        )

    async def _answer_directly(self, direct: Direct, exchange: Exchange, answering: Awaitable[Response]) -> None:
        try:
            response = await answering
            ends = response.closes or not exchange.keep_alive
            data = direct.write(response, self.server_state.default_headers, closes=ends)
        except BaseException:
            self.transport.abort()  # the server stops, or what answers is broken
            raise
        finally:
            self._limits.admission.end()
            exchange.response_complete = True
        if exchange.disconnected or self.transport.is_closing():
            return
        try:
            self.transport.write(data)
        except RuntimeError:  # of uvloop, between the end of a connection and word of it
            return
        if ends:
            self.transport.close()
        if self.pipeline:
            self.on_response_complete()
            return
        self.server_state.total_requests += 1
        self._idle_since = self.loop.time()

    def _expect_body(self) -> None:
        """Of a request whose head is here, and not all of its body: whether it is to be waited for."""
        if any(name == b"content-length" and int(value) > self._limits.max_body for name, value in self._fields):
            self._hand_over(ends=True)
        elif self.expect_100_continue and self._is_answered():
            self.expect_100_continue = False
            self.transport.write(CONTINUE)
        elif self.expect_100_continue:
            self._hand_over()  # it will be told when those before it have been answered

    def _is_answered(self) -> bool:
        """Whether no earlier request of this connection is in work."""
        return self._running is None or self._running.response_complete

    def _turn_away(self, data: bytes) -> bool:
        """Refuse what just came, if it is one whole request and no other one of this connection is here, not even in
        part.
        """
        glance = self._limits.glance
        if self._is_arriving or self._head > 0 or not self._is_answered() or not glance.is_whole(data):
            return False
        self._unset_keepalive_if_required()
        return self._refuse_work(glance.method, glance.target, keeps_connection=glance.keeps_connection)

    def _turn_away_late(self) -> bool:
        """Refuse the request that came piece by piece and just became whole, unless an earlier one is in work, whose
        answer must come first.
        """
        parser = self.parser
        if not self._is_answered():
            return False
        if not self._refuse_work(parser.get_method(), self.url, keeps_connection=keeps_connection(parser)):
            return False
        self._is_arriving = False
        self._fields, self._body = [], bytearray()
        return True

    def _refuse_work(self, method: bytes, target: bytes, *, keeps_connection: bool) -> bool:
        """Say that there is too much to do, unless this is always served."""
        refusal = self._limits.refusals.find(method, target)
        if refusal is None:
            return False
        self._limits.admission.refuse()
        self.waits_since = _NOT_WAITING
        default_headers = self.server_state.default_headers
        if keeps_connection and method != b"HEAD":
            self._idle_since = self.loop.time()
            self.transport.write(refusal.write(default_headers))
            return True
        answer = refusal.write_in_full(default_headers, closes=not keeps_connection, bodiless=method == b"HEAD")
        self.transport.write(answer)
        if keeps_connection:
            self._idle_since = self.loop.time()
        else:
            self.transport.close()
        return True

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        self._response = OneWrite(self.transport)
        cycle.transport = self._response  # type: ignore[assignment]  # all of a transport that a cycle uses
        self._limits.admission.begin()
        super()._start_asgi_task(cycle, self._work)

    async def _work(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """In work until the application is done, also if the client does not wait for it."""
        try:
            await self.app(scope, receive, send)
        finally:
            self._limits.admission.end()

    def on_response_complete(self) -> None:
        if self._response is not None:
            self._response.flush()
        super().on_response_complete()

    def _refuse(self, status: int) -> None:
        """Answer and close, unless an earlier request has not been answered yet: then that answer is the last."""
        self._refused = True
        self.logger.warning("Invalid HTTP request received.")
        running = self._running
        if running is None or running.response_complete:
            self._answer(status)
        elif not self.cycle.more_body:
            self.cycle.keep_alive = False
            self.waits_since = _NOT_WAITING
        elif running is self.cycle and not running.response_started:
            running.disconnected = True
            running.message_event.set()
            self._answer(status)
        else:
            self.abort()

    def _answer(self, status: int) -> None:
        head = STATUS_LINE[status] + lines(self.server_state.default_headers)
        self.transport.write(head + b"content-length: 0\r\n" + CLOSE + b"\r\n")
        self.transport.close()
