"""Requests of CreateTokenWithIAM and of introspection, signed beforehand: wrk cannot sign. What they present is made
through the rules themselves.

A line holds the ``Authorization`` header, ``X-Amz-Date`` and the body, with tabs between. Signatures are good for
`MAX_CLOCK_SKEW` seconds, so that a case makes its requests just before its runs.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from itertools import count, islice
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode

import msgspec

from bench.issuer import Issuer
from bench.world import REDIRECT_URI, World, open_world
from postern.api.sigv4 import CredentialScope, sign, signing_key
from postern.api.sso_oidc import SIGNING_NAME, CreateTokenWithIamRequest, CreateTokenWithIamResponse
from postern.core import authorize, tokens
from postern.core.authorize import AuthorizationRequest
from postern.core.clients import AUTHORIZATION_CODE, JWT_BEARER, REFRESH_TOKEN, TOKEN_EXCHANGE
from postern.core.create_token_with_iam import create_token_with_iam
from postern.core.directory import applications
from postern.core.directory.records import Application
from postern.core.grants import token_exchange
from postern.core.records import TokenFamily
from postern.core.store import AlreadyExists
from postern.server.factory import running_service
from postern.server.settings import Settings

MAX_CLOCK_SKEW = 900
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
POOL = 2000
FAMILIES = 4096

_VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
_CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
_WITHOUT_ID_TOKEN = ("aws",)
_AT_ONCE = 256
_encode = msgspec.json.Encoder().encode
T = TypeVar("T")


class Signer(msgspec.Struct, frozen=True, kw_only=True):
    """Signs for one URL. PERF: the day's key is derived once."""

    url: str
    content_type: str
    access_key_id: str
    secret_access_key: str
    region: str

    def __repr__(self) -> str:
        return f"Signer({self.url}, {self.access_key_id})"

    def lines(self, bodies: Iterable[bytes]) -> list[bytes]:
        now = time.time()
        day = CredentialScope(time.strftime("%Y%m%d", time.gmtime(now)), self.region, SIGNING_NAME)
        key = signing_key(self.secret_access_key, day)
        return [self._line(body, now, key) for body in bodies]

    def _line(self, body: bytes, now: float, key: bytes) -> bytes:
        headers = sign(
            method="POST",
            url=self.url,
            headers={"Content-Type": self.content_type},
            body=body,
            access_key_id=self.access_key_id,
            secret_access_key=self.secret_access_key,
            region=self.region,
            service=SIGNING_NAME,
            now=now,
            key=key,
        )
        return b"\t".join((headers["Authorization"].encode(), headers["X-Amz-Date"].encode(), body))


def signer_for(world: World, url: str, content_type: str = JSON) -> Signer:
    return Signer(
        url=url,
        content_type=content_type,
        access_key_id=world.access_key_id,
        secret_access_key=world.secret_access_key,
        region=world.service.policy.instance.region,
    )


def make(
    settings: Settings, folder: Path, issuer: Issuer, url: str, content_type: str, name: str, sizes: Sequence[int]
) -> list[Path]:
    """A file of requests to ``url`` for each run, of so many lines; where requests may be repeated, one for all."""

    async def make_files() -> list[Path]:
        async with running_service(settings) as service:
            world = await open_world(service, issuer)
            signer = signer_for(world, url, content_type)
            if name in REPEATABLE:
                return [_write(folder / name, signer, await BODIES[name](world, POOL))] * len(sizes)
            return [
                _write(folder / f"{name}.{number}", signer, await BODIES[name](world, size))
                for number, size in enumerate(sizes)
            ]

    return asyncio.run(make_files())


def _write(file: Path, signer: Signer, bodies: Iterable[bytes]) -> Path:
    file.write_bytes(b"\n".join(signer.lines(bodies)) + b"\n")
    return file


# The bodies, grant by grant


async def _code_bodies(world: World, size: int) -> list[bytes]:
    return [_encode(each) for each in await _code_requests(world, world.application, size)]


