"""A small Security Token Service that verifies what it is given, for tests: moto takes any text for a token. It is a
process of its own (``python -m postern.testing.sts``), told on standard input what it is: see `Setting`.

``POST /`` is AssumeRoleWithWebIdentity and AssumeRole, as AWS, Ceph or MinIO would answer them. ``GET /calls`` lists
those that were granted, with what had been verified of them and without tokens and secrets.
"""

import hmac
import json
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

import msgspec

from postern.api import sigv4
from postern.api.sigv4 import MalformedSignature
from postern.api.sigv4_authorization import expected_signature, parse_authorization
from postern.testing.sts_tokens import CONSUMERS, Issuer, Members, Refusal, header_of, verify

NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
VERSION = "2011-06-15"
SKEW = 300
_MAX_BODY = 64 * 1024


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What the STS is. ``profile`` is ``aws``, ``ceph`` or ``minio``; ``issuer`` is whose tokens it takes for
    ``audience``, and ``reached_at`` where that listens, if it is elsewhere. ``access_keys`` are secrets by id, for
    those who may sign AssumeRole; ``external_id`` is asked of them.
    """

    profile: str = "aws"
    issuer: str = ""
    reached_at: str = ""
    audience: str = "sts.amazonaws.com"
    access_keys: dict[str, str] = {}
    external_id: str = ""

    def __repr__(self) -> str:
        return f"Setting({self.profile}, {self.issuer})"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """``headers`` are in the order of the request."""

    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: bytes

    def __repr__(self) -> str:
        return f"Request({self.method} {self.path})"

    def header(self, name: str) -> str:
        return next((value for each, value in self.headers if each.lower() == name), "")

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode(), keep_blank_values=True).items()}


class TokenService:
    """The two operations."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._issuer = Issuer(setting.issuer, setting.reached_at or setting.issuer)
        self._lock = threading.Lock()
        self.calls: list[Members] = []

    def answer(self, request: Request) -> str:
        """The XML of an answer.

        Raises:
            Refusal: it is refused.
        """
        form = request.form
        actions = {
            "AssumeRoleWithWebIdentity": self._with_web_identity,
            "AssumeRole": self._signed,
        }
        action = form.get("Action", "")
        if request.path != "/" or action not in actions or form.get("Version") != VERSION:
            raise Refusal("InvalidAction", "there is no such operation")
        call, result = actions[action](request, form)
        duration = int(form.get("DurationSeconds", "3600"))
        if not 900 <= duration <= 43_200 or len(form.get("RoleSessionName", "")) < 2:
            raise Refusal("ValidationError", "the duration or the session's name is not possible")
        call |= {"action": action, "role_arn": form.get("RoleArn", ""), "duration": duration}
        call["session_name"] = form["RoleSessionName"]
        credentials = _credentials(duration)
        with self._lock:
            self.calls.append(call | {"access_key_id": credentials["AccessKeyId"]})
        return _xml(f"{action}Response", {f"{action}Result": {"Credentials": credentials, **result}})

    def _with_web_identity(self, request: Request, form: Mapping[str, str]) -> tuple[Members, Members]:
        if request.header("authorization"):
            raise Refusal("ValidationError", "the call is not signed")
        setting, token = self._setting, form.get("WebIdentityToken", "")
        claims = verify(token, self._issuer, setting.audience, setting.profile, time.time())
        key = self._issuer.key_of(header_of(token))
        verified = CONSUMERS[setting.profile](claims, key, form.get("RoleArn", ""))
        result = {
            "SubjectFromWebIdentityToken": claims["sub"],
            "Audience": claims["aud"],
            "Provider": claims["iss"],
        }
        return {"claims": claims, "kid": key["kid"], **verified}, result

    def _signed(self, request: Request, form: Mapping[str, str]) -> tuple[Members, Members]:
        access_key_id = self._signer(request)
        if self._setting.external_id and form.get("ExternalId") != self._setting.external_id:
            raise Refusal("AccessDenied", "the external id is not the role's", 403)
        if not form.get("RoleArn", "").startswith("arn:"):
            raise Refusal("ValidationError", "no role is asked for")
        call = {
            "signed_by": access_key_id,
            "external_id": form.get("ExternalId", ""),
            "source_identity": form.get("SourceIdentity", ""),
            "tags": dict(_members(form, "Tags.member.{}.Key", "Tags.member.{}.Value")),
            "transitive_tag_keys": [key for key, _ in _members(form, "TransitiveTagKeys.member.{}")],
        }
        return call, {}

    def _signer(self, request: Request) -> str:
        """The access key id whose secret signed the request (SigV4, service ``sts``)."""
        if not request.header("authorization"):
            raise Refusal("MissingAuthenticationToken", "the call is not signed", 403)
        try:
            authorization = parse_authorization(request.header("authorization"))
            date = request.header("x-amz-date")
            if abs(sigv4.unix_seconds(date) - time.time()) > SKEW or authorization.scope.service != "sts":
                raise Refusal("SignatureDoesNotMatch", "the signature is of another time or service", 403)
            secret = self._setting.access_keys.get(authorization.access_key_id)
            if secret is None:
                raise Refusal("InvalidClientTokenId", "there is no such access key", 403)
            expected = expected_signature(
                authorization,
                key=sigv4.signing_key(secret, authorization.scope),
                amz_date=date,
                method=request.method,
                path=request.path,
                query=request.query,
                headers=request.headers,
                body=request.body,
            )
        except MalformedSignature as error:
            raise Refusal("IncompleteSignature", str(error)) from None
        if not hmac.compare_digest(expected, authorization.signature):
            raise Refusal("SignatureDoesNotMatch", "the signature does not match", 403)
        return authorization.access_key_id


