"""Health: ``/healthz/live`` says that the process answers, ``/healthz/ready`` that its store and its pages do too."""

from postern.core.service import Service
from postern.core.store import StoreError
from postern.server.asgi import AsgiApp, Receive, Scope, Send
from postern.server.late_pages import LatePages

LIVE = "/healthz/live"
READY = "/healthz/ready"


def with_health(service: Service, pages: LatePages) -> AsgiApp:
    async def health(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] not in (LIVE, READY) or scope["method"] not in ("GET", "HEAD"):
            await pages(scope, receive, send)
            return
        fault = b"" if scope["path"] == LIVE else await _fault(service, pages)
        request_id = (scope.get("state") or {}).get("request_id", "")
        await _send(send, 503 if fault else 200, fault or b"ok\n", request_id)

    return health


async def _fault(service: Service, pages: LatePages) -> bytes:
    try:
        await service.store.check()
    except StoreError:
        return b"store unavailable\n"
    return b"pages cannot be made\n" if pages.are_broken else b""


async def _send(send: Send, status: int, body: bytes, request_id: str) -> None:
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-amzn-requestid", request_id.encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
