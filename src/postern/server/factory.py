"""From settings to an ASGI application: opens store and service when the server starts, closes them when it stops."""

import asyncio
import contextlib
import gc
import logging
import socket
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

from postern.core.role_credentials.port import NOTHING_ISSUED
from postern.core.service import Service, open_service
from postern.core.store import Store
from postern.remote.credential_cache import CredentialCache
from postern.remote.issuer_keys import RemoteIssuerKeys
from postern.remote.sts import RemoteSts
from postern.server import logs
from postern.server.admission import Admission
from postern.server.app import ProtocolApp
from postern.server.asgi import AsgiApp, Receive, Scope, Send
from postern.server.backlog import Backlog
from postern.server.clock import NodeClock
from postern.server.connections import STATE_KEY
from postern.server.direct import Direct
from postern.server.elsewhere import CredentialsElsewhere, HashesElsewhere, KeysElsewhere, SigninElsewhere
from postern.server.forward_clock import ForwardClock
from postern.server.glance import Glance
from postern.server.health import with_health
from postern.server.housekeeping import renew_for_ever, sweep_for_ever
from postern.server.late_pages import LatePages
from postern.server.limits import Limits
from postern.server.master_key import master_key_of
from postern.server.metadata import with_metadata
from postern.server.password_hashing import ThreadedHasher
from postern.server.refusals import Refusals
from postern.server.settings import Settings
from postern.stores import open_store

_log = logging.getLogger(__name__)
_NEW_OBJECTS = 10_000
_TRANSPORT_IS_GONE = "the handler is closed"  # uvloop, on a write between the end of a connection and word of it


class Application:
    """The whole server as one ASGI application, lifespan included."""

    def __init__(self, settings: Settings, listener: socket.socket | None = None) -> None:
        self._settings = settings
        self._listener = listener
        self._inner: AsgiApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._inner is not None:
            try:
                await self._inner(scope, receive, send)
            except RuntimeError as error:
                if _TRANSPORT_IS_GONE not in str(error):
                    raise
                await asyncio.sleep(0)  # by then uvicorn knows it too, and does not ask for the rest of the answer
        elif scope["type"] == "lifespan":
            await self._live(scope.get("state", {}), receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})

    async def _live(self, state: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        await receive()
        server = self._settings.server
        admission = Admission(target=server.target_delay / 1000, most=server.max_in_work)
        async with contextlib.AsyncExitStack() as stack:
            try:
                service = await stack.enter_async_context(running_service(self._settings, admission))
                pages = LatePages(service)
                self._inner = app = build(service, self._settings, pages)
                state[STATE_KEY] = limits(pages, self._settings, admission, Backlog(self._listener), app)
            except Exception as error:  # noqa: BLE001  # uvicorn prints the message and ends the worker
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
            await send({"type": "lifespan.startup.complete"})
            completing = asyncio.create_task(_complete(pages))
            await receive()
            completing.cancel()
            self._inner = None
        await send({"type": "lifespan.shutdown.complete"})


def _settle() -> None:
    """PERF: what the start has made stays, and the collector need not look at it again, which takes 20 ms each time
    that all others wait. Requests leave nothing for it (tests/server/test_garbage.py), so it looks for more only once
    ten thousand objects are new: at 128 requests in work it else does at every turn, a tenth of a rotation's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)


async def _complete(pages: LatePages) -> None:
    await pages.warm_up()
    _settle()


def build(service: Service, settings: Settings, pages: LatePages) -> ProtocolApp:
    """The application around a running service."""
    inner = with_metadata(service, with_health(service, pages))
    return ProtocolApp(service, inner, max_body=settings.server.max_body, log_requests=settings.log.requests)


def limits(
    pages: LatePages, settings: Settings, admission: Admission, backlog: Backlog, app: ProtocolApp | None = None
) -> Limits:
    """What connections are held to. Of ``app`` they answer operations themselves, but not behind proxies: there it
    is uvicorn that reads who calls.
    """
    server = settings.server
    return Limits(
        request_timeout=server.request_timeout,
        max_connections=server.max_connections,
        max_body=server.max_body,
        admission=admission,
        refusals=Refusals(pages.busy),
        backlog=backlog,
        glance=Glance(),
        direct=Direct(app.respond, app.paths) if app is not None and not server.trusted_proxies else None,
    )


@contextlib.asynccontextmanager
async def running_service(settings: Settings, admission: Admission | None = None) -> AsyncIterator[Service]:
    """A service with its housekeeping, on the store of the settings. ``admission`` is told when requests wait for
    others.
    """
    policy = settings.policy
    admission = admission or Admission(target=1, most=1)
    issuer_keys = RemoteIssuerKeys(policy.trusted_issuers, policy.public_url)
    sts, issued = RemoteSts(policy.role_credentials), CredentialCache()
    kept = issued if policy.role_credentials.cache else NOTHING_ISSUED
    store, clock = open_store(settings.store_url), NodeClock()
    try:
        await clock.follow(store)
        master = await master_key_of(settings, store)
        await enter_service(store, clock())
        service = await open_service(
            store=store,
            clock=ForwardClock(clock),
            policy=policy,
            master=master,
            passwords=HashesElsewhere(ThreadedHasher(), admission),
            record=logs.record_audit,
            issuer_keys=KeysElsewhere(issuer_keys, admission),
            sts=SigninElsewhere(sts, admission),
            issued_credentials=CredentialsElsewhere(kept, admission),
        )
        tasks = [
            asyncio.create_task(renew_for_ever(service, clock)),
            asyncio.create_task(sweep_for_ever(service, settings.store)),
        ]
        try:
            yield service
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await issuer_keys.aclose()
            await issued.aclose()
            await sts.aclose()
    finally:
        await store.close()


async def enter_service(store: Store, now: float) -> None:
    """Before anybody is served.

    Raises:
        StoreUnavailable: the store is not to be served from.
    """
    if await store.enter_service(int(now)):
        _log.warning("the store is a back-up that was put in place: refresh tokens of before are void")


def create_app(settings: Settings, listener: socket.socket | None = None) -> Application:
    """The ASGI application of one worker. It configures logging, since a worker is a process of its own."""
    logs.configure(settings.log.level)
    return Application(settings, listener)
