"""Where the time of CreateTokenWithIAM by JWT bearer goes, within one process: the server's own work, without sockets
and HTTP, by processor time. Read shares, not times.
"""

import asyncio
import cProfile
import io
import pstats
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from bench import crypto
from bench.issuer import Issuer
from bench.signed_requests import BODIES, signer_for
from bench.world import open_world
from postern.core.caller import Caller
from postern.core.iam.authentication import authenticate
from postern.core.iam.signed_request import SignedRequest
from postern.core.service import Service
from postern.server.asgi import AsgiApp
from postern.server.factory import build, running_service
from postern.server.late_pages import LatePages
from postern.server.settings import load

_URL = "http://127.0.0.1:8765/token?aws_iam=t"
_REQUESTS = 3000
_AT_ONCE = 64
_SHOWN = 60

Call = Callable[[SignedRequest], Awaitable[None]]


def shares() -> str:
    """What part of the server's own work the verification of the signature is, and what part all its cryptography."""
    return asyncio.run(_shares())


def profile() -> str:
    """Functions by the time spent in them, as `cProfile` sees it: it makes small Python functions look large."""
    return asyncio.run(_profile())


async def _shares() -> str:
    async with _prepared(_REQUESTS) as (service, app, requests):
        await _drive(_through(app), requests[: _REQUESTS // 2])
        whole = await _drive(_through(app), requests[_REQUESTS // 2 :])
        await _drive(_signature_alone(service), requests)
        signature = await _drive(_signature_alone(service), requests)
    alone = 1e6 / crypto.measure(1).rate
    return (
        f"CreateTokenWithIAM by JWT bearer takes {whole:.0f} µs of processor time in process. SigV4 verification, with "
        f"the read of the access key, is {signature / whole:.0%} of them, all cryptography in a tight loop "
        f"{alone / whole:.0%}."
    )


async def _profile() -> str:
    async with _prepared(_REQUESTS) as (_, app, requests):
        await _drive(_through(app), requests[: _REQUESTS // 2])
        profiler = cProfile.Profile()
        profiler.enable()
        await _drive(_through(app), requests[_REQUESTS // 2 :])
        profiler.disable()
    text = io.StringIO()
    statistics = pstats.Stats(profiler, stream=text)
    statistics.sort_stats("tottime").print_stats(_SHOWN)
    statistics.sort_stats("cumulative").print_stats(_SHOWN)
    return text.getvalue()


@asynccontextmanager
async def _prepared(count: int) -> AsyncIterator[tuple[Service, AsgiApp, list[SignedRequest]]]:
    """A server's application, and requests for it that are good once."""
    with tempfile.TemporaryDirectory(prefix="postern-bench-") as folder, Issuer() as issuer:
        settings = load(environment={"POSTERN_SERVER__DATA": f"{folder}/data", "POSTERN_LOG__REQUESTS": "false"})
        async with running_service(settings) as service:
            world = await open_world(service, issuer)
            lines = signer_for(world, _URL).lines(await BODIES["jwt_bearer"](world, count))
            yield service, build(service, settings, LatePages(service)), [_request(line) for line in lines]


def _request(line: bytes) -> SignedRequest:
    authorization, date, body = line.split(b"\t")
    headers = [
        (b"host", b"127.0.0.1:8765"),
        (b"content-type", b"application/json"),
        (b"user-agent", b"Boto3/1.40 md/Botocore"),
        (b"authorization", authorization),
        (b"x-amz-date", date),
        (b"content-length", str(len(body)).encode()),
    ]
    return SignedRequest(method="POST", path=b"/token", query=b"aws_iam=t", headers=headers, body=body)


def _through(app: AsgiApp) -> Call:
    async def call(request: SignedRequest) -> None:
        status = 0

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": request.body}

        async def send(message: Any) -> None:
            nonlocal status
            status = status or message["status"]

        await app(_scope(request), receive, send)
        assert status == 200, status

    return call


def _scope(request: SignedRequest) -> dict[str, Any]:
    return {
        "type": "http",
        "method": request.method,
        "path": request.path.decode(),
        "raw_path": request.path,
        "query_string": request.query,
        "headers": request.headers,
        "client": ("127.0.0.1", 50000),
        "scheme": "http",
        "http_version": "1.1",
    }


def _signature_alone(service: Service) -> Call:
    caller = Caller(address="127.0.0.1")

    async def call(request: SignedRequest) -> None:
        await authenticate(service, request, caller)

    return call


async def _drive(call: Call, requests: Sequence[SignedRequest]) -> float:
    """Microseconds of processor time for each, as many at once as share a commit."""
    remaining = iter(requests)

    async def worker() -> None:
        for request in remaining:
            await call(request)

    started = time.process_time()
    await asyncio.gather(*(worker() for _ in range(_AT_ONCE)))
    return (time.process_time() - started) / len(requests) * 1e6
