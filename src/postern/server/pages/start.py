"""The start page: the person's accounts and roles, searched and page by page; and which tools are signed in as them,
with an end to each.
"""

import re

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from postern.core import portal_page, sign_in
from postern.core.end_sign_in import end_all_others, end_sign_in
from postern.core.portal_page import PortalAccount, PortalPage
from postern.core.records import TokenFamily
from postern.core.sign_in import ActiveSession
from postern.server.callers import caller_of
from postern.server.pages import forms, words
from postern.server.pages.endpoint import Table
from postern.server.pages.portal import Portal, Visit
from postern.server.pages.rendering import see_other

_PAGE_NUMBER = re.compile(r"[0-9]{1,6}")


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """A role as a link."""

    name: str
    path: str


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account as the page shows it."""

    name: str
    account_id: str
    roles: list[Role]


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """A live sign-in as the page shows it. ``id`` means something only in this browser session."""

    id: str
    client_name: str
    started: str
    refreshed: str
    ends: str
    scopes_text: str


class StartPages(Portal):
    def table(self) -> Table:
        rooms = {
            "": {"GET": self.show},
            "/sign-ins": {"GET": self.sign_ins},
            "/sign-ins/end": {"POST": self.end},
            "/sign-ins/end-others": {"POST": self.end_others},
        }
        return {"/": {"GET": self.root}, "/start/": {"GET": self.root}} | self._rooms(rooms)

    async def root(self, request: Request) -> Response:
        """Links of AWS's form put a slash after the start URL, and what follows a number sign: browsers keep that."""
        return see_other(forms.START)

    async def show(self, request: Request) -> Response:
        visit = await self._enter(request)
        query = forms.query_of(request)
        found = await portal_page.find_accounts(
            self._service, visit.active.user, query.get("q", ""), _number(query.get("page", ""))
        )
        context = {
            "accounts": [_account(visit, each) for each in found.accounts],
            "found": found,
            "previous_path": _page_path(visit, found, found.number - 1),
            "next_path": _page_path(visit, found, found.number + 1),
        }
        return self._show(visit, "start.html", context)

    async def sign_ins(self, request: Request) -> Response:
        visit = await self._enter(request)
        sign_ins = [self._shown(visit.active, family) for family in await self._families(visit.active)]
        began = words.moment(visit.active.session.created_at, self._service.now())
        return self._show(visit, "sign_ins.html", {"sign_ins": sign_ins, "began": began})

    async def end(self, request: Request) -> Response:
        """One that has ended, or is another person's, is not among this person's live ones: then nothing happens."""
        visit, form = await self._submit(request)
        for family in await self._families(visit.active):
            if sign_in.is_page_token(self._service, form.get("id", ""), *_binding(visit.active, family)):
                await end_sign_in(self._service, family, "ended by the person", caller_of(request.scope))
        return see_other(visit.path("sign-ins"))

    async def end_others(self, request: Request) -> Response:
        visit, _ = await self._submit(request)
        await end_all_others(self._service, visit.active, caller_of(request.scope))
        return see_other(visit.path("sign-ins"))

    async def _families(self, active: ActiveSession) -> list[TokenFamily]:
        return await self._service.store.list_token_families(active.user.user_id, self._service.now())

    def _shown(self, active: ActiveSession, family: TokenFamily) -> SignIn:
        now = self._service.now()
        return SignIn(
            id=sign_in.page_token(self._service, *_binding(active, family)),
            client_name=family.client_name,
            started=words.moment(family.created_at, now),
            refreshed=words.moment(family.rotated_at, now) if family.generation else "",
            ends=words.until(family.expires_at, now),
            scopes_text=", ".join(scope.name for scope in words.granted(family.scopes)),
        )


def _account(visit: Visit, shown: PortalAccount) -> Account:
    account_id = shown.account.account_id
    roles = [
        Role(name=role.name, path=visit.path("role", account_id=account_id, role_name=role.name))
        for role in shown.roles
    ]
    return Account(name=shown.account.name, account_id=account_id, roles=roles)


def _page_path(visit: Visit, found: PortalPage, number: int) -> str:
    """Of another page of what was found; empty where there is none."""
    if not 1 <= number <= found.last:
        return ""
    query = {"q": found.query} if found.query else {}
    return visit.path(**query, **({"page": str(number)} if number > 1 else {}))


def _number(text: str) -> int:
    return int(text) if _PAGE_NUMBER.fullmatch(text) else 1


def _binding(active: ActiveSession, family: TokenFamily) -> tuple[bytes | str, ...]:
    return "sign-in", active.session.session_digest, str(family.family_id)
