"""A server with too much to do: who is refused, how, and at what price. A connection without a network."""

import asyncio
import email.utils
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from xml.etree import ElementTree

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from postern.api.response import Response
from postern.core.service import Service
from postern.server.admission import Admission
from postern.server.backlog import Backlog
from postern.server.call import Call
from postern.server.connections import STATE_KEY, TimedProtocol
from postern.server.direct import Direct
from postern.server.factory import limits as limits_of
from postern.server.late_pages import LatePages
from postern.server.limits import Limits
from postern.server.operations import ENDPOINTS
from postern.server.settings import Settings
from tests.server.raw import RawResponse, request

JSON = "Content-Type: application/json"
BODY = b'{"clientId":"x","clientSecret":"y","grantType":"refresh_token","refreshToken":"z"}'
TOKEN = request("POST", "/token", JSON, body=BODY)
SSO_OIDC = ["/client/register", "/device_authorization", "/token", "/token?aws_iam=t", "/introspect", "/revoke"]
PORTAL = [
    ("GET", "/assignment/accounts"),
    ("GET", "/assignment/roles?account_id=111122223333"),
    ("GET", "/federation/credentials?role_name=a&account_id=111122223333"),
    ("GET", "/federation/console"),
    ("POST", "/logout"),
]


class Line:
    """A transport that keeps what is written, and whether it was closed."""

    def __init__(self) -> None:
        self.written = b""
        self.is_closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.is_closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.is_closed

    def get_extra_info(self, name: str, default: object = None) -> object:
        return default

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def responses(self, *, bodiless: bool = False) -> list[RawResponse]:
        found = []
        rest = self.written
        while rest:
            head, _, rest = rest.partition(b"\r\n\r\n")
            status, *lines = head.decode("latin-1").split("\r\n")
            pairs = [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines)]
            length = 0 if bodiless else int(dict(pairs).get("content-length", "0"))
            found.append(RawResponse(int(status.split()[1]), pairs, rest[:length]))
            rest = rest[length:]
        return found


