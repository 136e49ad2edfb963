"""The callback listener, with real sockets and a real terminal."""

import os
import re
import select
import socket
import termios
import threading
import time
from collections.abc import Iterator

import pytest

from postern.client.errors import SignInDenied, SignInError
from postern.client.sign_in import listener as listeners
from postern.client.sign_in.callback import PATH, Expectation, Verdict
from postern.client.sign_in.listener import CallbackListener

STATE = "s" * 43
GOOD = f"code=abc&state={STATE}"
EXPECTED = Expectation(state=STATE, issuers=frozenset({"https://sso.example.test"}))


class Waiting:
    """A listener that waits in a thread of its own."""

    def __init__(self, paste_input: int | None = None) -> None:
        self.listener = CallbackListener(EXPECTED.judge, paste_input=paste_input)
        port = self.listener.open()
        assert port is not None
        self.port = port
        self.verdict: Verdict | None = None
        self._thread = threading.Thread(target=self._wait)
        self._thread.start()

    def _wait(self) -> None:
        self.verdict = self.listener.wait(10.0)

    def result(self) -> Verdict:
        self._thread.join(5)
        assert self.verdict is not None, "still waiting"
        return self.verdict

    @property
    def is_waiting(self) -> bool:
        self._thread.join(0.05)
        return self._thread.is_alive()

    def close(self) -> None:
        self.listener.cancel()
        self._thread.join(5)
        assert not self._thread.is_alive()
        self.listener.close()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=5)

    def ask(self, request: bytes) -> str:
        with self.connect() as connection:
            connection.sendall(request)
            return read(connection)

    def get(self, target: str) -> str:
        return self.ask(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())


def read(connection: socket.socket) -> str:
    """Everything until the peer closes."""
    received = b""
    while part := connection.recv(65536):
        received += part
    return received.decode()


@pytest.fixture
def waiting() -> Iterator[Waiting]:
    each = Waiting()
    yield each
    each.close()


def test_the_code_is_taken_and_the_page_says_that_the_window_can_be_closed(waiting: Waiting) -> None:
    answer = waiting.get(f"{PATH}?{GOOD}&iss=https%3A%2F%2Fsso.example.test")
    assert waiting.result().code == "abc"
    head, _, page = answer.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 200 OK\r\n")
    assert "close this window" in page
    assert "abc" not in page


def test_the_page_is_self_contained_and_kept_by_nobody(waiting: Waiting) -> None:
    head, _, page = waiting.get(f"{PATH}?{GOOD}").partition("\r\n\r\n")
    for header in ("Cache-Control: no-store", "Referrer-Policy: no-referrer", "frame-ancestors 'none'", "nosniff"):
        assert header in head
    assert "default-src 'none'" in head
    assert not re.search(r"<script|<link|<img|src=|href=|url\(", page)
    assert "color-scheme:light dark" in page
    assert f"Content-Length: {len(page.encode())}" in head


def test_a_refusal_is_shown_escaped_and_ends_the_wait(waiting: Waiting) -> None:
    answer = waiting.get(f"{PATH}?error=access_denied&error_description=%3Cb%3Eno&state={STATE}")
    assert answer.startswith("HTTP/1.1 400 ")
    assert "access_denied: &lt;b&gt;no" in answer
    assert isinstance(waiting.result().error, SignInDenied)


def test_another_issuer_ends_the_wait(waiting: Waiting) -> None:
    assert waiting.get(f"{PATH}?{GOOD}&iss=https%3A%2F%2Fevil.test").startswith("HTTP/1.1 400 ")
    assert isinstance(waiting.result().error, SignInError)


GO_ON = {
    "a wrong state": (f"GET {PATH}?code=abc&state=wrong HTTP/1.1\r\n\r\n", 400),
    "no query": (f"GET {PATH} HTTP/1.1\r\n\r\n", 400),
    "a favicon": ("GET /favicon.ico HTTP/1.1\r\n\r\n", 404),
    "the root": (f"GET /?{GOOD} HTTP/1.1\r\n\r\n", 404),
    "a path below": (f"GET {PATH}/x?{GOOD} HTTP/1.1\r\n\r\n", 404),
    "another host": (f"GET http://evil.test{PATH}?{GOOD} HTTP/1.1\r\n\r\n", 404),
    "HEAD": (f"HEAD {PATH}?{GOOD} HTTP/1.1\r\n\r\n", 405),
    "POST": (f"POST {PATH}?{GOOD} HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody", 405),
    "OPTIONS": (f"OPTIONS {PATH}?{GOOD} HTTP/1.1\r\n\r\n", 405),
    "no HTTP": ("SSH-2.0-OpenSSH\r\n\r\n", 400),
    "HTTP/2": ("PRI * HTTP/2.0\r\n\r\n", 400),
    "bytes": ("\x00\xff\r\n\r\n", 400),
    "a head of 17 KiB": (f"GET {PATH}?{GOOD} HTTP/1.1\r\nX: {'x' * 17_000}", 431),
}


