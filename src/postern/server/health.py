"""Health: ``/healthz/live`` says that the process answers, ``/healthz/ready`` that its store answers too."""

from postern.core.service import Service
from postern.core.store import StoreError
from postern.server.asgi import AsgiApp, Receive, Scope, Send

LIVE = "/healthz/live"
READY = "/healthz/ready"


def with_health(service: Service, inner: AsgiApp) -> AsgiApp:
    async def health(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] not in (LIVE, READY) or scope["method"] not in ("GET", "HEAD"):
            await inner(scope, receive, send)
            return
        healthy = scope["path"] == LIVE or await _store_answers(service)
        request_id = (scope.get("state") or {}).get("request_id", "")
        await _send(send, 200 if healthy else 503, b"ok\n" if healthy else b"store unavailable\n", request_id)

    return health


async def _store_answers(service: Service) -> bool:
    try:
        await service.store.check()
    except StoreError:
        return False
    return True


async def _send(send: Send, status: int, body: bytes, request_id: str) -> None:
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-amzn-requestid", request_id.encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
