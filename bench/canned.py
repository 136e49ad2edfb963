"""A server that costs next to nothing: fixed answers to RegisterClient and CreateToken, so that the client is what is
measured. ``python -m bench.canned PORT``.
"""

import asyncio
import json
import sys

import httptools
import uvloop

_REGISTERED = {
    "clientId": "c" * 300,
    "clientSecret": "s" * 80,
    "clientIdIssuedAt": 1_700_000_000,
    "clientSecretExpiresAt": 1_707_776_000,
}
_PENDING = {"error": "authorization_pending", "error_description": "Authorization is still pending"}


def _answer(status: bytes, members: object, *headers: bytes) -> bytes:
    body = json.dumps(members, separators=(",", ":")).encode()
    lines = [
        b"HTTP/1.1 " + status,
        b"content-type: application/json",
        b"content-length: %d" % len(body),
        b"x-amzn-requestid: 00000000-0000-4000-8000-000000000000",
        b"cache-control: no-store",
        *headers,
    ]
    return b"\r\n".join([*lines, b"", body])


_ANSWERS = {
    b"/client/register": _answer(b"200 OK", _REGISTERED),
    b"/token": _answer(b"400 Bad Request", _PENDING, b"x-amzn-errortype: AuthorizationPendingException"),
}


class Canned(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._parser = httptools.HttpRequestParser(self)
        self._path = b""

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._path = url

    def on_message_complete(self) -> None:
        self._transport.write(_ANSWERS.get(self._path, _ANSWERS[b"/client/register"]))  # type: ignore[attr-defined]


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Canned, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
