"""An HTTP response as the services of this server give it."""

import msgspec

Headers = list[tuple[bytes, bytes]]


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """``fields`` are the header fields as they stand in a head, a line each; with ``closes`` the connection ends.

    PERF: written at once they take 0.5 µs, as pairs that are joined later 2.
    """

    status: int
    fields: bytes
    body: bytes
    closes: bool = False

    @property
    def headers(self) -> Headers:
        """The header fields as pairs, with the one that says that the connection ends."""
        pairs = [(name, value) for name, _, value in (line.partition(b": ") for line in self.fields.splitlines())]
        return [*pairs, (b"connection", b"close")] if self.closes else pairs


def fields_of(body: bytes, content_type: bytes, request_id: str) -> bytes:
    """Those of an answer that nobody may keep."""
    return (
        b"content-type: %s\r\ncontent-length: %d\r\nx-amzn-requestid: %s\r\n"
        b"cache-control: no-store\r\npragma: no-cache\r\n"
    ) % (content_type, len(body), request_id.encode())


def lines(headers: Headers) -> bytes:
    """Header fields as they stand in a head.

    Raises:
        ValueError: one would be two.
    """
    fields = b"".join([name + b": " + value + b"\r\n" for name, value in headers])
    if fields.count(b"\n") != len(headers) or fields.count(b"\r") != len(headers):
        raise ValueError("a header has a line break")
    return fields
