"""Requests for the application itself, without a connection."""

from collections.abc import MutableMapping
from typing import Any
from urllib.parse import unquote

from postern.core.iam.signed_request import SignedRequest
from postern.server.app import ProtocolApp


async def respond(app: ProtocolApp, request: SignedRequest) -> tuple[int, dict[str, str], bytes]:
    """Status, headers by their names in lower case, and body."""
    sent: list[MutableMapping[str, Any]] = []
    received = iter([{"type": "http.request", "body": request.body, "more_body": False}])

    async def receive() -> MutableMapping[str, Any]:
        return next(received)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": request.method,
        "path": unquote(request.path.decode()),
        "raw_path": request.path,
        "query_string": request.query,
        "headers": request.headers,
        "client": ("192.0.2.44", 40000),
    }
    await app(scope, receive, send)
    start, body = sent
    headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return start["status"], headers, body["body"]
