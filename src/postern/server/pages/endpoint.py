"""One address of the pages as an ASGI app: it chooses by method, and here alone is answered what a page raises."""

import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from postern.core.store import StoreBusy, StoreUnavailable
from postern.server.pages import errors, forms
from postern.server.pages.rendering import Renderer, see_other

Handler = Callable[[Request], Awaitable[Response]]
Methods = Mapping[str, Handler]
Table = dict[str, Methods]

_log = logging.getLogger(__name__)


class Endpoint:
    """Answers one path. With no methods at all it is the page that is not there."""

    def __init__(self, methods: Methods, renderer: Renderer) -> None:
        self._methods = {**methods, "HEAD": methods["GET"]} if "GET" in methods else dict(methods)
        self._renderer = renderer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = request_id_of(scope)
        response = await self._answer(Request(scope, receive), request_id)
        await self._renderer.seal(response, request_id)(scope, receive, send)

    async def _answer(self, request: Request, request_id: str) -> Response:
        try:
            return await self._choose(request)(request)
        except errors.SignInFirst as detour:
            return see_other(forms.sign_in_path(detour.next_path))
        except errors.PageRefused as refused:
            _log.info("page refused", extra={"fields": {"request_id": request_id, "reason": str(refused)}})
            return self._renderer.error(refused, request_id)
        except StoreBusy as late:
            _log.info("page refused", extra={"fields": {"request_id": request_id, "reason": str(late)}})
            return self._renderer.error(errors.busy(), request_id)
        except StoreUnavailable as failure:
            _log.error("store unavailable", extra={"fields": {"request_id": request_id, "reason": str(failure)}})
            return self._renderer.error(errors.unavailable(), request_id)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception:  # noqa: BLE001
            _log.exception("page failed", extra={"fields": {"request_id": request_id}})
            return self._renderer.error(errors.failed(), request_id)

    def _choose(self, request: Request) -> Handler:
        if not self._methods:
            raise errors.not_found()
        handler = self._methods.get(request.method)
        if handler is None:
            raise errors.method_not_allowed(self._methods)
        return handler


def request_id_of(scope: Scope) -> str:
    """The id that the server gave the request, else a new one."""
    given = (scope.get("state") or {}).get("request_id")
    return given if isinstance(given, str) else str(uuid.uuid4())