class Desk:
    """Connections to a server that answers when it is told to: by its application, or directly."""

    def __init__(self, service: Service, *, directly: bool = False) -> None:
        self.admission = Admission(target=1, most=1)
        self.limits: Limits = limits_of(LatePages(service), Settings(), self.admission, Backlog(None))
        if directly:
            paths = frozenset(endpoint.operation.path.encode() for endpoint in ENDPOINTS)
            self.limits.direct = Direct(self._respond, paths)
        self.served: list[str] = []
        self.goes_on = asyncio.Event()
        self._config = Config(
            self._serve,
            http=TimedProtocol,
            interface="asgi3",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_keep_alive=75,
        )
        self._config.load()
        self._state = ServerState()
        self._state.default_headers = [(b"date", email.utils.formatdate(usegmt=True).encode())]

    def connect(self) -> tuple[TimedProtocol, Line]:
        protocol = TimedProtocol(self._config, self._state, {STATE_KEY: self.limits})
        line = Line()
        protocol.connection_made(line)  # type: ignore[arg-type]
        return protocol, line

    async def occupy(self) -> tuple[TimedProtocol, Line]:
        """One request in work, which is all that there is room for."""
        protocol, line = self.connect()
        protocol.data_received(TOKEN)
        await asyncio.sleep(0)
        assert self.admission.in_work == 1
        return protocol, line

    def _respond(self, call: Call) -> Awaitable[Response]:
        async def answer() -> Response:
            await self.goes_on.wait()
            return Response(status=200, fields=b"content-length: 0\r\n", body=b"")

        self.served.append(call.path)
        return answer()

    async def _serve(self, scope: Any, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        self.served.append(scope["path"])
        await receive()
        await self.goes_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture(params=["by its application", "directly"])
async def desk(service: Service, request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    desk = Desk(service, directly=request.param == "directly")
    yield desk
    desk.goes_on.set()
    await asyncio.sleep(0.01)


def in_two(data: bytes) -> list[bytes]:
    """As many clients send it: the head, then the body."""
    head = data.index(b"\r\n\r\n") + 4
    return [data[:head], data[head:]]


async def refused(desk: Desk, *pieces: bytes, bodiless: bool = False) -> RawResponse:
    await desk.occupy()
    protocol, line = desk.connect()
    for piece in pieces:
        protocol.data_received(piece)
    await asyncio.sleep(0)
    assert desk.served == ["/token"]
    (response,) = line.responses(bodiless=bodiless)
    assert not line.is_closed
    return response


@pytest.mark.parametrize("path", SSO_OIDC)
@pytest.mark.parametrize("pieces", [1, 2])
async def test_an_operation_of_sso_oidc_is_told_to_slow_down(desk: Desk, path: str, pieces: int) -> None:
    """400, which no SDK sends again by itself."""
    data = request("POST", path, JSON, body=BODY)
    response = await refused(desk, *([data] if pieces == 1 else in_two(data)))
    assert (response.status, response.header("x-amzn-errortype")) == (400, "SlowDownException")
    assert json.loads(response.body) == {"error": "slow_down", "error_description": "Too many requests"}
    assert response.header("content-type") == "application/json"


@pytest.mark.parametrize("method, path", PORTAL)
async def test_an_operation_of_the_portal_is_told_the_only_thing_that_its_model_has(
    desk: Desk, method: str, path: str
) -> None:
    response = await refused(desk, request(method, path, "x-amz-sso_bearer_token: aoa"))
    assert (response.status, response.header("x-amzn-errortype")) == (429, "TooManyRequestsException")


@pytest.mark.parametrize(
    "data",
    [
        request("GET", "/?Action=GetCallerIdentity&Version=2011-06-15"),
        request("POST", "/", "Content-Type: application/x-www-form-urlencoded", body=b"Action=GetCallerIdentity"),
    ],
)
async def test_sts_throttles(desk: Desk, data: bytes) -> None:
    response = await refused(desk, data)
    assert response.status == 400
    found = {element.tag.rpartition("}")[2]: element.text for element in ElementTree.fromstring(response.body).iter()}
    assert (found["Code"], found["Type"]) == ("Throttling", "Sender")
    assert found["RequestId"] == response.header("x-amzn-requestid")


@pytest.mark.parametrize("path", ["/", "/start", "/sign-in", "/authorize?x=y", "/nothing", "/static/postern.css"])
async def test_a_page_is_a_503_to_come_back_to(desk: Desk, path: str) -> None:
    response = await refused(desk, request("GET", path))
    assert (response.status, response.header("retry-after")) == (503, "5")
    assert "The server is busy" in response.body.decode()
    assert (response.header("x-amzn-requestid") or "?") in response.body.decode()
    assert response.header("content-security-policy")


async def test_the_answer_to_a_head_has_no_body(desk: Desk) -> None:
    response = await refused(desk, request("HEAD", "/start"), bodiless=True)
    assert response.status == 503


@pytest.mark.parametrize("path", ["/healthz/live", "/healthz/ready"])
async def test_whoever_asks_after_its_health_is_answered(desk: Desk, path: str) -> None:
    await desk.occupy()
    protocol, _ = desk.connect()
    protocol.data_received(request("GET", path))
    await asyncio.sleep(0)
    assert desk.served == ["/token", path]


@pytest.mark.parametrize("body", [b"{", b"\xff\0", b"[" * 60_000], ids=["json", "bytes", "large"])
async def test_what_is_refused_is_not_read(desk: Desk, body: bytes) -> None:
    response = await refused(desk, request("POST", "/token", "Content-Type: none", body=body))
    assert response.header("x-amzn-errortype") == "SlowDownException"


async def test_refusals_are_dated_numbered_and_unstored(desk: Desk) -> None:
    await desk.occupy()
    protocol, line = desk.connect()
    for _ in range(3):
        protocol.data_received(TOKEN)
    responses = line.responses()
    assert len({response.header("x-amzn-requestid") for response in responses}) == 3
    for response in responses:
        date = email.utils.parsedate_to_datetime(response.header("date") or "")
        assert abs(date.timestamp() - time.time()) < 60
        assert response.header("cache-control") == "no-store"


@pytest.mark.parametrize("pieces", [1, 2])
async def test_a_client_that_wants_to_close_is_closed(desk: Desk, pieces: int) -> None:
    await desk.occupy()
    protocol, line = desk.connect()
    data = request("POST", "/token", JSON, "Connection: close", body=BODY)
    for piece in [data] if pieces == 1 else in_two(data):
        protocol.data_received(piece)
    (response,) = line.responses()
    assert response.header("connection") == "close"
    assert line.is_closed


async def test_two_requests_at_once_are_both_refused(desk: Desk) -> None:
    await desk.occupy()
    protocol, line = desk.connect()
    protocol.data_received(TOKEN + request("GET", "/start"))
    assert [response.status for response in line.responses()] == [400, 503]


async def test_no_refusal_overtakes_the_answer_to_an_earlier_request(desk: Desk) -> None:
    protocol, line = await desk.occupy()
    protocol.data_received(request("GET", "/start"))
    assert line.written == b""
    desk.goes_on.set()
    await asyncio.sleep(0.01)
    assert [response.status for response in line.responses()] == [200, 200]
    assert desk.served == ["/token", "/start"]


async def test_a_connection_is_served_again_when_there_is_room(desk: Desk) -> None:
    await desk.occupy()
    protocol, line = desk.connect()
    protocol.data_received(TOKEN)
    desk.goes_on.set()
    await asyncio.sleep(0.01)
    protocol.data_received(TOKEN)
    await asyncio.sleep(0.01)
    assert [response.status for response in line.responses()] == [400, 200]
    assert desk.admission.in_work == 0


async def test_work_counts_until_it_is_done_though_its_client_has_gone(desk: Desk) -> None:
    """Clients that give up and try again would otherwise bring more and more of it."""
    protocol, line = await desk.occupy()
    line.is_closed = True
    protocol.connection_lost(None)
    await asyncio.sleep(0.01)
    assert desk.admission.in_work == 1
    desk.goes_on.set()
    await asyncio.sleep(0.01)
    assert desk.admission.in_work == 0


async def test_what_arrives_slowly_is_no_work_yet(desk: Desk) -> None:
    """Or those who never send the rest would keep the others out."""
    protocol, _ = desk.connect()
    protocol.data_received(TOKEN[:-1])
    await asyncio.sleep(0.01)
    assert (desk.admission.in_work, desk.served) == (0, [])
    protocol.data_received(TOKEN[-1:])
    await asyncio.sleep(0.01)
    assert (desk.admission.in_work, desk.served) == (1, ["/token"])


async def test_a_refused_connection_may_idle_as_long_as_any_other(desk: Desk) -> None:
    await desk.occupy()
    protocol, _ = desk.connect()
    protocol.data_received(TOKEN)
    now = asyncio.get_running_loop().time()
    assert not protocol.is_left_idle(now + 74)
    assert protocol.is_left_idle(now + 76)
    desk.goes_on.set()
    await asyncio.sleep(0.01)
    protocol.data_received(TOKEN[:-1])
    assert not protocol.is_left_idle(now + 76)


async def test_a_broken_request_is_refused_as_broken(desk: Desk) -> None:
    await desk.occupy()
    protocol, line = desk.connect()
    protocol.data_received(TOKEN)
    protocol.data_received(b"nonsense\r\n\r\n")
    assert [response.status for response in line.responses()] == [400, 400]
    assert line.responses()[1].header("x-amzn-errortype") is None
    assert line.is_closed
