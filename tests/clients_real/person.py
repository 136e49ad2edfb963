"""A person with a browser: keeps cookies, reads pages, fills in their forms, follows redirects. Standard library only,
so that `browser.py` can run anywhere.
"""

from html.parser import HTMLParser
from http.client import HTTPConnection, HTTPMessage
from urllib.parse import urlencode, urljoin, urlsplit

_OWN_FORM = {
    "Content-Type": "application/x-www-form-urlencoded",
    "Origin": "null",
    "Sec-Fetch-Site": "same-origin",
}
_REDIRECTS = (301, 302, 303, 307, 308)


class Page(HTMLParser):
    """A response, with its forms by their action and its heading."""

    def __init__(self, url: str, status: int, headers: HTTPMessage, body: bytes) -> None:
        super().__init__()
        self.url = url
        self.status = status
        self.headers = headers
        self.body = body
        self.forms: dict[str, dict[str, str]] = {}
        self.heading = ""
        self.text = ""
        self._form: dict[str, str] = {}
        self._in_heading = False
        self.feed(body.decode("utf-8", "replace"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = self.forms.setdefault(attributes["action"], {})
        elif tag == "input":
            self._form[attributes["name"]] = attributes.get("value", "")
        self._in_heading = tag == "h1"

    def handle_endtag(self, tag: str) -> None:
        self._in_heading = False

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._in_heading:
            self.heading += data


class Person:
    """Signs in when a page asks for it. ``seen`` gathers every secret that passed through the browser."""

    def __init__(self, endpoint: str, username: str, password: str) -> None:
        self.endpoint = endpoint
        self.username = username
        self.password = password
        self.cookies: dict[str, str] = {}
        self.seen: set[str] = set()

    def approve(self, url: str) -> str:
        """Open the address that a client shows, compare, approve; the heading of the page after it."""
        return self.decide(url, "approve").heading

    def deny(self, url: str) -> str:
        return self.decide(url, "deny").heading

    def decide(self, url: str, decision: str) -> Page:
        """Decide on a device or on an authorization request; the last page, be it the client's own."""
        page = self.open(url)
        action = next((action for action in ("/device/decision", "/authorize") if action in page.forms), None)
        assert action, f"{url} is nothing to decide on: {page.status} {page.heading}"
        return self.submit(page, action, decision=decision)

    def consent(self, authorize_url: str, decision: str = "approve") -> str:
        """Decide on an authorization request; the address that the browser is sent to, without going there."""
        page = self.open(authorize_url)
        assert "/authorize" in page.forms, f"no consent is asked for: {page.status} {page.heading}"
        answer = self._request("POST", "/authorize", page.forms["/authorize"] | {"decision": decision})
        assert answer.status == 303, f"{answer.status} {answer.heading}"
        return str(answer.headers["Location"])

    def enter_code(self, verification_uri: str, typed: str, decision: str) -> str:
        """Open the page that has no code in its address, type the code, decide."""
        page = self.submit(self.open(verification_uri), "/device", user_code=typed)
        return self.submit(page, "/device/decision", decision=decision).heading

    def sign_in(self, password: str | None = None) -> Page:
        page = self._request("GET", "/sign-in")
        fields = {"username": self.username, "password": self.password if password is None else password}
        return self.submit(page, "/sign-in", **fields)

    def sign_out(self) -> str:
        return self.submit(self.open("/start"), "/sign-out").heading

    def open(self, url: str) -> Page:
        """The page at ``url``, signing in on the way to it."""
        page = self._follow(self._request("GET", url))
        if "/sign-in" in page.forms:
            page = self.submit(page, "/sign-in", username=self.username, password=self.password)
        return page

    def submit(self, page: Page, action: str, **filled: str) -> Page:
        return self._follow(self._request("POST", action, page.forms[action] | filled))

    def _follow(self, page: Page) -> Page:
        while page.status in _REDIRECTS:
            page = self._request("GET", urljoin(page.url, page.headers["Location"]))
        return page

    def _request(self, method: str, url: str, fields: dict[str, str] | None = None) -> Page:
        url = urljoin(self.endpoint, url)
        parts = urlsplit(url)
        ours = url.startswith(f"{self.endpoint}/")
        headers = {"User-Agent": "Mozilla/5.0", **(_OWN_FORM if fields is not None else {})}
        if ours and self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=20)
        try:
            target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
            connection.request(method, target, urlencode(fields) if fields is not None else None, headers)
            response = connection.getresponse()
            page = Page(url, response.status, response.headers, response.read())
        finally:
            connection.close()
        if ours:
            self._keep(page, fields or {})
        return page

    def _keep(self, page: Page, sent: dict[str, str]) -> None:
        for cookie in page.headers.get_all("Set-Cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
            self.seen.add(value)
            if "max-age=0" in cookie.lower():
                del self.cookies[name]
        for form in (sent, *page.forms.values()):
            self.seen |= {form[name] for name in ("csrf", "approval", "password") if form.get(name)}
