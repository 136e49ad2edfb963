"""GetConsoleUrl: where a role of the person is signed in to a console, by AWS's federation protocol (IAM User Guide,
"Enable custom identity broker access to the AWS console") or at an address that needs none.
"""

from urllib.parse import quote, urlencode

from postern.api.errors import PortalInvalidRequestException, ResourceNotFoundException
from postern.api.portal import GetConsoleUrlRequest, GetConsoleUrlResponse
from postern.core import portal_access
from postern.core.audit import EventName
from postern.core.caller import Caller
from postern.core.directory.records import AssignedRole, ConsoleOptions, CredentialSource, LocalSource
from postern.core.get_role_credentials import role_and_source, source_answers
from postern.core.portal_access import PortalAccess
from postern.core.role_credentials import sources
from postern.core.role_credentials.endpoints import read_address
from postern.core.role_credentials.port import SigninTokenCall
from postern.core.service import Service

AWS_CONSOLE = "https://console.aws.amazon.com/"


async def get_console_url(service: Service, request: GetConsoleUrlRequest, caller: Caller) -> GetConsoleUrlResponse:
    """
    Raises:
        UnauthorizedException, ForbiddenException, TooManyRequestsException: see `portal_access.admit`.
        ForbiddenException, TooManyRequestsException: as for GetRoleCredentials.
        ResourceNotFoundException: the source of the role offers no console.
        PortalInvalidRequestException: ``destination`` is not of the console, or the role's name or account malformed.
    """
    access = await portal_access.admit(service, request.access_token)
    portal_access.require_account_id(request.account_id)
    portal_access.require_role_name(request.role_name)
    url = await console_url_of(service, access, request.account_id, request.role_name, request.destination, caller)
    return GetConsoleUrlResponse(console_url=url)


async def console_url_of(
    service: Service, access: PortalAccess, account_id: str, role_name: str, destination: str | None, caller: Caller
) -> str:
    """The same for who is at the portal already, by a token or in a browser.

    Raises:
        ForbiddenException, TooManyRequestsException: as above.
        ResourceNotFoundException, PortalInvalidRequestException: as above.
    """
    with portal_access.recorded_refusals(service, EventName.GET_CONSOLE_URL, access, caller, account_id, role_name):
        role, source = await role_and_source(service, access, account_id, role_name)
        console = source.options.console
        if console is None:
            raise ResourceNotFoundException(
                "The account's source offers no console", reason="the credential source has no console"
            )
        begin_at = _destination(console, role, destination)
        if not console.federation_endpoint:
            _record(service, access, role, caller)
            return begin_at
        return await _federated(service, access, role, source, console, begin_at, caller)


async def _federated(
    service: Service,
    access: PortalAccess,
    role: AssignedRole,
    source: CredentialSource,
    console: ConsoleOptions,
    begin_at: str,
    caller: Caller,
) -> str:
    with source_answers():
        credentials = await sources.credentials_for(service, access.user, role, source)
        call = SigninTokenCall(
            endpoint=console.federation_endpoint,
            allow_http=not isinstance(source.options, LocalSource) and source.options.allow_http,
            credentials=credentials,
            duration=sources.duration_of(role),
        )
        token = await service.sts.signin_token(call)
    _record(service, access, role, caller, credentials.access_key_id)
    query = {
        "Action": "login",
        "Issuer": service.policy.public_url,
        "Destination": begin_at,
        "SigninToken": token,
    }
    return f"{console.federation_endpoint}?{urlencode(query, quote_via=quote, safe='')}"


def _destination(console: ConsoleOptions, role: AssignedRole, asked: str | None) -> str:
    """Where to begin: as asked, else as the permission set says, else as the source does.

    Raises:
        PortalInvalidRequestException: what is asked for is not on the console's host, nor below it.
    """
    own = console.destination or AWS_CONSOLE
    if asked is None:
        return role.permission_set.relay_state or own
    if not _is_below(asked, own):
        raise PortalInvalidRequestException(
            "destination is not of the console", reason="destination is not https on the host of the console or below"
        )
    return asked


def _is_below(url: str, console: str) -> bool:
    """Whether ``url`` is https, and on the host of ``console`` or a subdomain of it."""
    parts, own = read_address(url), read_address(console)
    if parts is None or own is None or parts.scheme != "https" or parts.port != own.port:
        return False
    return parts.hostname == own.hostname or (parts.hostname or "").endswith(f".{own.hostname}")


def _record(
    service: Service, access: PortalAccess, role: AssignedRole, caller: Caller, access_key_id: str | None = None
) -> None:
    portal_access.record(
        service,
        EventName.GET_CONSOLE_URL,
        access,
        caller,
        account_id=role.account.account_id,
        role_name=role.permission_set.name,
        access_key_id=access_key_id,
    )