def _members(form: Mapping[str, str], key: str, value: str = "") -> list[tuple[str, str]]:
    found = []
    for number in range(1, 51):
        name = key.format(number)
        if name not in form:
            break
        found.append((form[name], form.get(value.format(number), "") if value else ""))
    return found


def _credentials(duration: int) -> Members:
    expires_at = datetime.fromtimestamp(int(time.time()) + duration, UTC)
    return {
        "AccessKeyId": f"ASIA{secrets.token_hex(8).upper()}",
        "SecretAccessKey": secrets.token_urlsafe(30),
        "SessionToken": secrets.token_urlsafe(64),
        "Expiration": expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _xml(name: str, members: Members) -> str:
    return f'<{name} xmlns="{NAMESPACE}">{_elements(members)}</{name}>'


def _elements(members: Members) -> str:
    return "".join(
        f"<{name}>{_elements(value) if isinstance(value, dict) else escape(str(value))}</{name}>"
        for name, value in members.items()
    )


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, setting: Setting) -> None:
        super().__init__(("127.0.0.1", 0), _Requests)
        self.token_service = TokenService(setting)


class _Requests(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        found = self.path == "/calls"
        self._send(200 if found else 404, json.dumps(self.server.token_service.calls if found else {}))

    def do_POST(self) -> None:
        url = urlsplit(self.path)
        length = min(int(self.headers.get("Content-Length", "0")), _MAX_BODY)
        request = Request(
            method="POST",
            path=url.path,
            query=url.query,
            headers=list(self.headers.items()),
            body=self.rfile.read(length),
        )
        try:
            self._send(200, self.server.token_service.answer(request))
        except Refusal as refusal:
            error = {"Type": "Sender", "Code": refusal.code, "Message": refusal.message}
            self._send(refusal.status, _xml("ErrorResponse", {"Error": error}))

    def _send(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/xml" if text.startswith("<") else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Nothing: the calls say enough."""


class StsProcess:
    """The STS as a process of its own, ready when the constructor returns; ``with`` ends it, and so does `stop`."""

    def __init__(self, setting: Setting) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(setting).decode())
        self._process.stdin.close()
        said = self._process.stdout.readline().split()
        if said[:1] != ["ready"]:
            self.stop()
            raise RuntimeError("the STS did not start: what it said is on standard error")
        self.url = said[1]

    def calls(self) -> list[Members]:
        """Those that were granted, the first first."""
        connection = HTTPConnection("127.0.0.1", urlsplit(self.url).port or 0, timeout=20)
        try:
            connection.request("GET", "/calls")
            found: list[dict[str, Any]] = json.loads(connection.getresponse().read())
            return found
        finally:
            connection.close()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def main() -> None:
    server = _Server(msgspec.json.decode(sys.stdin.read(), type=Setting))
    sys.stdout.write(f"ready http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
