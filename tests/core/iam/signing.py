"""Signed requests to the small world: an access key of a principal in it, and what it signs."""

import msgspec

from postern.api import sigv4
from postern.core.caller import Principal
from postern.core.directory.records import AccessKey, AccessKeyStatus
from postern.core.iam.access_keys import issue_role_credentials, issue_temporary_credentials, new_access_key
from postern.core.iam.authentication import authenticate
from postern.core.iam.signed_request import SignedRequest
from postern.core.store import ConfigurationChange
from tests.core.world import LAPTOP, MASTER, World

REGION = "us-east-1"
SERVICE = "sso-oauth"
HOST = "sso.example.com"
URL = f"https://{HOST}/token?aws_iam=t"
PRINCIPAL_ARN = "arn:aws:iam::111122223333:user/reports"
ROLE_ARN = "arn:aws:iam::111122223333:role/service/nightly"
BODY = b'{"clientId":"arn:aws:sso::111122223333:application/ssoins-1111111111111111/apl-1111111111111111"}'


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What a client signs with."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None


class Desk:
    """A long-term access key in the world, and credentials made from it."""

    def __init__(self, world: World, record: AccessKey, secret: str) -> None:
        self.world = world
        self.record = record
        self.credentials = Credentials(access_key_id=record.access_key_id, secret_access_key=secret)

    def sign(
        self,
        credentials: Credentials | None = None,
        *,
        late: int = 0,
        headers: dict[str, str] | None = None,
        body: bytes = BODY,
        url: str = URL,
        region: str = REGION,
        service: str = SERVICE,
        method: str = "POST",
    ) -> SignedRequest:
        """A request signed in its headers, ``late`` seconds ago."""
        given = {"Content-Type": "application/json"} | (headers or {})
        added = sigv4.sign(
            method=method,
            url=url,
            headers=given,
            body=body,
            **msgspec.structs.asdict(credentials or self.credentials),
            region=region,
            service=service,
            now=self.world.now - late,
        )
        return request_to(url, given | added, body, method)

    def presign(
        self,
        credentials: Credentials | None = None,
        *,
        late: int = 0,
        expires_in: int = 60,
        headers: dict[str, str] | None = None,
        body: bytes = BODY,
        url: str = URL,
        service: str = SERVICE,
        method: str = "POST",
    ) -> SignedRequest:
        """A request signed in its query, ``late`` seconds ago."""
        given = {"Content-Type": "application/json"} if headers is None else headers
        url = sigv4.presign(
            method=method,
            url=url,
            headers=given,
            body=body,
            **msgspec.structs.asdict(credentials or self.credentials),
            region=REGION,
            service=service,
            now=self.world.now - late,
            expires_in=expires_in,
        )
        return request_to(url, given, body, method)

    def temporary(self, duration: int = 3600) -> Credentials:
        """Of the principal that the access key is of."""
        made = issue_temporary_credentials(
            self.world.service.ring, access_key=self.record, duration=duration, now=self.world.now
        )
        return Credentials(
            access_key_id=made.access_key_id,
            secret_access_key=made.secret_access_key,
            session_token=made.session_token,
        )

    def of_role(self, duration: int = 3600) -> Credentials:
        """Of a role's session, with no access key behind it."""
        made = issue_role_credentials(
            self.world.service.ring, role_arn=ROLE_ARN, session_name="mira", duration=duration, now=self.world.now
        )
        return Credentials(
            access_key_id=made.access_key_id,
            secret_access_key=made.secret_access_key,
            session_token=made.session_token,
        )

    async def authenticate(self, request: SignedRequest) -> Principal:
        return await authenticate(self.world.service, request, LAPTOP)

    async def arn_of(self, request: SignedRequest) -> str:
        return (await self.authenticate(request)).arn

    async def change(self, **changes: object) -> None:
        changed = msgspec.structs.replace(self.record, **changes)
        await self.world.store.change_configuration(ConfigurationChange(replace=((self.record, changed),)))
        self.record = changed

    async def disable(self) -> None:
        await self.change(status=AccessKeyStatus.INACTIVE)

    async def remove(self) -> None:
        await self.world.store.change_configuration(ConfigurationChange(remove=(self.record,)))


async def open_desk(world: World, principal_arn: str = PRINCIPAL_ARN) -> Desk:
    record, secret = new_access_key(MASTER, principal_arn=principal_arn, now=world.now)
    await world.store.change_configuration(ConfigurationChange(create=(record,)))
    return Desk(world, record, secret)


def request_to(url: str, headers: dict[str, str], body: bytes, method: str = "POST") -> SignedRequest:
    """As a server receives it."""
    path, _, query = url.removeprefix(f"https://{HOST}").partition("?")
    pairs = {"host": HOST} | {name.lower(): value for name, value in headers.items()}
    return SignedRequest(
        method=method,
        path=path.encode(),
        query=query.encode(),
        headers=[(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in pairs.items()],
        body=body,
    )


def with_header(request: SignedRequest, name: str, value: str | None) -> SignedRequest:
    """The request with this header in place of any of its name, or without one."""
    raw = name.encode()
    pairs = [pair for pair in request.headers if pair[0] != raw]
    if value is not None:
        pairs.append((raw, value.encode("utf-8", "surrogateescape")))
    return msgspec.structs.replace(request, headers=pairs)


def header_of(request: SignedRequest, name: str) -> str:
    return dict(request.headers)[name.encode()].decode()


def edited(request: SignedRequest, name: str, old: str, new: str) -> SignedRequest:
    """The request with ``old``, which must be there, replaced in one of its headers."""
    value = header_of(request, name)
    assert old in value
    return with_header(request, name, value.replace(old, new))


def added(request: SignedRequest, name: str, value: str) -> SignedRequest:
    """The request with one more header."""
    return msgspec.structs.replace(request, headers=[*request.headers, (name.encode(), value.encode())])
