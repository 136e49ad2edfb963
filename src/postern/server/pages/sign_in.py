"""Signing in and out at this browser."""

import re
from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from postern.core import sign_in
from postern.core.service import Service
from postern.core.sign_in import SignInRefused, TooManyAttempts
from postern.core.start_urls import start_path
from postern.core.users import MAX_USER_NAME
from postern.server.callers import caller_of
from postern.server.pages import forms, words
from postern.server.pages.browser import Browser, is_of
from postern.server.pages.endpoint import Table
from postern.server.pages.rendering import Renderer, instance_shown, see_other
from postern.server.pages.whose import instance_of

_REASONS = {"device": "Then you can connect your device.", "authorize": "An application asks to sign in as you."}
_STALE = "This page was out of date, or your browser keeps no cookies. Please sign in again."
_WRONG = "The username or the password is wrong."


class SignInPages:
    """A refused password answers 403: 401 would have to name an HTTP authentication scheme (RFC 9110 15.5.2)."""

    def __init__(self, service: Service, browser: Browser, renderer: Renderer) -> None:
        self._service = service
        self._browser = browser
        self._renderer = renderer

    def table(self) -> Table:
        return {
            "/sign-in": {"GET": self.show, "POST": self.submit},
            "/sign-out": {"POST": self.sign_out},
            "/signed-out": {"GET": self.signed_out},
        }

    async def show(self, request: Request) -> Response:
        target = forms.known_target(forms.query_of(request).get("next"))
        instance = instance_of(self._service, target)
        active = await self._browser.session(request)
        if active is not None and is_of(active, instance):
            return see_other(target)
        return self._form(request, target)

    async def submit(self, request: Request) -> Response:
        self._browser.require_own_origin(request)
        form = await forms.form_of(request)
        target, user_name = forms.known_target(form.get("next")), form.get("username", "")
        if not self._browser.is_anonymous_csrf(request, form.get("csrf", "")):
            return self._form(request, target, status=403, error=_STALE)
        try:
            secret = await sign_in.sign_in(
                self._service,
                user_name=user_name,
                password=form.get("password", ""),
                caller=caller_of(request.scope),
                replaces=self._browser.session_secret(request),
                instance=instance_of(self._service, target),
            )
        except SignInRefused:
            return self._form(request, target, user_name, status=403, error=_WRONG)
        except TooManyAttempts as locked:
            headers = {"Retry-After": str(locked.retry_after)}
            return self._form(
                request, target, user_name, status=429, error=words.wait(locked.retry_after), headers=headers
            )
        response = see_other(target)
        self._browser.begin_session(response, secret)
        return response

    async def sign_out(self, request: Request) -> Response:
        self._browser.require_own_origin(request)
        form = await forms.form_of(request)
        active = await self._browser.session(request)
        if active is not None:
            self._browser.require_csrf(active, form.get("csrf", ""))
            await sign_in.sign_out(self._service, active, caller_of(request.scope))
        instance = self._service.instances.get(active.user.instance_id) if active else None
        start = forms.START if instance is None else start_path(instance)
        response = see_other("/signed-out" if start == forms.START else f"/signed-out?{urlencode({'next': start})}")
        self._browser.end_session(response)
        return response

    async def signed_out(self, request: Request) -> Response:
        target = forms.known_target(forms.query_of(request).get("next"))
        context = {"sign_in": forms.sign_in_path(target)} | instance_shown(instance_of(self._service, target))
        return self._renderer.page("signed_out.html", context)

    def _form(
        self,
        request: Request,
        target: str,
        user_name: str = "",
        *,
        status: int = 200,
        error: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        secret = self._browser.form_secret(request)
        context = {
            "csrf": self._browser.anonymous_csrf(secret),
            "next": target,
            "user_name": user_name[:MAX_USER_NAME],
            "error": error,
            "is_wait": status == 429,
            **instance_shown(instance_of(self._service, target)),
            "reason": _REASONS.get(re.split("[/?]", target)[1], ""),
        }
        response = self._renderer.page("sign_in.html", context, status=status, headers=headers)
        self._browser.keep_form_secret(response, secret)
        return response