@pytest.mark.parametrize("request_text, status", GO_ON.values(), ids=GO_ON)
def test_what_is_no_callback_is_answered_and_the_wait_goes_on(waiting: Waiting, request_text: str, status: int) -> None:
    assert waiting.ask(request_text.encode("latin-1")).startswith(f"HTTP/1.1 {status} ")
    assert waiting.is_waiting
    waiting.get(f"{PATH}?{GOOD}")
    assert waiting.result().code == "abc"


def test_a_silent_connection_does_not_keep_others_out(waiting: Waiting) -> None:
    with waiting.connect(), waiting.connect() as half:
        half.sendall(f"GET {PATH}?{GOOD} HT".encode())
        waiting.get(f"{PATH}?{GOOD}")
        assert waiting.result().code == "abc"


def test_a_request_may_come_in_pieces(waiting: Waiting) -> None:
    with waiting.connect() as connection:
        for piece in (f"GET {PATH}?co", f"de=abc&state={STATE} HTTP/1.1\r\nHost: x\r", "\n\r\n"):
            connection.sendall(piece.encode())
            time.sleep(0.01)
        assert read(connection).startswith("HTTP/1.1 200 ")


def test_a_slow_peer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "_PEER_LIFETIME", 0.05)
    monkeypatch.setattr(listeners, "_SLICE", 0.02)
    waiting = Waiting()
    try:
        with waiting.connect() as slow:
            slow.sendall(b"GET /oauth")
            assert read(slow) == ""
        assert waiting.is_waiting
    finally:
        waiting.close()


def test_a_crowd_of_silent_peers_does_not_keep_the_browser_out(waiting: Waiting) -> None:
    crowd = [waiting.connect() for _ in range(40)]
    try:
        waiting.get(f"{PATH}?{GOOD}")
        assert waiting.result().code == "abc"
    finally:
        for each in crowd:
            each.close()


def test_a_peer_that_resets_is_no_concern(waiting: Waiting) -> None:
    with waiting.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    waiting.get(f"{PATH}?{GOOD}")
    assert waiting.result().code == "abc"


def test_it_listens_on_the_loopback_address_only() -> None:
    waiting = CallbackListener(EXPECTED.judge)
    waiting.open()
    try:
        bound = [each.getsockname() for each in waiting._sockets if each.family == socket.AF_INET]
        assert [address for address, _ in bound] == ["127.0.0.1"]
    finally:
        waiting.close()


def test_after_close_the_port_is_closed() -> None:
    waiting = CallbackListener(EXPECTED.judge)
    port = waiting.open()
    waiting.close()
    waiting.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port or 0), timeout=5)


def test_a_port_that_is_taken_is_replaced_and_a_free_one_is_used_again_at_once() -> None:
    first = CallbackListener(EXPECTED.judge)
    port = first.open() or 0
    second = CallbackListener(EXPECTED.judge, port=port)
    try:
        assert second.open() not in (None, port)
    finally:
        second.close()
        first.close()
    third = CallbackListener(EXPECTED.judge, port=port)
    try:
        assert third.open() == port
    finally:
        third.close()


def test_the_wait_ends_without_a_callback_in_time() -> None:
    waiting = CallbackListener(EXPECTED.judge)
    waiting.open()
    try:
        assert waiting.wait(0.01) is None
    finally:
        waiting.close()


def test_an_address_can_be_handed_over_by_another_thread(waiting: Waiting) -> None:
    waiting.listener.paste(f"http://127.0.0.1:1{PATH}?{GOOD}")
    assert waiting.result().code == "abc"


def test_what_is_no_address_is_said_so(waiting: Waiting) -> None:
    waiting.listener.paste("what?")
    assert not waiting.result().is_final
    assert "not the address" in waiting.result().text


def test_an_address_can_be_pasted_into_the_terminal() -> None:
    ours, theirs = os.openpty()
    waiting = Waiting(paste_input=theirs)
    try:
        os.write(ours, f"http://127.0.0.1:{waiting.port}{PATH}?code=a".encode())
        assert waiting.is_waiting
        os.write(ours, f"bc&state={STATE}\n".encode())
        assert waiting.result().code == "abc"
    finally:
        waiting.close()
        os.close(ours)
        os.close(theirs)


