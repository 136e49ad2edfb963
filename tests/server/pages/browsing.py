"""A browser for tests: it keeps cookies, sends what browsers send with a form, and reads pages with an HTML parser."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit
from xml.etree.ElementTree import Element

import html5lib
from starlette.types import ASGIApp

OWN_FORM = {"origin": "null", "sec-fetch-site": "same-origin"}


class Answer:
    """A response as a browser sees it."""

    def __init__(self, url: str, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.url = url
        self.status = status
        self.headers = headers
        self.body = body

    def header(self, name: str) -> str | None:
        values = [value for found, value in self.headers if found == name.lower()]
        assert len(values) <= 1, f"{name} is sent more than once"
        return values[0] if values else None

    def cookies(self) -> list[str]:
        return [value for name, value in self.headers if name == "set-cookie"]

    @property
    def location(self) -> str:
        assert self.status == 303, f"{self.status}: {self.text}"
        location = self.header("location")
        assert location is not None
        return location

    @property
    def document(self) -> Element:
        """The parsed page. The parser is strict: markup that a browser would have to repair fails the test."""
        parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
        document: Element = parser.parse(self.body.decode())
        return document

    @property
    def text(self) -> str:
        return " ".join("".join(self.document.itertext()).split())

    @property
    def heading(self) -> str:
        return "".join(next(self.document.iter("h1")).itertext()).strip()

    def forms(self, action: str) -> list[dict[str, str]]:
        """The fields of each form with this action, as they would be sent if nobody typed."""
        return [
            {field.get("name", ""): field.get("value", "") for field in form.iter("input")}
            for form in self.document.iter("form")
            if form.get("action") == action
        ]

    def form(self, action: str) -> dict[str, str]:
        (form,) = self.forms(action)
        return form


class TestBrowser:
    """Drives an ASGI app. ``address`` is where it connects from."""

    __test__ = False

    def __init__(self, app: ASGIApp, public_url: str, address: str = "127.0.0.1") -> None:
        self._app = app
        self.public_url = public_url
        self.address = address
        self.cookies: dict[str, str] = {}

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        return await self.request("GET", url, headers=headers)

    async def post(
        self, url: str, fields: Mapping[str, str] | bytes, headers: Mapping[str, str | None] | None = None
    ) -> Answer:
        """Send a form as a page of ours does; ``None`` takes a header away."""
        body = fields if isinstance(fields, bytes) else urlencode(fields).encode()
        sent = {"content-type": "application/x-www-form-urlencoded", **OWN_FORM, **(headers or {})}
        return await self.request("POST", url, {k: v for k, v in sent.items() if v is not None}, body)

    async def follow(self, answer: Answer) -> Answer:
        return await self.get(answer.location)

    async def request(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        parts = urlsplit(urljoin(self.public_url, url))
        assert f"{parts.scheme}://{parts.netloc}" == self.public_url, f"left the server for {url}"
        scope = self._scope(method, parts.path, parts.query, headers or {})
        messages: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            messages.append(dict(message))

        await self._app(scope, receive, send)
        received = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in messages[0]["headers"]]
        content = b"".join(message.get("body", b"") for message in messages[1:])
        answer = Answer(url, messages[0]["status"], received, content)
        self._keep(answer)
        return answer

    def _scope(self, method: str, path: str, query: str, headers: Mapping[str, str]) -> dict[str, Any]:
        sent = {"host": urlsplit(self.public_url).netloc, "user-agent": "TestBrowser/1", **headers}
        if self.cookies and "cookie" not in sent:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": urlsplit(self.public_url).scheme,
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items()],
            "client": (self.address, 50000),
            "server": ("127.0.0.1", 8765),
            "state": {"request_id": "11111111-2222-4333-8444-555555555555"},
        }

    def _keep(self, answer: Answer) -> None:
        for cookie in answer.cookies():
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
            if "max-age=0" in cookie.lower():
                del self.cookies[name]
