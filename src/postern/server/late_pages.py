"""The pages, made when one is asked for, or else soon after the server has begun to answer.

PERF: to import what makes pages, and to compile the one that says that the server is busy, takes a quarter of a start.
"""

import asyncio
from functools import cached_property

from postern.api.response import Response, lines
from postern.core.service import Service
from postern.server.asgi import AsgiApp, Receive, Scope, Send
from postern.server.refusals import ANY_ID

_AFTER_START = 0.1  # seconds


class LatePages:
    """The ASGI application of the pages of ``service``."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @cached_property
    def _app(self) -> AsgiApp:
        from postern.server.pages import create_pages

        return create_pages(self._service)

    @cached_property
    def _busy(self) -> Response:
        from postern.server.pages import busy_page

        page = busy_page(self._service, ANY_ID)
        return Response(status=page.status_code, fields=lines(page.raw_headers), body=bytes(page.body))

    def busy(self) -> Response:
        """For any page when the server has too much to do; `ANY_ID` is the request's id in it."""
        return self._busy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    async def warm_up(self) -> None:
        """Make all of it aside, so that nobody waits for it: neither a page nor, where there is overload, anybody."""
        await asyncio.sleep(_AFTER_START)
        await asyncio.to_thread(lambda: (self._app, self._busy))
