"""Where the callback arrives: at a listener on the loopback address (RFC 8252 7.3), or pasted by the person."""

import selectors
import socket
import sys
import time
from collections import deque
from collections.abc import Callable

from postern.client.sign_in import callback
from postern.client.sign_in.callback import Verdict
from postern.client.sign_in.paste import PasteReader
from postern.client.sign_in.peer import Peer, query_in

ADDRESS = "127.0.0.1"
_BACKLOG = 64
_MAX_PEERS = 16
_PEER_LIFETIME = 5.0  # seconds to send a request in
_SLICE = 0.5  # seconds between looks at slow peers; on Windows also how soon Ctrl-C is heard


class CallbackListener:
    """Waits for a callback that ``judge`` calls final. `paste` and `cancel` may be called from any thread.

    ``port`` 0 is any that is free. ``paste_input`` is the descriptor of a terminal to read pasted addresses from.
    """

    def __init__(self, judge: Callable[[str], Verdict], *, port: int = 0, paste_input: int | None = None) -> None:
        self._judge = judge
        self._wanted_port = port
        self._paste_input = paste_input
        self._reader: PasteReader | None = None
        self._selector: selectors.BaseSelector | None = None
        self._sockets: list[socket.socket] = []
        self._waker: socket.socket | None = None
        self._peers: set[Peer] = set()
        self._pasted: deque[str] = deque()
        self._is_cancelled = False

    def open(self) -> int | None:
        """Listen; the port, which is another one if the wanted one is taken. None if there is none to be had: then only
        what is pasted can arrive.
        """
        self._selector = selectors.DefaultSelector()
        self._waker, woken = socket.socketpair()
        self._sockets += self._waker, woken
        for end in (self._waker, woken):
            end.setblocking(False)
        self._selector.register(woken, selectors.EVENT_READ, lambda: _drain(woken))
        self._watch_terminal(self._selector)
        listening = _listen(self._wanted_port) or (_listen(0) if self._wanted_port else None)
        if listening is None:
            return None
        self._sockets.append(listening)
        self._selector.register(listening, selectors.EVENT_READ, lambda: self._accept(listening))
        port: int = listening.getsockname()[1]
        return port

    @property
    def is_pasting(self) -> bool:
        """Whether the person has typed or pasted something and not yet pressed Enter."""
        return self._reader is not None and self._reader.has_pending

    def wait(self, timeout: float) -> Verdict | None:
        """The verdict that is final, or that on what was pasted; None after ``timeout`` seconds or when cancelled."""
        if self._selector is None:
            raise ValueError("not open")
        ends_at = time.monotonic() + timeout
        while not self._is_cancelled:
            if self._pasted:
                return self._judge_pasted(self._pasted.popleft())
            left = ends_at - time.monotonic()
            if left <= 0:
                break
            for key, _ in self._selector.select(min(left, _SLICE)):
                verdict: Verdict | None = key.data()
                if verdict is not None:
                    return verdict
            self._drop_slow_peers()
        return None

    def paste(self, text: str) -> None:
        """Hand over an address that the person copied from the browser."""
        self._pasted.append(text)
        self._wake()

    def cancel(self) -> None:
        """Make `wait` return."""
        self._is_cancelled = True
        self._wake()

    def close(self) -> None:
        """Close everything, and give the terminal back; may be called again."""
        if self._reader is not None:
            self._reader.close()
        for peer in tuple(self._peers):
            self._drop(peer)
        for each in self._sockets:
            each.close()
        if self._selector is not None:
            self._selector.close()
        self._sockets, self._selector, self._waker = [], None, None

    def _wake(self) -> None:
        waker = self._waker
        try:
            if waker is not None:
                waker.send(b"\0")
        except OSError:
            return  # closed meanwhile, or woken often enough

    def _judge_pasted(self, text: str) -> Verdict:
        query = callback.query_of(text)
        return callback.NOT_A_CALLBACK if query is None else self._judge(query)

    def _watch_terminal(self, selector: selectors.BaseSelector) -> None:
        if self._paste_input is None:
            return
        try:
            selector.register(self._paste_input, selectors.EVENT_READ, self._read_terminal)
        except (OSError, ValueError):
            return  # a file, /dev/null: nothing to wait for
        self._reader = PasteReader(self._paste_input)
        self._reader.open()

    def _read_terminal(self) -> None:
        if self._reader is None or self._selector is None:
            return
        self._pasted.extend(self._reader.read())
        if self._reader.is_at_end:
            self._selector.unregister(self._reader.descriptor)

    def _accept(self, listening: socket.socket) -> None:
        selector = self._selector
        if selector is None:
            return
        try:
            connection, _ = listening.accept()
        except OSError:
            return  # gone already
        if len(self._peers) >= _MAX_PEERS:
            self._drop(min(self._peers, key=lambda peer: peer.ends_at))
        connection.setblocking(False)
        peer = Peer(connection, time.monotonic() + _PEER_LIFETIME)
        self._peers.add(peer)
        selector.register(connection, selectors.EVENT_READ, lambda: self._serve(peer))

    def _serve(self, peer: Peer) -> Verdict | None:
        head = peer.receive() if peer in self._peers else None
        if head is None:
            return None
        verdict = self._verdict_on(head) if head else None
        if verdict is not None:
            peer.answer(verdict)
        self._drop(peer)
        return verdict if verdict is not None and verdict.is_final else None

    def _verdict_on(self, head: bytes) -> Verdict:
        query = query_in(head)
        return query if isinstance(query, Verdict) else self._judge(query)

    def _drop_slow_peers(self) -> None:
        now = time.monotonic()
        for peer in [peer for peer in self._peers if peer.ends_at < now]:
            self._drop(peer)

    def _drop(self, peer: Peer) -> None:
        self._peers.discard(peer)
        if self._selector is not None:
            self._selector.unregister(peer.connection)
        peer.connection.close()


def _listen(port: int) -> socket.socket | None:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        _claim(listening)
        listening.bind((ADDRESS, port))
        listening.listen(_BACKLOG)
        listening.setblocking(False)
    except OSError:
        listening.close()
        return None
    return listening


def _claim(listening: socket.socket) -> None:
    """A port that was ours a moment ago can be had again, and one that somebody has cannot be shared."""
    if sys.platform == "win32":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def _drain(woken: socket.socket) -> None:
    try:
        woken.recv(4096)
    except BlockingIOError:
        return
