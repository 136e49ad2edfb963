"""Connecting a device (RFC 8628 3.3): enter the code, compare it, decide.

A wrong code is counted where it is posted or opened, and answered there; a right one leads on. Looking never decides,
however complete the address that led here was (5.4).
"""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from postern.core import approve_device, user_codes
from postern.core.approve_device import StalePage, UserCodeRefused
from postern.core.records import DeviceAuthorization, DeviceStatus, Instance
from postern.core.service import Service
from postern.core.sign_in import ActiveSession, TooManyAttempts
from postern.core.start_urls import device_path, start_path
from postern.server.callers import caller_of
from postern.server.pages import forms, words
from postern.server.pages.browser import Browser
from postern.server.pages.endpoint import Table
from postern.server.pages.errors import not_found, stale_page
from postern.server.pages.rendering import Renderer, instance_shown, person, see_other
from postern.server.pages.whose import instance_at

_OUTCOMES = ("approved", "denied", "expired", "already_decided")
_NOT_WAITING = "No device waits for this code. It may be mistyped, expired, or answered already."
_MAX_SHOWN = 64


class DevicePages:
    def __init__(self, service: Service, browser: Browser, renderer: Renderer) -> None:
        self._service = service
        self._browser = browser
        self._renderer = renderer

    def table(self) -> Table:
        return {
            "/device": {"GET": self.show, "POST": self.submit},
            "/device/decision": {"POST": self.decide},
            "/device/done": {"GET": self.done},
            "/device/{instance_id}": {"GET": self.show, "POST": self.submit},
            "/device/{instance_id}/decision": {"POST": self.decide},
            "/device/{instance_id}/done": {"GET": self.done},
        }

    async def show(self, request: Request) -> Response:
        instance = self._instance(request)
        typed = forms.query_of(request).get("user_code", "").strip()
        active = await self._browser.require_session(request, _path(instance, typed), instance)
        if not typed or self._browser.came_from_elsewhere(request):
            # A link on another site only fills the form in: following it must not spend this person's guesses.
            return self._entry(active, typed)
        try:
            authorization, user_code = await self._find(request, active, typed)
        except UserCodeRefused:
            return self._entry(active, typed, status=400, error=_NOT_WAITING)
        except TooManyAttempts as throttled:
            return self._throttled(active, typed, throttled)
        return self._confirm(request, active, authorization, user_code)

    async def submit(self, request: Request) -> Response:
        self._browser.require_own_origin(request)
        form = await forms.form_of(request)
        instance, typed = self._instance(request), form.get("user_code", "").strip()
        active = await self._browser.require_session(request, _path(instance, typed), instance)
        self._browser.require_csrf(active, form.get("csrf", ""))
        try:
            _, user_code = await self._find(request, active, typed)
        except UserCodeRefused:
            return self._entry(active, typed, status=400, error=_NOT_WAITING)
        except TooManyAttempts as throttled:
            return self._throttled(active, typed, throttled)
        return see_other(_path(instance, user_code))

    async def decide(self, request: Request) -> Response:
        self._browser.require_own_origin(request)
        form = await forms.form_of(request)
        instance, user_code, approve = self._instance(request), form.get("user_code", ""), forms.decision_of(form)
        active = await self._browser.require_session(request, _path(instance, user_code), instance)
        self._browser.require_csrf(active, form.get("csrf", ""))
        try:
            decided = await approve_device.decide(
                self._service,
                active,
                user_code=user_code,
                token=form.get("approval", ""),
                approve=approve,
                caller=caller_of(request.scope),
            )
        except StalePage:
            raise stale_page("approval token is not of this session, person and code") from None
        except UserCodeRefused:
            return see_other(f"{device_path(instance)}/done?outcome=expired")
        return see_other(f"{device_path(instance)}/done?outcome={_outcome(decided, active, approve=approve)}")

    async def done(self, request: Request) -> Response:
        outcome = forms.query_of(request).get("outcome")
        if outcome not in _OUTCOMES:
            raise not_found()
        instance = self._instance(request)
        active = await self._browser.require_session(request, start_path(instance), instance)
        return self._renderer.page("done.html", self._person(active) | {"kind": outcome, "client_name": None})

    async def _find(self, request: Request, active: ActiveSession, typed: str) -> tuple[DeviceAuthorization, str]:
        return await approve_device.find_pending(self._service, active, typed, caller_of(request.scope))

    def _entry(
        self, active: ActiveSession, typed: str, *, status: int = 200, error: str = "", retry_after: int | None = None
    ) -> Response:
        is_wait = retry_after is not None
        context = self._person(active) | {"user_code": typed[:_MAX_SHOWN], "error": error, "is_wait": is_wait}
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        return self._renderer.page("device_entry.html", context, status=status, headers=headers)

    def _throttled(self, active: ActiveSession, typed: str, throttled: TooManyAttempts) -> Response:
        wait = throttled.retry_after
        return self._entry(active, typed, status=429, error=words.wait(wait), retry_after=wait)

    def _confirm(
        self, request: Request, active: ActiveSession, authorization: DeviceAuthorization, user_code: str
    ) -> Response:
        context = self._person(active) | {
            "user_code": user_code,
            "approval": approve_device.approval_token(self._service, active, user_code),
            "client_name": authorization.client_name,
            "scopes": words.granted(authorization.scopes),
            "requested_at": words.moment(authorization.created_at, self._service.now()),
            "requester_address": authorization.requester_address,
            "requester_agent": authorization.requester_agent or "a program that did not name itself",
            "same_address": authorization.requester_address == caller_of(request.scope).address,
        }
        return self._renderer.page("device_confirm.html", context)

    def _person(self, active: ActiveSession) -> dict[str, object]:
        instance = self._service.instances.get(active.user.instance_id) or self._service.instance
        shown = instance_shown(instance) | {"device": device_path(instance)}
        return person(active, self._browser.csrf(active)) | shown

    def _instance(self, request: Request) -> Instance:
        return instance_at(self._service, request.path_params.get("instance_id"))


def _outcome(decided: DeviceAuthorization, active: ActiveSession, *, approve: bool) -> str:
    """The first decision stands; making the same one again, as a double click does, is the same success."""
    approved = decided.status is not DeviceStatus.DENIED
    if decided.user_id != active.user.user_id or approved is not approve:
        return "already_decided"
    return "approved" if approved else "denied"


def _path(instance: Instance, typed: str) -> str:
    """The page for a code, or the one that asks for it when this cannot be one."""
    user_code, path = user_codes.normalise(typed), device_path(instance)
    return f"{path}?user_code={quote(user_code)}" if user_code else path
