"""Running the application: one process or several on one listening socket, a line when it is ready, a quiet graceful
stop.
"""

import contextlib
import functools
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

import uvicorn
from uvicorn.supervisors import Multiprocess

from postern.server import logs
from postern.server.clock import NodeClock
from postern.server.connections import TimedProtocol
from postern.server.factory import create_app, enter_service
from postern.server.health import READY
from postern.server.master_key import load_master_key, master_key_of
from postern.server.settings import Settings, SettingsError
from postern.stores import open_store

_BACKLOG = 2048
# More than any answer. Left to itself the system buffers up to 4 MB for a client that does not read, before we notice.
_SEND_BUFFER = 64 * 1024
_STARTUP_FAILURE = 3  # the exit code of a uvicorn worker whose application did not start
_READY_TIMEOUT = 30.0


class CannotListen(Exception):
    """The address is taken or not ours."""


class CannotStart(Exception):
    """A worker failed before it served anything."""


def serve(settings: Settings, on_ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM; ``on_ready`` is called once requests are answered.

    Raises:
        CannotListen: the address cannot be listened on.
        CannotStart: a worker failed before it served anything.
        SettingsError: the TLS certificate or its key cannot be used.
        StoreError, MasterKeyError: store or master key are not fit to be used.
    """
    logs.configure(settings.log.level)
    _require_certificate(settings)
    _allow_many_files()
    _prepare(settings)
    listener = _listen(settings)
    config = _configuration(settings, listener)
    if settings.server.workers > 1:
        threading.Thread(target=_when_ready, args=(listener.getsockname(), settings, on_ready), daemon=True).start()
        supervisor = Multiprocess(config, sockets=[listener])
        supervisor.run()
        if any(worker.exitcode == _STARTUP_FAILURE for worker in supervisor.processes):
            raise CannotStart("a worker could not start: the log says why")
        return
    _Server(config, on_ready).run(sockets=[listener])


class _Server(uvicorn.Server):
    """uvicorn's server, which says when it is ready and takes a signal as a request to stop, not as a reason to die
    by it.
    """

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._on_ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def _configuration(settings: Settings, listener: socket.socket) -> uvicorn.Config:
    server = settings.server
    is_uvloop = sys.platform != "win32"
    return uvicorn.Config(
        functools.partial(create_app, settings, listener if is_uvloop else None),
        factory=True,
        http=TimedProtocol,
        ws="none",
        loop="uvloop" if is_uvloop else "auto",
        interface="asgi3",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        workers=server.workers,
        backlog=_BACKLOG,
        proxy_headers=bool(server.trusted_proxies),
        forwarded_allow_ips=list(server.trusted_proxies),
        timeout_keep_alive=server.idle_timeout,
        timeout_graceful_shutdown=server.shutdown_timeout,
        ssl_certfile=server.tls_certificate or None,
        ssl_keyfile=server.tls_private_key or None,
    )


def _allow_many_files() -> None:
    """Each connection is a file, and many systems let a process have a thousand unless it asks for more."""
    if sys.platform == "win32":
        return
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # where the system gives less than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _require_certificate(settings: Settings) -> None:
    """Before any worker starts: one that meets a bad certificate dies, and is started again for ever."""
    server = settings.server
    if not server.tls_certificate:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(server.tls_certificate, server.tls_private_key)
    except OSError as error:  # ssl.SSLError is one
        reason = error.strerror or str(error)
        raise SettingsError(f"server.tls_certificate and server.tls_private_key cannot be used: {reason}") from None


def _prepare(settings: Settings) -> None:
    """Store and master key once, before any worker starts, so that what is wrong is said in one line."""
    if settings.store_url == "memory:":
        load_master_key(settings)
        return
    import asyncio

    asyncio.run(_migrate(settings))


async def _migrate(settings: Settings) -> None:
    """Bring the store up to date; see that the master key is its own, and that it may be served from."""
    store = open_store(settings.store_url)
    try:
        await master_key_of(settings, store)
        clock = NodeClock()
        await clock.follow(store)
        await enter_service(store, clock())
    finally:
        await store.close()


def _listen(settings: Settings) -> socket.socket:
    server = settings.server
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
    try:
        listener.bind((server.host, server.port))
    except OSError as error:
        listener.close()
        raise CannotListen(f"cannot listen on {server.host} port {server.port}: {error.strerror}") from None
    if not server.port and not server.public_url:
        listener.close()
        raise SettingsError("server.port: 0 needs server.public_url, which tells clients where to come")
    listener.set_inheritable(True)
    return listener


def _when_ready(address: tuple[str, int], settings: Settings, on_ready: Callable[[], None]) -> None:
    """With workers: ask until one answers. Never through a proxy."""
    import urllib.error  # PERF: 10 ms of a start, and one worker does without
    import urllib.request

    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    scheme = "https" if settings.server.tls_certificate else "http"
    deadline = time.monotonic() + _READY_TIMEOUT
    while time.monotonic() < deadline:
        try:
            with opener.open(f"{scheme}://{host}:{address[1]}{READY}", timeout=1):
                on_ready()
                return
        except urllib.error.URLError as error:
            if isinstance(error.reason, Exception) and "CERTIFICATE" in str(error.reason):
                on_ready()
                return
            time.sleep(0.05)
        except OSError:
            time.sleep(0.05)
