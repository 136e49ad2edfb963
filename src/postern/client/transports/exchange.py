"""One exchange of HTTP/1.1 (RFC 9112) without I/O: a request becomes bytes, bytes become a response."""

import re

from httptools import HttpParserError, HttpResponseParser

from postern.client.errors import (
    ConfigurationError,
    ConnectionBroken,
    InvalidResponse,
    ResponseTooLarge,
    TransportError,
)
from postern.client.http import HttpRequest, HttpResponse
from postern.client.transports.routes import Route

MAX_HEAD = 64 * 1024
# Bytes of a request that goes out a second time by itself. A server may hang up on a larger one because of its size.
MAX_REPEATED = 64 * 1024
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_TLS_RECORDS = (b"\x15\x03", b"\x16\x03")


def encode(request: HttpRequest, route: Route, target: str) -> bytes:
    """The request as it is sent. ``target`` is in origin form; on the way to a proxy it becomes absolute.

    Raises:
        ConfigurationError: the request would be understood as something else than is meant.
    """
    headers, names = request.headers, {name.lower() for name in request.headers}
    if len(names) < len(headers):
        raise ConfigurationError(f"{request!r}: a header is there twice")
    lines = [f"{name}: {value}" for name, value in headers.items()]
    if "host" not in names:
        lines.insert(0, f"host: {route.authority}")
    if "content-length" in names or "transfer-encoding" in names:
        _check_framing(request)
    elif request.body or request.method in _WITH_BODY:
        lines.append(f"content-length: {len(request.body)}")
    if route.proxy is not None and not route.is_tls:
        target = f"http://{route.authority}{target}"
        if route.proxy.authorization:
            lines.append(f"proxy-authorization: {route.proxy.authorization}")
    head = "\r\n".join((f"{request.method} {target} HTTP/1.1", *lines, "", ""))
    # Each line has its one break: any other is part of a value, and would start a line of its own.
    breaks = len(lines) + 2
    if head.count("\n") != breaks or head.count("\r") != breaks or "\0" in head:
        raise ConfigurationError(f"{request!r}: a header has a line break or a NUL in it")
    if _TOKEN.fullmatch(request.method + "".join(headers)) is None or "" in headers or not request.method:
        raise ConfigurationError(f"{request!r}: the method, or the name of a header, is not a token")
    try:
        return head.encode("latin-1") + request.body
    except UnicodeEncodeError:
        raise ConfigurationError(f"{request!r}: a header has characters beyond Latin-1") from None


def _check_framing(request: HttpRequest) -> None:
    headers = {name.lower(): value for name, value in request.headers.items()}
    if headers.get("content-length") != str(len(request.body)):
        raise ConfigurationError(f"{request!r}: its headers do not agree with its body of {len(request.body)} bytes")
    if "transfer-encoding" in headers:
        raise ConfigurationError(f"{request!r}: requests are sent with a length, not with a transfer coding")


