"""The start page: who is signed in here, which tools are signed in as them, and an end to each."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from postern.core import sign_in
from postern.core.audit import AuditEvent, EventName
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
                await self._end(request, active, family)
        return see_other(forms.START)

    async def _families(self, active: ActiveSession) -> list[TokenFamily]:
        return await self._service.store.list_token_families(active.user.user_id, self._service.now())

    async def _end(self, request: Request, active: ActiveSession, family: TokenFamily) -> None:
        now = self._service.now()
        if not await self._service.store.revoke_token_family(family.family_id, "ended by the person", now):
            return
        self._service.record(
            AuditEvent(
                event_name=EventName.LOGOUT,
                event_time=now,
                user_id=active.user.user_id,
                client_name=family.client_name,
                client_digest=family.client_digest.hex(),
                source_address=caller_of(request.scope).address,
            )
        )

    def _shown(self, active: ActiveSession, family: TokenFamily) -> SignIn:
        return SignIn(
            id=sign_in.page_token(self._service, *_binding(active, family)),
            client_name=family.client_name,
            started=words.moment(family.created_at, self._service.now()),
            scopes_text=", ".join(scope.name for scope in words.granted(family.scopes)),
        )


def _binding(active: ActiveSession, family: TokenFamily) -> tuple[bytes | str, ...]:
    return "sign-in", active.session.session_digest, str(family.family_id)
