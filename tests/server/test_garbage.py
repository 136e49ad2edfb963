"""What a request leaves behind is freed at once: nothing is kept alive by itself until the collector comes.

A refusal whose traceback holds the frame that holds the refusal is such a thing; it cost a pending poll a tenth of its
time, and every other request a wait now and then.
"""

import gc
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from postern.core.service import Service
from postern.core.store import DecideDeviceAuthorization
from postern.core.users import add_user
from postern.server.app import ProtocolApp
from postern.server.call import Call
from postern.server.factory import build, running_service
from postern.server.late_pages import LatePages
from postern.server.settings import load
from postern.stores.sqlite import group_commit
from postern.testing.processes import WITHOUT_LIMITS
from postern.testing.wire import DEVICE_CODE, REFRESH_TOKEN, SCOPES

Members = dict[str, object]
TIMES = 20


class Tool:
    """A client without a network."""

    def __init__(self, service: Service, app: ProtocolApp) -> None:
        self.service = service
        self._app = app
        self.credentials: Members = {}

    async def call(self, path: str, **members: object) -> Members:
        body = json.dumps({**self.credentials, **members}).encode()
        headers = [(b"content-type", b"application/json"), (b"user-agent", b"a tool")]
        call = Call(
            method="POST", path=path, raw_path=path.encode(), query=b"", headers=headers, address="192.0.2.1", body=body
        )
        answering = self._app.respond(call)
        assert answering is not None
        answered: Members = json.loads((await answering).body)
        return answered

    async def register(self) -> Members:
        return await self.call("/client/register", clientName="a tool", clientType="public", scopes=SCOPES)

    async def start(self) -> Members:
        return await self.call("/device_authorization", startUrl=f"{self.service.policy.public_url}/start")

    async def token(self, grant_type: str, **members: object) -> Members:
        return await self.call("/token", grantType=grant_type, **members)


@pytest.fixture
async def tool(tmp_path: Path) -> AsyncIterator[Tool]:
    environment = WITHOUT_LIMITS | {"POSTERN_SERVER__DATA": str(tmp_path), "POSTERN_DEVICE__POLL_BURST": "1000"}
    settings = load(environment=environment)
    async with running_service(settings) as service:
        tool = Tool(service, build(service, settings, LatePages(service)))
        registered = await tool.register()
        tool.credentials = {name: registered[name] for name in ("clientId", "clientSecret")}
        yield tool


async def approve(service: Service, device_code: str) -> None:
    claims = service.open_device_code(device_code)
    assert claims is not None
    user = await add_user(
        service.store,
        service.passwords,
        user_name="mira",
        password="correct horse battery",
        instance=service.instance,
        now=service.now(),
    )
    await service.store.decide_device_authorization(
        DecideDeviceAuthorization(
            authorization_id=claims.row_id,
            user_id=user.user_id,
            approve=True,
            approver_address="",
            now=service.now(),
        )
    )


async def left_behind(request: Callable[[], Awaitable[Members]], error: str | None) -> int:
    """How many objects only the collector can free after ``TIMES`` requests."""
    assert (await request()).get("error") == error
    gc.collect()
    gc.disable()
    try:
        for _ in range(TIMES):
            await request()
        return gc.collect()
    finally:
        gc.enable()


async def test_a_pending_poll(tool: Tool) -> None:
    code = (await tool.start())["deviceCode"]
    assert await left_behind(lambda: tool.token(DEVICE_CODE, deviceCode=code), "authorization_pending") < TIMES


async def test_a_registration(tool: Tool) -> None:
    assert await left_behind(tool.register, None) < TIMES


async def test_a_device_start(tool: Tool) -> None:
    assert await left_behind(tool.start, None) < TIMES


async def test_a_token_that_is_none(tool: Tool) -> None:
    assert await left_behind(lambda: tool.token(REFRESH_TOKEN, refreshToken="aor-none"), "invalid_grant") < TIMES


async def test_a_code_that_the_store_refuses(tool: Tool) -> None:
    """The refusal comes out of the group that was committed."""
    code = (await tool.start())["deviceCode"]
    await approve(tool.service, str(code))
    wider = {"deviceCode": code, "scope": ["sso:everything"]}
    assert await left_behind(lambda: tool.token(DEVICE_CODE, **wider), "invalid_scope") < TIMES


async def test_a_write_that_comes_too_late(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "_PATIENCE", -1)
    assert await left_behind(tool.start, "slow_down") < TIMES


async def test_a_rotation(tool: Tool) -> None:
    code = (await tool.start())["deviceCode"]
    await approve(tool.service, str(code))
    newest = await tool.token(DEVICE_CODE, deviceCode=code)

    async def refresh() -> Members:
        nonlocal newest
        newest = await tool.token(REFRESH_TOKEN, refreshToken=newest["refreshToken"])
        return newest

    assert await left_behind(refresh, None) < TIMES


async def test_a_path_that_is_called_wrongly(tool: Tool) -> None:
    assert await left_behind(lambda: tool.call("/token"), "invalid_request") < TIMES