async def _refresh_bodies(world: World, size: int) -> list[bytes]:
    """Some thousand families, each rotated again and again: its later tokens are known beforehand, since a generation
    has one text only. A family comes again when all others have had their turn, long after its answer.
    """
    answers = await _tokens(world, world.application, min(size, FAMILIES), scope=_WITHOUT_ID_TOKEN)
    families = [await _family(world, answer) for answer in answers]
    return list(islice(_rotations(world, families), size))


def _rotations(world: World, families: Sequence[TokenFamily]) -> Iterable[bytes]:
    for generation in count():
        for family in families:
            rotated = msgspec.structs.replace(family, generation=generation)
            issued = tokens.issue(world.service.ring, rotated, tokens.ALL_SCOPES, family.created_at)
            assert issued is not None
            yield _encode(_request(world.application, REFRESH_TOKEN, refresh_token=issued.refresh_token))


async def _assertion_bodies(world: World, size: int) -> list[bytes]:
    return [
        _encode(_request(world.application, JWT_BEARER, assertion=assertion))
        for assertion in world.issuer.assertions(size)
    ]


async def _exchange_bodies(world: World, size: int) -> list[bytes]:
    return [
        _encode(
            _request(
                world.application,
                TOKEN_EXCHANGE,
                subject_token=answer.access_token,
                subject_token_type=token_exchange.ACCESS_TOKEN,
            )
        )
        for answer in await _tokens(world, world.source, size)
    ]


async def _introspection_bodies(world: World, size: int) -> list[bytes]:
    client_id = world.application.application_arn
    return [
        urlencode({"client_id": client_id, "token": answer.access_token or ""}).encode()
        for answer in await _tokens(world, world.application, size)
    ]


BODIES: dict[str, Callable[[World, int], Awaitable[list[bytes]]]] = {
    "code": _code_bodies,
    "refresh": _refresh_bodies,
    "jwt_bearer": _assertion_bodies,
    "token_exchange": _exchange_bodies,
    "introspection": _introspection_bodies,
}
REPEATABLE = ("token_exchange", "introspection")


# What they present


async def _code_requests(world: World, application: Application, size: int) -> list[CreateTokenWithIamRequest]:
    client = applications.as_client(application)
    asked = AuthorizationRequest(
        client=client,
        redirect_uri=REDIRECT_URI,
        state=None,
        scopes=client.scopes,
        code_challenge=_CHALLENGE,
    )
    urls = await _gather(_approve(world, asked) for _ in range(size))
    return [
        _request(
            application,
            AUTHORIZATION_CODE,
            code=url.partition("code=")[2].partition("&")[0].replace("%3A", ":"),
            redirect_uri=REDIRECT_URI,
            code_verifier=_VERIFIER,
        )
        for url in urls
    ]


async def _approve(world: World, asked: AuthorizationRequest) -> str:
    """No people approve so fast that row numbers meet, as they do here once in some ten thousand."""
    try:
        return await authorize.approve(world.service, world.session, asked, world.caller)
    except AlreadyExists:
        return await _approve(world, asked)


async def _tokens(
    world: World, application: Application, size: int, scope: tuple[str, ...] | None = None
) -> list[CreateTokenWithIamResponse]:
    requests = [
        msgspec.structs.replace(request, scope=scope) for request in await _code_requests(world, application, size)
    ]
    return await _gather(create_token_with_iam(world.service, request, world.caller) for request in requests)


async def _family(world: World, answer: CreateTokenWithIamResponse) -> TokenFamily:
    claims = tokens.open_value(world.service.ring, tokens.Kind.ACCESS_TOKEN, answer.access_token or "")
    assert claims is not None
    family = await world.service.store.find_token_family(claims.row_id)
    assert family is not None
    return family


def _request(application: Application, grant_type: str, **members: str | None) -> CreateTokenWithIamRequest:
    base = CreateTokenWithIamRequest(client_id=application.application_arn, grant_type=grant_type)
    return msgspec.structs.replace(base, **members)


async def _gather(work: Iterable[Coroutine[object, object, T]]) -> list[T]:
    """As many at once as the store commits together."""
    done: list[T] = []
    for batch in _batches(work):
        done += await asyncio.gather(*batch)
    return done


def _batches(work: Iterable[T]) -> Iterable[list[T]]:
    remaining = iter(work)
    while batch := list(islice(remaining, _AT_ONCE)):
        yield batch
