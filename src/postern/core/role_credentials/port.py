"""The port to a Security Token Service (STS): what a source needs of it, and how it fails."""

from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from postern.core.iam.access_keys import TemporaryCredentials


class StsError(Exception):
    """Base of what a call of an STS ends in. ``reason`` is for the log and holds no secret."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class StsUnavailable(StsError):
    """No answer, none in time, or one that says to come again: another try may have one."""


class StsRefused(StsError):
    """It answered, and said no. ``code`` is its own."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class SourceFaulty(StsError):
    """It was not asked: what the source would ask for cannot be."""


class SessionTag(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    value: str


class WebIdentityCall(msgspec.Struct, frozen=True, kw_only=True):
    """AssumeRoleWithWebIdentity. ``role_arn`` is empty for an STS that wants none; ``duration`` is in seconds."""

    endpoint: str
    allow_http: bool
    role_arn: str
    session_name: str
    web_identity_token: str
    duration: int

    def __repr__(self) -> str:
        """Without the token, which is a secret."""
        return f"WebIdentityCall({self.endpoint}, {self.role_arn}, {self.session_name})"


class AssumeRoleCall(msgspec.Struct, frozen=True, kw_only=True):
    """AssumeRole, signed with an access key of ours at that STS. ``duration`` is in seconds."""

    endpoint: str
    allow_http: bool
    region: str
    access_key_id: str
    secret_access_key: str
    role_arn: str
    session_name: str
    duration: int
    external_id: str = ""
    source_identity: str = ""
    tags: tuple[SessionTag, ...] = ()
    transitive_tag_keys: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Without the secret."""
        return f"AssumeRoleCall({self.endpoint}, {self.role_arn}, {self.session_name})"


class SigninTokenCall(msgspec.Struct, frozen=True, kw_only=True):
    """``getSigninToken`` of AWS's federation endpoint, for these credentials. ``duration`` is in seconds."""

    endpoint: str
    allow_http: bool
    credentials: TemporaryCredentials
    duration: int


class Sts(Protocol):
    """Every call is bounded in time, tried again where that may help, and raises `StsUnavailable` or `StsRefused`."""

    async def assume_role_with_web_identity(self, call: WebIdentityCall) -> TemporaryCredentials: ...

    async def assume_role(self, call: AssumeRoleCall) -> TemporaryCredentials: ...

    async def signin_token(self, call: SigninTokenCall) -> str: ...


class NoSts:
    """For a service that calls nobody."""

    async def assume_role_with_web_identity(self, call: WebIdentityCall) -> TemporaryCredentials:
        raise StsUnavailable("this server calls no STS")

    async def assume_role(self, call: AssumeRoleCall) -> TemporaryCredentials:
        raise StsUnavailable("this server calls no STS")

    async def signin_token(self, call: SigninTokenCall) -> str:
        raise StsUnavailable("this server calls no STS")


NO_STS = NoSts()

Make = Callable[[], Awaitable[TemporaryCredentials]]


class IssuedCredentials(Protocol):
    """What an STS gave lately, and may be given out again."""

    async def get(self, key: bytes, make: Make) -> TemporaryCredentials:
        """The credentials that were made for ``key``, within the first half of their life; else those that ``make``
        gives, once for all who ask at the same time. What it raises goes to all of them.
        """
        ...


class NothingIssued:
    """Remembers nothing."""

    async def get(self, key: bytes, make: Make) -> TemporaryCredentials:
        return await make()


NOTHING_ISSUED = NothingIssued()
