"""Small sites on loopback: the listener of a program that waits for its redirect, and pages of strangers."""

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from urllib.parse import parse_qsl, urlsplit

PATIENCE = 10


class Site(ThreadingHTTPServer):
    """Answers every path with its page, or with a plain one. ``arrivals`` holds the targets that were asked for."""

    daemon_threads = True

    def __init__(self, host: str, pages: Mapping[str, str]) -> None:
        self.address_family = socket.AF_INET6 if host == "[::1]" else socket.AF_INET
        super().__init__(("::1" if host == "[::1]" else "127.0.0.1", 0), _Handler)
        self.origin = f"http://{host}:{self.server_address[1]}"
        self.pages = dict(pages)
        self.arrivals: SimpleQueue[str] = SimpleQueue()

    def parameters(self) -> dict[str, str]:
        """Those of the next request that came, or comes."""
        return dict(parse_qsl(urlsplit(self.arrivals.get(timeout=PATIENCE)).query, strict_parsing=True))


class _Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        if self.path == "/favicon.ico":
            self.send_error(404)
            return
        self.server.arrivals.put(self.path)
        page = self.server.pages.get(
            urlsplit(self.path).path, "<!doctype html><title>Back</title><h1>Back in the program</h1>"
        )
        body = page.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextlib.contextmanager
def site(host: str = "127.0.0.1", pages: Mapping[str, str] | None = None) -> Iterator[Site]:
    """A site until the block ends. To a browser, 127.0.0.1 and localhost are different sites."""
    served = Site(host, pages or {})
    thread = threading.Thread(target=served.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        served.shutdown()
        served.server_close()
        thread.join(PATIENCE)


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True
