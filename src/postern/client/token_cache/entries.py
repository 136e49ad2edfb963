"""What is kept, under which names, and its JSON: as the AWS CLI and the SDKs read and write it.

Members that only this project knows (``sessionName``, ``scopes``, ``issuedAt``) stand beside the shared ones, where
other tools leave them alone.
"""

import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, cast

from postern.client.token_cache import timestamps

_LONGEST_LIFE = 10 * 365 * 86_400.0
ENDPOINT_MEMBER = "endpointUrl"
_NOTHING: Mapping[str, object] = MappingProxyType({})

_TOKEN_MEMBERS = {
    "startUrl": "start_url",
    "region": "region",
    "accessToken": "access_token",
    "expiresAt": "expires_at",
    "clientId": "client_id",
    "clientSecret": "client_secret",
    "registrationExpiresAt": "registration_expires_at",
    "refreshToken": "refresh_token",
    "sessionName": "session_name",
    "scopes": "scopes",
    "issuedAt": "issued_at",
}
_REGISTRATION_MEMBERS = {
    "clientId": "client_id",
    "clientSecret": "client_secret",
    "expiresAt": "expires_at",
    "scopes": "scopes",
    "grantTypes": "grant_types",
}
_TIMES = frozenset({"expiresAt", "registrationExpiresAt", "issuedAt"})
_LISTS = frozenset({"scopes", "grantTypes"})


class UnreadableEntry(ValueError):
    """What is stored is no entry. The text says why and quotes nothing of it."""


class SessionKey(NamedTuple):
    """Whose token: that of a named session (``[sso-session NAME]``), or that of a start URL (a legacy profile)."""

    start_url: str
    session_name: str | None = None

    @property
    def digests(self) -> tuple[str, ...]:
        """The names that tools look under, its own first: SHA-1 (hex) of the session's name and of the start URL."""
        by_url = digest(self.start_url)
        return (by_url,) if self.session_name is None else (digest(self.session_name), by_url)

    @property
    def primary(self) -> str:
        return self.digests[0]


class CachedToken(NamedTuple):
    """A token and what it takes to refresh it. ``*_at`` are Unix seconds; ``extra`` are members that other tools wrote,
    kept when the entry is written again.
    """

    start_url: str
    region: str
    access_token: str
    expires_at: float
    refresh_token: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    registration_expires_at: float | None = None
    session_name: str | None = None
    scopes: tuple[str, ...] | None = None
    issued_at: float | None = None
    extra: Mapping[str, object] = _NOTHING

    @property
    def endpoint_url(self) -> str | None:
        """The endpoint of SSO OIDC that it is from, if that was recorded. Other tools drop it when they refresh."""
        url = self.extra.get(ENDPOINT_MEMBER)
        return url if isinstance(url, str) and url else None

    def is_refreshable(self, now: float) -> bool:
        """Whether it has what a refresh takes, and its registration is not over."""
        if not (self.refresh_token and self.client_id and self.client_secret):
            return False
        return self.registration_expires_at is None or self.registration_expires_at > now

    def __repr__(self) -> str:
        """Nothing that would let anyone in."""
        refreshable = "refreshable" if self.refresh_token else "not refreshable"
        who = f"session {self.session_name}" if self.session_name else self.start_url
        return f"CachedToken({who}, until {timestamps.write(self.expires_at)}, {refreshable})"


class RegistrationKey(NamedTuple):
    """What a registration may be used for."""

    start_url: str
    region: str
    scopes: tuple[str, ...] = ()
    grant_types: tuple[str, ...] = ()
    session_name: str | None = None

    @property
    def digest(self) -> str:
        """SHA-1 (hex) of the same JSON as the AWS CLI's, but with a tool and grant types of our own.

        The CLI keeps one registration per session whatever it was registered for. Under its key, ours for the device
        code and its for the authorization code would take turns to throw each other out.
        """
        key = {
            "tool": "postern",
            "startUrl": self.start_url,
            "region": self.region,
            "scopes": list(self.scopes),
            "session_name": self.session_name,
            "grantTypes": list(self.grant_types),
        }
        return digest(json.dumps(key, sort_keys=True))


