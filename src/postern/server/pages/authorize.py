"""The authorization endpoint in the browser (RFC 6749 4.1.1).

Consent is asked every time, and nothing leads to the client before a person has acted.
"""

from starlette.requests import Request
from starlette.responses import Response

from postern.core import authorize, redirect_uris
from postern.core.authorize import AuthorizationRefused, AuthorizationRequest
from postern.core.service import Service
from postern.server.callers import caller_of
from postern.server.pages import forms, words
from postern.server.pages.browser import Browser
from postern.server.pages.endpoint import Table
from postern.server.pages.errors import PageRefused, bad_request, stale_page
from postern.server.pages.rendering import Renderer, content_security_policy, instance_shown, person, see_other


class AuthorizePages:
    def __init__(self, service: Service, browser: Browser, renderer: Renderer) -> None:
        self._service = service
        self._browser = browser
        self._renderer = renderer

    def table(self) -> Table:
        return {"/authorize": {"GET": self.show, "POST": self.decide}}

    async def show(self, request: Request) -> Response:
        query = forms.raw_query(request)
        asked = await self._validate(query)
        active = await self._browser.require_session(request, f"/authorize?{query}", asked.instance)
        context = (
            person(active, self._browser.csrf(active))
            | instance_shown(self._service.instances.get(active.user.instance_id))
            | {
                "client_name": asked.client.name,
                "is_known": asked.client.application_arn is not None,
                "destination": words.destination(asked.redirect_uri),
                "scopes": words.granted(asked.scopes),
                "approval": authorize.consent_token(self._service, active, query),
                "request": query,
            }
        )
        policy = content_security_policy(form_target(asked.redirect_uri))
        return self._renderer.page("consent.html", context, headers={"Content-Security-Policy": policy})

    async def decide(self, request: Request) -> Response:
        self._browser.require_own_origin(request)
        form = await forms.form_of(request)
        query, approve = form.get("request", ""), forms.decision_of(form)
        asked = await self._validate(query)
        active = await self._browser.require_session(request, f"/authorize?{query}", asked.instance)
        self._browser.require_csrf(active, form.get("csrf", ""))
        if not authorize.is_consent_token(self._service, active, query, form.get("approval", "")):
            raise stale_page("approval token is not of this session, person and request")
        caller = caller_of(request.scope)
        if approve:
            return see_other(await authorize.approve(self._service, active, asked, caller))
        return see_other(authorize.deny(self._service, active, asked, caller))

    async def _validate(self, query: str) -> AuthorizationRequest:
        """
        Raises:
            PageRefused: with a link back to the client once its redirect URI is known to be good, and never a redirect.
        """
        if len(query) > forms.MAX_TARGET - len("/authorize?"):
            raise bad_request("authorization request is too long")
        try:
            return await authorize.validate(self._service, forms.parse(query))
        except AuthorizationRefused as refused:
            raise PageRefused(
                400,
                "This sign-in cannot go on",
                refused.description,
                "Start again in your terminal or application.",
                reason=refused.error,
                return_url=refused.return_url,
                return_name=refused.client_name,
            ) from None


def form_target(redirect_uri: str) -> str:
    """The redirect's origin as a content security policy can name it; it has no notation for IPv6 addresses."""
    return "http:" if redirect_uri.startswith("http://[") else redirect_uris.origin(redirect_uri)