class ResponseReader:
    """Feed it what arrives until it says that ``response`` is there.

    ``is_bodiless`` says that what was asked is not answered with a body (HEAD, CONNECT); ``place`` names the server in
    errors. ``has_excess`` is whether more came than a response to what was asked; connections may set it as well. The
    methods that start with ``on_`` are the parser's.
    """

    __slots__ = (
        "_body",
        "_failure",
        "_has_head",
        "_headers",
        "_is_bodiless",
        "_is_kept",
        "_is_open_ended",
        "_max_body",
        "_parser",
        "_place",
        "_received",
        "_status",
        "_surplus",
        "has_excess",
        "response",
    )

    def __init__(self, *, place: str, max_body: int, is_bodiless: bool = False) -> None:
        self.response: HttpResponse | None = None
        self.has_excess = False
        self._place = place
        self._max_body = max_body
        self._is_bodiless = is_bodiless
        self._is_kept = False
        self._is_open_ended = False
        self._status = 0
        self._has_head = False
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._received = 0
        self._surplus = 0
        self._failure: TransportError | None = None
        self._parser = HttpResponseParser(self)

    @property
    def has_begun(self) -> bool:
        """Whether anything came at all."""
        return self._received > 0

    @property
    def can_reuse(self) -> bool:
        """Whether the connection is good for another request."""
        return self._is_kept and not self.has_excess

    def feed(self, data: bytes) -> bool:
        """Whether the response is complete.

        Raises:
            InvalidResponse: this is not HTTP, or not an answer to what was asked.
            ResponseTooLarge: the body, or what is around it, is larger than accepted.
        """
        is_first = not self._received
        self._received += len(data)
        body_before = len(self._body)
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            self._check_failure(error, data if is_first else b"")
        # All that is not body counts, so that interim answers, chunk extensions and trailers have an end too. A byte in
        # a chunk of its own has six bytes around it; what a large body leaves over is not for what comes after it.
        self._surplus = max(0, self._surplus + len(data) - 7 * (len(self._body) - body_before))
        if self._surplus > MAX_HEAD:
            raise ResponseTooLarge(f"{self._place}: more than {MAX_HEAD} bytes of headers")
        if self.response is None:
            return False
        del self._parser  # PERF: it refers to this reader, and a cycle for each call would keep the collector busy
        return True

    def finish(self) -> HttpResponse:
        """The response, when the server has closed the connection. If its head tells no length, it is taken for whole,
        also without a good-bye in TLS: too many servers say none, and half of a JSON document is none.

        Raises:
            ConnectionBroken: it is not complete.
        """
        if self._has_head and self._is_open_ended:
            self._complete()
        if self.response is not None:
            return self.response
        if not self._received:
            raise ConnectionBroken(f"{self._place} closed the connection without an answer")
        raise ConnectionBroken(f"{self._place}: the answer was cut off in its {'body' if self._has_head else 'head'}")

    def _check_failure(self, error: HttpParserError, start: bytes) -> None:
        if self._failure is not None:
            raise self._failure from None
        if self.response is not None:
            self.has_excess = True
            return
        if start.startswith(_TLS_RECORDS):
            raise InvalidResponse(f"{self._place} answered in TLS: its URL should start with https:") from None
        raise InvalidResponse(f"{self._place}: what came is not HTTP: {error}") from None

    def _fail(self, failure: TransportError) -> None:
        self._failure = failure
        raise failure

    def _complete(self) -> None:
        self.response = HttpResponse(status=self._status, headers=self._headers, body=bytes(self._body))

    def on_message_begin(self) -> None:
        if self.response is not None:
            raise InvalidResponse("more than one answer came")  # not told to anyone: the first one is good

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._has_head:
            return
        key, text = name.decode("latin-1").lower(), value.decode("latin-1").rstrip()
        before = self._headers.get(key)
        self._headers[key] = text if before is None else f"{before}, {text}"

    def on_headers_complete(self) -> None:
        status = self._status = self._parser.get_status_code()
        if status < 200:
            self._skip()
            return
        self._has_head = True
        length, coding = self._headers.get("content-length"), self._headers.get("transfer-encoding")
        self._is_open_ended = length is None and coding is None
        self._is_kept = self._parser.should_keep_alive()
        if self._is_bodiless or status in (204, 304):
            self._complete()
        else:
            self._check_body(length, coding)

    def _skip(self) -> None:
        if self._status == 101:
            self._fail(InvalidResponse(f"{self._place} changed to another protocol unasked"))
        self._headers = {}

    def _check_body(self, length: str | None, coding: str | None) -> None:
        if coding is not None and (length is not None or coding.lower() != "chunked"):
            self._fail(InvalidResponse(f"{self._place}: how long the answer is cannot be told from its headers"))
        if length is not None and int(length) > self._max_body:
            self._fail(self._too_large())

    def _too_large(self) -> ResponseTooLarge:
        return ResponseTooLarge(f"{self._place}: the answer is larger than {self._max_body} bytes")

    def on_body(self, data: bytes) -> None:
        if self.response is not None:
            self.has_excess = True
            return
        if len(self._body) + len(data) > self._max_body:
            self._fail(self._too_large())
        self._body += data

    def on_message_complete(self) -> None:
        if self._has_head and self.response is None:
            self._complete()