class Terminal:
    """A terminal that a person types into; what it shows is read, as a screen would."""

    def __init__(self) -> None:
        self._ours, self.theirs = os.openpty()
        self.before = termios.tcgetattr(self.theirs)
        self._screen = threading.Thread(target=self._show)
        self._screen.start()

    def type(self, text: str) -> None:
        left = text.encode()
        while left:
            left = left[os.write(self._ours, left[:256]) :]

    def _show(self) -> None:
        try:
            while os.read(self._ours, 4096):
                pass
        except OSError:
            return

    def close(self) -> None:
        os.close(self.theirs)
        self._screen.join(5)
        os.close(self._ours)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    each = Terminal()
    yield each
    each.close()


@pytest.mark.parametrize("length", [1_100, 4_000, 4_200, 7_000])
def test_a_long_address_is_not_cut_by_the_terminal(terminal: Terminal, length: int) -> None:
    waiting = Waiting(paste_input=terminal.theirs)
    try:
        code = "a" * length + "z"
        terminal.type(f"http://127.0.0.1:{waiting.port}{PATH}?state={STATE}&code={code}\n")
        assert waiting.result().code == code
    finally:
        waiting.close()


def test_an_address_that_is_too_long_is_said_not_to_be_one(terminal: Terminal) -> None:
    waiting = Waiting(paste_input=terminal.theirs)
    try:
        terminal.type(f"http://127.0.0.1:{waiting.port}{PATH}?state={STATE}&code={'a' * 20_000}\n")
        assert "not the address" in waiting.result().text
    finally:
        waiting.close()


@pytest.mark.parametrize(
    "typed",
    [f"{GOOD}x\x7f\n", f"{GOOD}xy\b\b\n", f"no\x15{GOOD}\n", f"\n\x7f\x15{GOOD}\n", f"x\x7f\x7f{GOOD}\n"],
    ids=["rub out", "backspace", "kill the line", "nothing to rub out", "more than there is"],
)
def test_what_is_typed_can_be_taken_back(terminal: Terminal, typed: str) -> None:
    waiting = Waiting(paste_input=terminal.theirs)
    try:
        terminal.type(typed)
        assert waiting.result().code == "abc"
    finally:
        waiting.close()


def test_the_terminal_is_given_back_as_it_was(terminal: Terminal) -> None:
    waiting = CallbackListener(EXPECTED.judge, paste_input=terminal.theirs)
    waiting.open()
    assert termios.tcgetattr(terminal.theirs) != terminal.before
    waiting.close()
    assert termios.tcgetattr(terminal.theirs) == terminal.before
    waiting.close()


def test_a_terminal_that_is_another_job_s_is_left_alone(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "tcgetpgrp", lambda descriptor: os.getpgrp() + 1)
    waiting = CallbackListener(EXPECTED.judge, paste_input=terminal.theirs)
    waiting.open()
    assert termios.tcgetattr(terminal.theirs) == terminal.before
    waiting.close()


def test_it_is_known_that_the_person_is_pasting(terminal: Terminal) -> None:
    waiting = CallbackListener(EXPECTED.judge, paste_input=terminal.theirs)
    waiting.open()
    try:
        seen = [waiting.is_pasting]
        terminal.type("http://127")
        select.select([terminal.theirs], [], [], 5)
        assert waiting.wait(0.05) is None
        seen.append(waiting.is_pasting)
        terminal.type("\n")
        assert waiting.wait(5.0) is not None
        assert [*seen, waiting.is_pasting] == [False, True, False]
    finally:
        waiting.close()


def test_empty_lines_and_the_end_of_the_input_are_no_paste() -> None:
    output, paste_input = os.pipe()
    waiting = Waiting(paste_input=output)
    try:
        os.write(paste_input, b"\n \n")
        os.close(paste_input)
        assert waiting.is_waiting
        waiting.get(f"{PATH}?{GOOD}")
        assert waiting.result().code == "abc"
    finally:
        waiting.close()
        os.close(output)


def test_input_that_cannot_be_waited_for_is_left_alone() -> None:
    with open(os.devnull) as nothing:  # noqa: PTH123
        waiting = Waiting(paste_input=nothing.fileno())
        waiting.get(f"{PATH}?{GOOD}")
        assert waiting.result().code == "abc"
        waiting.close()
