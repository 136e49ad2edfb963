"""The pages, made when one is asked for, or else soon after the server has begun to answer.

PERF: to import what makes pages, and to compile the one that says that the server is busy, takes a quarter of a start.
"""

import asyncio
import logging
import threading

from postern.api.response import Response, lines
from postern.core.service import Service
from postern.server.asgi import AsgiApp, Receive, Scope, Send
from postern.server.request_ids import ANY_ID

_AFTER_START = 0.1  # seconds
_WITHOUT_PAGES = Response(status=503, fields=b"content-length: 0\r\nretry-after: 5\r\n", body=b"")

_log = logging.getLogger(__name__)


class LatePages:
    """The ASGI application of the pages of ``service``. ``are_broken`` once they could not be made: such a server is
    not ready.
    """

    def __init__(self, service: Service) -> None:
        self.are_broken = False
        self._service = service
        self._making = threading.Lock()
        self._made: tuple[AsgiApp, Response] | None = None

    def busy(self) -> Response:
        """For any page when the server has too much to do; `ANY_ID` is the request's id in it."""
        made = self._try_to_make()
        return made[1] if made else _WITHOUT_PAGES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._make()[0](scope, receive, send)

    async def warm_up(self) -> None:
        """Make all of it aside, so that nobody waits for it: neither a page nor, where there is overload, anybody."""
        await asyncio.sleep(_AFTER_START)
        await asyncio.to_thread(self._try_to_make)

    def _try_to_make(self) -> tuple[AsgiApp, Response] | None:
        try:
            return self._make()
        except Exception:  # noqa: BLE001  # whatever it is, operations go on without pages
            if not self.are_broken:
                _log.exception("the pages cannot be made, so this server is not ready")
            self.are_broken = True
            return None

    def _make(self) -> tuple[AsgiApp, Response]:
        with self._making:
            if self._made is None:
                from postern.server.pages import busy_page, create_pages

                page = busy_page(self._service, ANY_ID)
                busy = Response(status=page.status_code, fields=lines(page.raw_headers), body=bytes(page.body))
                self._made = create_pages(self._service), busy
            return self._made
