"""The start page: who is signed in here, which tools are signed in as them, and an end to each."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from postern.core import sign_in
from postern.core.end_sign_in import end_sign_in
from postern.core.records import TokenFamily
from postern.core.service import Service
from postern.core.sign_in import ActiveSession
from postern.server.callers import caller_of
from postern.server.pages import forms, words
from postern.server.pages.browser import Browser
from postern.server.pages.endpoint import Table
from postern.server.pages.rendering import Renderer, person, see_other


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """A live sign-in as the page shows it. ``id`` means something only in this browser session."""

    id: str
    client_name: str
    started: str
    scopes_text: str


class StartPages:
    def __init__(self, service: Service, browser: Browser, renderer: Renderer) -> None:
        self._service = service
        self._browser = browser
        self._renderer = renderer

    def table(self) -> Table:
        return {
            "/": {"GET": self.root},
            "/start": {"GET": self.show},
            "/sign-ins/end": {"POST": self.end},
        }

    async def root(self, request: Request) -> Response:
        return see_other(forms.START)

    async def show(self, request: Request) -> Response:
        active = await self._browser.require_session(request, forms.START)
        sign_ins = [self._shown(active, family) for family in await self._families(active)]
        context = person(active, self._browser.csrf(active)) | {"sign_ins": sign_ins}
        return self._renderer.page("start.html", context)

    async def end(self, request: Request) -> Response:
        """One that has ended, or is another person's, is not among this person's live ones: then nothing happens."""
        self._browser.require_own_origin(request)
        form = await forms.form_of(request)
        active = await self._browser.require_session(request, forms.START)
        self._browser.require_csrf(active, form.get("csrf", ""))
        for family in await self._families(active):
            if sign_in.is_page_token(self._service, form.get("id", ""), *_binding(active, family)):
                await end_sign_in(self._service, family, "ended by the person", caller_of(request.scope))
        return see_other(forms.START)

    async def _families(self, active: ActiveSession) -> list[TokenFamily]:
        return await self._service.store.list_token_families(active.user.user_id, self._service.now())

    def _shown(self, active: ActiveSession, family: TokenFamily) -> SignIn:
        return SignIn(
            id=sign_in.page_token(self._service, *_binding(active, family)),
            client_name=family.client_name,
            started=words.moment(family.created_at, self._service.now()),
            scopes_text=", ".join(scope.name for scope in words.granted(family.scopes)),
        )


def _binding(active: ActiveSession, family: TokenFamily) -> tuple[bytes | str, ...]:
    return "sign-in", active.session.session_digest, str(family.family_id)
