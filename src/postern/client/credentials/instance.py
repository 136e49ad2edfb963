"""Credentials of an EC2 instance, from its metadata service: version 2, or 1 where 2 is not served."""

import re
from collections.abc import Callable, Mapping

import msgspec

from postern.client.credentials.documents import credentials_in, read_document
from postern.client.credentials.model import Credentials
from postern.client.credentials.profile import Profile
from postern.client.effects import Flow, Send
from postern.client.errors import CredentialsError, TransportError
from postern.client.http import HttpRequest, HttpResponse

_ADDRESSES = {"ipv4": "http://169.254.169.254", "ipv6": "http://[fd00:ec2::254]"}
_TOKEN_PATH = "/latest/api/token"
_ROLES_PATH = "/latest/meta-data/iam/security-credentials/"
_TOKEN_HEADER = "x-aws-ec2-metadata-token"
_LIFETIME_HEADERS = {"x-aws-ec2-metadata-token-ttl-seconds": "21600"}
_TIMEOUT = 1.0
_EXTENSION = 900.0
_OK = 200
_ROLE = re.compile(r"[\w+=,.@/-]{1,128}", re.ASCII)
_NO_VERSION_2 = frozenset({403, 404, 405})


class InstanceCredentials:
    """Asks once, for a second at most, and past any proxy. Settings are the environment variables
    ``AWS_EC2_METADATA_DISABLED``, ``AWS_EC2_METADATA_SERVICE_ENDPOINT``, ``AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE``
    and ``AWS_EC2_METADATA_V1_DISABLED``; the last three may be in the profile, in lower case and without ``AWS_``.
    """

    name = "instance"

    def __init__(self, profile: Profile, environment: Mapping[str, str], now: Callable[[], float]) -> None:
        self._profile = profile
        self._environment = environment
        self._now = now

    def load(self) -> Flow[Credentials | None]:
        """None also where nobody answers: not every machine is an instance, and not every instance has a role.

        Raises:
            CredentialsError: the instance has a role, and its credentials do not come.
        """
        if self._environment.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
            return None
        base = self._base()
        try:
            headers = yield from self._headers(base)
            role = None if headers is None else (yield from _role(base, headers))
        except TransportError:
            return None
        if headers is None or role is None:
            return None
        return (yield from self._credentials(base, role, headers))

    def _headers(self, base: str) -> Flow[dict[str, str] | None]:
        """The headers of the requests that follow; None if this is no metadata service."""
        answer = yield from _ask("PUT", base + _TOKEN_PATH, _LIFETIME_HEADERS)
        if answer.status == _OK:
            token = answer.body.decode("ascii", errors="replace").strip()
            return {_TOKEN_HEADER: token} if token.isascii() and token.isprintable() and token else None
        if answer.status not in _NO_VERSION_2:
            return None
        if self._setting("EC2_METADATA_V1_DISABLED").lower() == "true":
            raise CredentialsError(f"no metadata token (status {answer.status}), and version 1 is disabled")
        return {}

    def _credentials(self, base: str, role: str, headers: dict[str, str]) -> Flow[Credentials]:
        from urllib.parse import quote

        try:
            answer = yield from _ask("GET", base + _ROLES_PATH + quote(role, safe=""), headers)
        except TransportError as error:
            raise CredentialsError(str(error)) from error
        if answer.status != _OK:
            raise CredentialsError(f"the metadata service answered with status {answer.status} for role {role}")
        found = credentials_in(read_document(answer.body), source=f"{self.name} (role {role})")
        return self._extended(found)

    def _extended(self, found: Credentials) -> Credentials:
        """While the service that renews them is down, an instance gives old ones, which are then still accepted."""
        if found.expires_at is None or found.expires_at > self._now():
            return found
        return msgspec.structs.replace(found, expires_at=self._now() + _EXTENSION)

    def _base(self) -> str:
        custom = self._setting("EC2_METADATA_SERVICE_ENDPOINT")
        if custom:
            if not custom.startswith(("http://", "https://")):
                raise CredentialsError("AWS_EC2_METADATA_SERVICE_ENDPOINT is no http or https URL")
            return custom.rstrip("/")
        mode = self._setting("EC2_METADATA_SERVICE_ENDPOINT_MODE").lower() or "ipv4"
        if mode not in _ADDRESSES:
            raise CredentialsError("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is neither IPv4 nor IPv6")
        return _ADDRESSES[mode]

    def _setting(self, name: str) -> str:
        return self._environment.get(f"AWS_{name}") or self._profile.settings.get(name.lower()) or ""


def _role(base: str, headers: dict[str, str]) -> Flow[str | None]:
    answer = yield from _ask("GET", base + _ROLES_PATH, headers)
    if answer.status != _OK:
        return None
    lines = answer.body.decode("ascii", errors="replace").split()
    if not lines:
        return None
    if _ROLE.fullmatch(lines[0]) is None:
        raise CredentialsError("what the metadata service names is no role")
    return lines[0]


def _ask(method: str, url: str, headers: Mapping[str, str]) -> Flow[HttpResponse]:
    answer: HttpResponse = yield Send(
        HttpRequest(method=method, url=url, headers=dict(headers), timeout=_TIMEOUT, direct=True)
    )
    return answer
