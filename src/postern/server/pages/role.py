"""One role: its credentials for the command line, the profiles that use it, and the way to its console.

Credentials are made when a person asks for them, by a form and never by a link.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from postern.api.errors import (
    ForbiddenException,
    PortalInvalidRequestException,
    ResourceNotFoundException,
    TooManyRequestsException,
)
from postern.core.directory.records import AssignedRole, CredentialSource, LocalSource
from postern.core.get_console_url import console_url_of
from postern.core.get_role_credentials import credentials_of, role_and_source
from postern.core.role_credentials.sources import duration_of
from postern.server.callers import caller_of
from postern.server.pages import command_line, words
from postern.server.pages.endpoint import Table
from postern.server.pages.errors import PageRefused
from postern.server.pages.forms import query_of
from postern.server.pages.portal import Portal, Visit
from postern.server.pages.rendering import see_other

_URL_MARKS = "!#$%&'()*+,/:;=?@[]~"
_ASK = "Tell whoever runs this server."
_REFUSED = "Whatever gives out the credentials of this role refused to."
_OUT_OF_REACH = "Whatever gives out the credentials of this role cannot be reached."
_ELSEWHERE = "The link that you followed leads somewhere else. Nothing was opened."


class RolePages(Portal):
    def table(self) -> Table:
        return self._rooms(
            {
                "/role": {"GET": self.show, "POST": self.credentials},
                "/console": {"GET": self.shortcut, "POST": self.console},
            }
        )

    async def show(self, request: Request) -> Response:
        visit = await self._enter(request)
        role, source = await self._find(visit, query_of(request))
        return self._show(visit, "role.html", self._context(visit, role, source))

    async def credentials(self, request: Request) -> Response:
        visit, form = await self._submit(request)
        role, source = await self._find(visit, form)
        with _refusals(visit, role):
            made = await credentials_of(
                self._service,
                visit.access,
                role.account.account_id,
                role.permission_set.name,
                caller_of(request.scope),
            )
        context = self._context(visit, role, source) | {
            "pastes": command_line.credential_pastes(role, made),
            "lives": words.until(made.expires_at, self._service.now()),
        }
        return self._show(visit, "credentials.html", context)

    async def shortcut(self, request: Request) -> Response:
        """Where AWS's shortcut links lead: following one opens nothing yet."""
        visit, query = await self._enter(request), query_of(request)
        if not query.get("role_name"):
            account_id = query.get("account_id")
            return see_other(visit.path(**({"q": account_id} if account_id else {})))
        role, source = await self._find(visit, query)
        if source.options.console is None:
            raise _no_console(visit, role, "the credential source has no console")
        destination = query.get("destination") or ""
        return self._show(visit, "console.html", self._context(visit, role, source) | {"destination": destination})

    async def console(self, request: Request) -> Response:
        """The page refreshes to the console: browsers hold each redirect of a form against the policy of its page, and
        a console redirects to wherever it is signed in.
        """
        visit, form = await self._submit(request)
        role, source = await self._find(visit, form)
        with _refusals(visit, role):
            url = await console_url_of(
                self._service,
                visit.access,
                role.account.account_id,
                role.permission_set.name,
                form.get("destination") or None,
                caller_of(request.scope),
            )
        context = self._context(visit, role, source) | {"console_url": url, "console_host": urlsplit(url).netloc}
        return self._show(
            visit, "console_opening.html", context, headers={"Refresh": f"0; url={quote(url, safe=_URL_MARKS)}"}
        )

    async def _find(self, visit: Visit, named: Mapping[str, str]) -> tuple[AssignedRole, CredentialSource]:
        """
        Raises:
            PageRefused: there is no such role, or it is not the person's: one answer for both.
        """
        account_id, role_name = named.get("account_id", ""), named.get("role_name", "")
        try:
            return await role_and_source(self._service, visit.access, account_id, role_name)
        except ForbiddenException as refusal:
            raise PageRefused(
                403,
                "This role is not yours",
                "You have no such role in this account, or not any more.",
                "Choose one that you have, or ask whoever runs this server for it.",
                reason=refusal.reason or "the role is refused",
                return_url=visit.path(),
                return_name="your accounts",
            ) from None

    def _context(self, visit: Visit, role: AssignedRole, source: CredentialSource) -> dict[str, object]:
        options = source.options
        return {
            "account": role.account,
            "role": role.permission_set,
            "role_path": _path(visit, role),
            "duration": words.span(duration_of(role)),
            "has_console": options.console is not None,
            "is_local": isinstance(options, LocalSource),
            "maker": "" if isinstance(options, LocalSource) else urlsplit(options.endpoint).netloc,
            "server": self._service.policy.public_url,
            "lasting": command_line.lasting_pastes(self._service.policy, visit.instance, role, options),
        }


def _path(visit: Visit, role: AssignedRole) -> str:
    return visit.path("role", account_id=role.account.account_id, role_name=role.permission_set.name)


@contextmanager
def _refusals(visit: Visit, role: AssignedRole) -> Iterator[None]:
    """What the core refuses with, as pages; the person hears nothing of the source, the log all."""
    try:
        yield
    except ForbiddenException as refusal:
        raise _refused(visit, role, 403, "No credentials for this role", _REFUSED, _ASK, refusal.reason) from None
    except TooManyRequestsException as refusal:
        raise _refused(
            visit, role, 429, "No credentials just now", _OUT_OF_REACH, "Try again in a few seconds.", refusal.reason
        ) from None
    except ResourceNotFoundException as refusal:
        raise _no_console(visit, role, refusal.reason) from None
    except PortalInvalidRequestException as refusal:
        raise _refused(
            visit,
            role,
            400,
            "This is no address of the console",
            _ELSEWHERE,
            "Open the console itself.",
            refusal.reason,
        ) from None


def _no_console(visit: Visit, role: AssignedRole, reason: str | None) -> PageRefused:
    message = "This role can be used on the command line only."
    return _refused(visit, role, 404, "There is no console", message, None, reason)


def _refused(
    visit: Visit, role: AssignedRole, status: int, title: str, message: str, advice: str | None, reason: str | None
) -> PageRefused:
    return PageRefused(
        status,
        title,
        message,
        advice,
        reason=reason or title,
        headers={"Retry-After": "5"} if status == 429 else None,
        return_url=_path(visit, role),
        return_name="the role",
    )
