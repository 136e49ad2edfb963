"""GetRoleCredentials: credentials for a role that is the person's now. Whether it is, is looked up each time."""

import contextlib
from collections.abc import Iterator

from postern.api.errors import ForbiddenException, TooManyRequestsException
from postern.api.portal import GetRoleCredentialsRequest, GetRoleCredentialsResponse, RoleCredentials
from postern.core import portal_access
from postern.core.audit import EventName
from postern.core.caller import Caller
from postern.core.directory.records import AssignedRole, CredentialSource
from postern.core.iam.access_keys import TemporaryCredentials
from postern.core.portal_access import PortalAccess
from postern.core.role_credentials import sources
from postern.core.role_credentials.port import SourceFaulty, StsRefused, StsUnavailable
from postern.core.service import Service

_DESCRIPTION = "Role credentials cannot be had at the moment"


async def get_role_credentials(
    service: Service, request: GetRoleCredentialsRequest, caller: Caller
) -> GetRoleCredentialsResponse:
    """
    Raises:
        UnauthorizedException, ForbiddenException, TooManyRequestsException: see `portal_access.admit`.
        PortalInvalidRequestException: ``account_id`` or ``role_name`` is malformed.
        ForbiddenException: the role is not the person's, there is no such role, or its source refuses.
        TooManyRequestsException: its source cannot be reached now.
    """
    access = await portal_access.admit(service, request.access_token)
    portal_access.require_account_id(request.account_id)
    portal_access.require_role_name(request.role_name)
    credentials = await credentials_of(service, access, request.account_id, request.role_name, caller)
    return GetRoleCredentialsResponse(
        role_credentials=RoleCredentials(
            access_key_id=credentials.access_key_id,
            secret_access_key=credentials.secret_access_key,
            session_token=credentials.session_token,
            expiration=credentials.expires_at * 1000,
        )
    )


async def credentials_of(
    service: Service, access: PortalAccess, account_id: str, role_name: str, caller: Caller
) -> TemporaryCredentials:
    """The same for who is at the portal already, by a token or in a browser.

    Raises:
        ForbiddenException, TooManyRequestsException: as above.
    """
    event_name = EventName.GET_ROLE_CREDENTIALS
    with portal_access.recorded_refusals(service, event_name, access, caller, account_id, role_name):
        role, source = await role_and_source(service, access, account_id, role_name)
        with source_answers():
            credentials = await sources.credentials_for(service, access.user, role, source)
    portal_access.record(
        service,
        event_name,
        access,
        caller,
        account_id=account_id,
        role_name=role_name,
        access_key_id=credentials.access_key_id,
    )
    return credentials


async def role_and_source(
    service: Service, access: PortalAccess, account_id: str, role_name: str
) -> tuple[AssignedRole, CredentialSource]:
    """The role, if it is the person's now, and where its credentials come from.

    Raises:
        ForbiddenException: it is not, or there is no such role, or no such source.
    """
    role = await service.store.find_assigned_role(access.user.user_id, account_id, role_name)
    if role is None:
        raise ForbiddenException(reason="the role is not assigned to the person, or there is none")
    source = sources.source_of(service, role)
    if source is None:
        raise ForbiddenException(reason="the credential source of the role does not exist")
    return role, source


@contextlib.contextmanager
def source_answers() -> Iterator[None]:
    """What a source fails with, as the portal says it: the person hears nothing of the source, the log all.

    Raises:
        ForbiddenException, TooManyRequestsException: as above.
    """
    try:
        yield
    except StsRefused as refusal:
        raise ForbiddenException(reason=f"the credential source refused: {refusal.reason}") from None
    except SourceFaulty as failure:
        raise ForbiddenException(reason=f"the credential source is faulty: {failure.reason}") from None
    except StsUnavailable as failure:
        reason = f"the credential source cannot be reached: {failure.reason}"
        raise TooManyRequestsException(_DESCRIPTION, reason=reason) from None