class CachedRegistration(NamedTuple):
    """A registered client. ``expires_at`` is Unix seconds; ``extra`` has other members (``authorizationEndpoint``)."""

    client_id: str
    client_secret: str
    expires_at: float
    scopes: tuple[str, ...] = ()
    grant_types: tuple[str, ...] = ()
    extra: Mapping[str, object] = _NOTHING

    def __repr__(self) -> str:
        return f"CachedRegistration(until {timestamps.write(self.expires_at)}, {' '.join(self.grant_types)})"


def digest(text: str) -> str:
    """The name under which tools look for what belongs to ``text``."""
    return hashlib.sha1(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def expiry(asked_at: float, expires_in: float) -> float:
    """When a token is over (Unix seconds) that was asked for then and lives so many seconds. Ten years are the most:
    calendars do not go as far as some answers would.
    """
    return asked_at + min(expires_in, _LONGEST_LIFE)


def write_token(token: CachedToken) -> bytes:
    return _write(token, _TOKEN_MEMBERS, token.extra)


def write_registration(registration: CachedRegistration) -> bytes:
    return _write(registration, _REGISTRATION_MEMBERS, registration.extra)


def read_token(content: bytes) -> CachedToken | None:
    """The token, or None for an entry of another kind, such as a registration.

    Raises:
        UnreadableEntry: it is not a JSON object, or it has an access token that cannot be used.
    """
    members = _read(content)
    if "accessToken" not in members:
        return None
    known = _known(members, _TOKEN_MEMBERS)
    _require(known, "access_token", "expires_at")
    known = {"start_url": "", "region": "", **known}
    return CachedToken(**known, extra=_unknown(members, _TOKEN_MEMBERS))  # type: ignore[arg-type]


def read_registration(content: bytes) -> CachedRegistration:
    """
    Raises:
        UnreadableEntry: it is no registration.
    """
    members = _read(content)
    known = _known(members, _REGISTRATION_MEMBERS)
    _require(known, "client_id", "client_secret", "expires_at")
    return CachedRegistration(**known, extra=_unknown(members, _REGISTRATION_MEMBERS))  # type: ignore[arg-type]


def _write(entry: tuple[object, ...], names: Mapping[str, str], extra: Mapping[str, object]) -> bytes:
    members: dict[str, object] = {}
    for wire, name in names.items():
        value = getattr(entry, name)
        if value is not None:
            members[wire] = timestamps.write(value) if wire in _TIMES else value
    return json.dumps({**members, **_unknown(extra, names)}).encode()


def _read(content: bytes) -> dict[str, object]:
    try:
        members = json.loads(content)
    except (ValueError, RecursionError):
        raise UnreadableEntry("it is not JSON: empty, cut off or overwritten") from None
    if not isinstance(members, dict):
        raise UnreadableEntry("it is not a JSON object")
    return cast(dict[str, object], members)


def _known(members: Mapping[str, object], names: Mapping[str, str]) -> dict[str, object]:
    """Members of the right type, by Python name. Empty ones count as absent: some SDKs write them so."""
    found = {names[wire]: _value(wire, members[wire]) for wire in names if members.get(wire)}
    return {name: value for name, value in found.items() if value is not None}


def _value(wire: str, value: object) -> object:
    if wire in _LISTS:
        is_list = isinstance(value, list) and all(isinstance(item, str) for item in value)
        return tuple(cast(list[str], value)) if is_list else None
    if not isinstance(value, str):
        return None
    if wire not in _TIMES:
        return value
    try:
        return timestamps.read(value)
    except ValueError:
        return None


def _unknown(members: Mapping[str, object], names: Mapping[str, str]) -> dict[str, object]:
    return {wire: value for wire, value in members.items() if wire not in names}


def _require(known: Mapping[str, object], *names: str) -> None:
    for name in names:
        value = known.get(name)
        if value is None:
            raise UnreadableEntry(f"its {_wire(name)} is missing or cannot be read")
        if isinstance(value, str) and not (value.isascii() and value.isprintable()):
            raise UnreadableEntry(f"its {_wire(name)} has characters that cannot be sent")


def _wire(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))
