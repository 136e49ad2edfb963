"""What the pages of the portal share: where they are, who may see them, and the one script that they may run.

They all lie below the start URL, and so each instance has its own.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from postern.api.errors import TooManyRequestsException
from postern.core.portal_access import PortalAccess, pace
from postern.core.records import Instance
from postern.core.service import Service
from postern.core.sign_in import ActiveSession
from postern.core.start_urls import device_path, start_path
from postern.server.pages import forms
from postern.server.pages.browser import Browser
from postern.server.pages.endpoint import Methods, Table
from postern.server.pages.errors import PageRefused
from postern.server.pages.rendering import Renderer, content_security_policy, instance_shown, person
from postern.server.pages.whose import instance_at

_OF_AN_INSTANCE = "/start/{instance_id}"
_POLICY = {"Content-Security-Policy": content_security_policy(script=True)}


class Visit(msgspec.Struct, frozen=True):
    """A signed-in person at the portal of their instance."""

    instance: Instance
    active: ActiveSession

    @property
    def access(self) -> PortalAccess:
        return PortalAccess(self.active.user)

    def path(self, room: str = "", **query: str) -> str:
        """The address of a page of this portal; without a ``room`` it is the start page."""
        path = f"{start_path(self.instance)}/{room}".rstrip("/")
        return f"{path}?{urlencode(query)}" if query else path


class Portal:
    """Base of the portal's families of pages."""

    def __init__(self, service: Service, browser: Browser, renderer: Renderer) -> None:
        self._service = service
        self._browser = browser
        self._renderer = renderer

    def _rooms(self, rooms: Mapping[str, Methods]) -> Table:
        """Addresses below each start URL: those of the primary instance first, since they name none."""
        return {
            f"{start}{room}": methods for start in (forms.START, _OF_AN_INSTANCE) for room, methods in rooms.items()
        }

    async def _enter(self, request: Request) -> Visit:
        """Whoever is signed in.

        Raises:
            SignInFirst: nobody of this instance is; a page that is only looked at is where they come back to.
            PageRefused: there is no such instance, or they come too often.
        """
        instance = self._instance(request)
        query = forms.raw_query(request)
        back = f"{request.url.path}?{query}" if query else request.url.path
        next_path = start_path(instance) if request.method == "POST" else back
        active = await self._browser.require_session(request, next_path, instance)
        try:
            pace(self._service, active.user.user_id)
        except TooManyRequestsException as refusal:
            raise _too_often(refusal.reason) from None
        return Visit(instance, active)

    async def _submit(self, request: Request) -> tuple[Visit, dict[str, str]]:
        """Whoever is signed in, and the form that they sent.

        Raises:
            SignInFirst, PageRefused: as for `_enter`, or the form is not one of ours.
        """
        self._browser.require_own_origin(request)
        form = await forms.form_of(request)
        visit = await self._enter(request)
        self._browser.require_csrf(visit.active, form.get("csrf", ""))
        return visit, form

    def _instance(self, request: Request) -> Instance:
        return instance_at(self._service, request.path_params.get("instance_id"))

    def _show(
        self,
        visit: Visit,
        template: str,
        context: Mapping[str, Any],
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        shared = person(visit.active, self._browser.csrf(visit.active)) | instance_shown(visit.instance)
        shared |= {"portal": visit.path(), "device": device_path(visit.instance)}
        headers = _POLICY | dict(headers or {})
        return self._renderer.page(template, {**shared, **context}, status=status, headers=headers)


def _too_often(reason: str | None) -> PageRefused:
    return PageRefused(
        429,
        "Too many requests",
        "You asked for more pages than one person looks at.",
        "Wait a few seconds, then try again.",
        reason=reason or "",
        headers={"Retry-After": "5"},
    )
