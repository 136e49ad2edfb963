"""A service for the command line to talk to: it answers what it is told, and keeps what it was asked."""

import contextlib
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Answer(NamedTuple):
    status: int = 200
    members: Mapping[str, object] | str = {}
    headers: Mapping[str, str] = {}


class Asked(NamedTuple):
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Stub:
    """``answers`` are by path; any other path is answered with 404 and no JSON. As a proxy it refuses all ``tunnels``
    that it is asked for.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: dict[str, Answer] = {}
        self.asked: list[Asked] = []
        self.tunnels: list[str] = []

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        return self.answers.get(asked.path, Answer(404, "<h1>nothing here</h1>", {"Content-Type": "text/html"}))

    @property
    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]


def refusal(shape: str, error: str, status: int = 400) -> Answer:
    members = {"error": error, "error_description": "said by the service"}
    return Answer(status, members, {"x-amzn-ErrorType": shape, "x-amzn-RequestId": "request-1"})


@contextlib.contextmanager
def serving(tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Stub]:
    """A stub on a free loopback port, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def do_CONNECT(self) -> None:
            stub.tunnels.append(self.path)
            self.send_error(403)

        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            given = stub.answer(Asked(self.command, self.path, dict(self.headers), body))
            text = given.members if isinstance(given.members, str) else json.dumps(given.members)
            self.send_response_only(given.status)
            headers = {"Date": self.date_time_string(), "Content-Type": "application/json", **given.headers}
            for name, value in {**headers, "Content-Length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Clients that do not trust a certificate hang up; that is what they are tested for."""

    with Server((host, 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        stub = Stub(f"{'https' if tls else 'http'}://{'localhost' if tls else host}:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield stub
        finally:
            server.shutdown()
            thread.join(5)
