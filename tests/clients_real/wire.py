"""Plain HTTP to a server, for what is told of clients that cannot be run here."""

import json
from collections.abc import Iterable
from http.client import HTTPConnection, HTTPMessage
from typing import Any
from urllib.parse import urlsplit


class Answer:
    """What came back. ``members`` is the JSON body."""

    def __init__(self, status: int, headers: HTTPMessage, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def members(self) -> dict[str, Any]:
        members: dict[str, Any] = json.loads(self.body)
        return members

    @property
    def error(self) -> str | None:
        """The name of the error as SDKs read it: the header up to a colon."""
        value = self.headers.get("x-amzn-ErrorType")
        return None if value is None else value.partition(":")[0]


def send(endpoint: str, method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes = b"") -> Answer:
    """Send exactly these headers in this order, and nothing of http.client's own."""
    parts = urlsplit(endpoint)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    try:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders(body or None)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


class Wire:
    """The operations, with any members at all."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def post(self, target: str, **members: object) -> Answer:
        body = json.dumps(members).encode()
        headers = [
            ("Host", urlsplit(self.endpoint).netloc),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
        ]
        return send(self.endpoint, "POST", target, headers, body)

    def register(self, **members: object) -> Answer:
        return self.post("/client/register", **{"clientName": "tool", "clientType": "public"} | members)

    def start_device(self, client: dict[str, Any], start_url: str) -> Answer:
        credentials = {name: client[name] for name in ("clientId", "clientSecret")}
        return self.post("/device_authorization", **credentials, startUrl=start_url)

    def token(self, client: dict[str, Any], grant_type: str, **members: object) -> Answer:
        credentials = {name: client[name] for name in ("clientId", "clientSecret")}
        return self.post("/token", **credentials, grantType=grant_type, **members)

    def logout(self, access_token: str) -> Answer:
        headers = [
            ("Host", urlsplit(self.endpoint).netloc),
            ("x-amz-sso_bearer_token", access_token),
            ("Content-Length", "0"),
        ]
        return send(self.endpoint, "POST", "/logout", headers)
