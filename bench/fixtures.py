"""What the load needs before it starts: a registered client, waiting device codes, live refresh tokens. Made through
the rules themselves.
"""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from postern.api.sso_oidc import (
    CreateTokenRequest,
    CreateTokenResponse,
    RegisterClientRequest,
    StartDeviceAuthorizationRequest,
)
from postern.core import start_urls
from postern.core.caller import Caller
from postern.core.clients import DEVICE_CODE, REFRESH_TOKEN
from postern.core.create_token import create_token
from postern.core.records import Instance
from postern.core.register_client import register_client
from postern.core.service import Service
from postern.core.start_device_authorization import start_device_authorization
from postern.core.store import DecideDeviceAuthorization
from postern.core.tokens import Kind, open_value
from postern.core.users import add_user
from postern.server.factory import running_service
from postern.server.settings import Settings

_CALLER = Caller(address="127.0.0.1", user_agent="bench")
REGISTRATION = RegisterClientRequest(
    client_name="botocore-client-bench", client_type="public", scopes=("sso:account:access",)
)
encode = msgspec.json.Encoder().encode


class Bodies(msgspec.Struct, frozen=True):
    """Files of request bodies, one JSON object per line. Those for refreshing lack the token, which follows in a file
    of its own.
    """

    register: Path
    device_start: Path
    poll: Path
    refresh: Path
    refresh_tokens: Path


def make(settings: Settings, folder: Path, *, codes: int, families: int) -> Bodies:
    return asyncio.run(_make(settings, folder, codes, families))


async def _make(settings: Settings, folder: Path, codes: int, families: int) -> Bodies:
    bodies = Bodies(*(folder / f"{name}.txt" for name in Bodies.__struct_fields__))
    async with running_service(settings) as service:
        user = await add_user(
            service.store,
            service.passwords,
            user_name="bench",
            password="bench-password",
            instance=service.instance,
            now=service.now(),
        )
        registration = REGISTRATION
        credentials = await registered(service)
        start = start_request(service.instance, credentials)
        device_codes = await _device_codes(service, start, codes + families)
        polls = [token_request(credentials, DEVICE_CODE, device_code=code) for code in device_codes]
        answers = await asyncio.gather(*(_token(service, poll, user.user_id) for poll in polls[codes:]))
        refresh = token_request(credentials, REFRESH_TOKEN, refresh_token="REFRESH_TOKEN")
    _write(bodies.register, [registration])
    _write(bodies.device_start, [start])
    _write(bodies.poll, polls[:codes])
    _write(bodies.refresh, [refresh])
    bodies.refresh_tokens.write_text("\n".join(each.refresh_token or "" for each in answers) + "\n")
    return bodies


def shares(tokens: Path, size: int, count: int) -> list[Path]:
    """Fresh tokens for each run: those of an earlier one are used up."""
    lines = tokens.read_text().splitlines()
    shares = [tokens.with_suffix(f".{number}") for number in range(count)]
    for number, share in enumerate(shares):
        share.write_text("\n".join(lines[number * size : (number + 1) * size]) + "\n")
    return shares


async def sign_in(service: Service, user_id: str) -> str:
    """The access token of a new sign-in by device code."""
    credentials = await registered(service)
    (code,) = await _device_codes(service, start_request(service.instance, credentials), 1)
    poll = token_request(credentials, DEVICE_CODE, device_code=code)
    return (await _token(service, poll, user_id)).access_token or ""


async def registered(service: Service) -> dict[str, str]:
    """The credentials of a new client."""
    client = await register_client(service, REGISTRATION, _CALLER)
    return {"client_id": client.client_id or "", "client_secret": client.client_secret or ""}


def token_request(
    credentials: dict[str, str], grant_type: str, *, device_code: str | None = None, refresh_token: str | None = None
) -> CreateTokenRequest:
    return CreateTokenRequest(
        client_id=credentials["client_id"],
        client_secret=credentials["client_secret"],
        grant_type=grant_type,
        device_code=device_code,
        refresh_token=refresh_token,
    )


def start_request(instance: Instance, credentials: dict[str, str]) -> StartDeviceAuthorizationRequest:
    return StartDeviceAuthorizationRequest(**credentials, start_url=start_urls.aws_start_url(instance))


async def _device_codes(service: Service, start: StartDeviceAuthorizationRequest, count: int) -> list[str]:
    answers = await asyncio.gather(*(start_device_authorization(service, start, _CALLER) for _ in range(count)))
    return [answer.device_code or "" for answer in answers]


async def _token(service: Service, poll: CreateTokenRequest, user_id: str) -> CreateTokenResponse:
    claims = open_value(service.ring, Kind.DEVICE_CODE, poll.device_code or "")
    assert claims is not None
    await service.store.decide_device_authorization(
        DecideDeviceAuthorization(
            authorization_id=claims.row_id, user_id=user_id, approve=True, approver_address="", now=int(time.time())
        )
    )
    return await create_token(service, poll, _CALLER)


def _write(file: Path, requests: Sequence[msgspec.Struct]) -> None:
    file.write_bytes(b"\n".join(encode(request) for request in requests) + b"\n")
