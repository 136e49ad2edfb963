"""A client and a browser of a few lines, for suites that talk to a running server over plain HTTP on loopback."""

import html
import http.client
import json
import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode

import msgspec

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
REFRESH_TOKEN = "refresh_token"
AUTHORIZATION_CODE = "authorization_code"
SCOPES = ["sso:account:access"]
_HIDDEN = re.compile(r'<input[^>]*type="hidden"[^>]*>')
_ATTRIBUTE = re.compile(r'(name|value)="([^"]*)"')


class Answer(msgspec.Struct, frozen=True):
    """An HTTP response, its header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def members(self) -> dict[str, str]:
        members: dict[str, str] = json.loads(self.body)
        return members

    @property
    def error(self) -> str:
        """The modelled error's name, or nothing."""
        return self.headers.get("x-amzn-errortype", "")


class Connection:
    """One kept-alive connection. Not for several threads."""

    def __init__(self, port: int, timeout: float = 10) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """
        Raises:
            OSError, http.client.HTTPException: the server could not be reached or broke off.
        """
        try:
            self._connection.request(method, path, body, dict(headers or {}))
            response = self._connection.getresponse()
            lowered = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, lowered, response.read())
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise

    def call(self, path: str, **members: object) -> Answer:
        body = json.dumps(members).encode()
        return self.send("POST", path, body, {"Content-Type": "application/json"})

    def close(self) -> None:
        self._connection.close()


class WireClient:
    """A registered client, as the AWS CLI is one."""

    def __init__(self, connection: Connection, start_url: str, **registration: object) -> None:
        self.connection = connection
        self.start_url = start_url
        members = {"clientName": "load", "clientType": "public", "scopes": SCOPES} | registration
        answer = connection.call("/client/register", **members).members
        self.credentials = {"clientId": answer["clientId"], "clientSecret": answer["clientSecret"]}

    def over(self, connection: Connection) -> "WireClient":
        """The same client on another connection."""
        other = object.__new__(WireClient)
        other.connection, other.start_url, other.credentials = connection, self.start_url, self.credentials
        return other

    def start(self) -> dict[str, str]:
        return self.connection.call("/device_authorization", **self.credentials, startUrl=self.start_url).members

    def redeem(self, device_code: str) -> Answer:
        return self._token(DEVICE_CODE, deviceCode=device_code)

    def refresh(self, refresh_token: str) -> Answer:
        return self._token(REFRESH_TOKEN, refreshToken=refresh_token)

    def log_out(self, access_token: str) -> Answer:
        return self.connection.send("POST", "/logout", b"", {"x-amz-sso_bearer_token": access_token})

    def _token(self, grant_type: str, **members: str) -> Answer:
        return self.connection.call("/token", **self.credentials, grantType=grant_type, **members)


class PersonAtBrowser:
    """A signed-in person who approves devices by the pages' own forms."""

    def __init__(self, connection: Connection, user_name: str, password: str) -> None:
        self.connection = connection
        self.cookies: dict[str, str] = {}
        form = self._fields(self._send("GET", "/sign-in"))
        answer = self._send("POST", "/sign-in", form | {"username": user_name, "password": password})
        if answer.status != 303:
            raise AssertionError(f"sign-in was answered with {answer.status}")

    def over(self, connection: Connection) -> "PersonAtBrowser":
        """The same browser on another connection: its cookies live on."""
        other = object.__new__(PersonAtBrowser)
        other.connection, other.cookies = connection, self.cookies
        return other

    def decide(self, user_code: str, decision: str = "approve") -> bool:
        """Whether the decision was taken."""
        return self.said_of(user_code, decision) == "303 /device/done?outcome=approved"

    def said_of(self, user_code: str, decision: str = "approve") -> str:
        """Status and location of the last answer on the way to a decision."""
        answer = self._send("GET", f"/device?user_code={quote(user_code)}")
        if answer.status == 200:
            answer = self._send("POST", "/device/decision", self._fields(answer) | {"decision": decision})
        return f"{answer.status} {answer.headers.get('location', '')}"

    def _send(self, method: str, path: str, form: Mapping[str, str] | None = None) -> Answer:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        body = None
        if form is not None:
            body = urlencode(form).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        answer = self.connection.send(method, path, body, headers)
        name, _, value = answer.headers.get("set-cookie", "").partition(";")[0].partition("=")
        if name:
            self.cookies = self.cookies | {name: value}
        return answer

    def _fields(self, page: Answer) -> dict[str, str]:
        fields: dict[str, str] = {}
        for tag in _HIDDEN.findall(page.body.decode()):
            attributes = dict(_ATTRIBUTE.findall(tag))
            fields.setdefault(html.unescape(attributes["name"]), html.unescape(attributes.get("value", "")))
        return fields
