"""Who may use the access portal: a live access token of a person who is enabled, with the scope for it, and not too
often.
"""

import contextlib
import re
from collections.abc import Iterator

import msgspec

from postern.api.errors import (
    ForbiddenException,
    PortalInvalidRequestException,
    TooManyRequestsException,
    UnauthorizedException,
)
from postern.core import access_tokens, scopes
from postern.core.access_tokens import AccessToken
from postern.core.audit import AuditEvent, EventName
from postern.core.caller import Caller
from postern.core.grants.base import refusal_to_issue
from postern.core.records import TokenFamily, User
from postern.core.service import Service

_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_ROLE_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")


class PortalAccess(msgspec.Struct, frozen=True):
    """A person at the portal, and the sign-in that lets them in; in a browser there is none."""

    user: User
    family: TokenFamily | None = None


async def admit(service: Service, access_token: str) -> PortalAccess:
    """
    Raises:
        UnauthorizedException: not a live access token, of a person who is disabled, or of an application that may not
            have it any more.
        ForbiddenException: the token is not for the portal.
        TooManyRequestsException: the sign-in asks too often.
    """
    token = await access_tokens.verify(service, access_token)
    if not _is_for_portal(token):
        raise ForbiddenException(reason="the token has not the scope sso:account:access")
    pace(service, token.family.family_id)
    user = await service.store.find_user(token.family.user_id)
    if user is None or not user.enabled:
        raise UnauthorizedException(reason="the person is disabled or gone")
    await _require_standing(service, token.family, user)
    return PortalAccess(user, token.family)


def pace(service: Service, whose: object) -> None:
    """Counts a call of one sign-in; in browsers, of one person.

    Raises:
        TooManyRequestsException: it asks too often.
    """
    pacer = service.portal_pacer
    if pacer is not None and not pacer.take(whose, service.clock()):
        raise TooManyRequestsException(reason="too many calls of one sign-in or person")


async def _require_standing(service: Service, family: TokenFamily, user: User) -> None:
    """An application that has the token has to be one that could get it now, as introspection asks too.

    Raises:
        UnauthorizedException: the application is disabled or gone, or the person is not assigned any more.
    """
    if family.application_arn is None:
        return
    standing = await service.store.find_standing(family.application_arn, user.user_id)
    refusal = refusal_to_issue(user, standing, family.grant_type, "")
    if refusal is not None:
        raise UnauthorizedException(reason=f"the application may not have the token any more: {refusal.reason}")


def record(
    service: Service,
    event_name: EventName,
    access: PortalAccess,
    caller: Caller,
    *,
    account_id: str | None = None,
    role_name: str | None = None,
    access_key_id: str | None = None,
    refused: str | None = None,
) -> None:
    """Write down what the person did here, or why they were ``refused``."""
    family = access.family
    service.record(
        AuditEvent(
            event_name=event_name,
            event_time=service.now(),
            outcome="Success" if refused is None else "Failure",
            reason=refused,
            user_id=access.user.user_id,
            client_name=family.client_name if family else None,
            client_digest=family.client_digest.hex() if family else None,
            source_address=caller.address,
            account_id=account_id,
            role_name=role_name,
            access_key_id=access_key_id,
        )
    )


@contextlib.contextmanager
def recorded_refusals(
    service: Service, event_name: EventName, access: PortalAccess, caller: Caller, account_id: str, role_name: str
) -> Iterator[None]:
    """Writes down why somebody does not get what they ask for. What cannot be an account or a role is not repeated."""
    try:
        yield
    except (ForbiddenException, TooManyRequestsException) as refusal:
        record(
            service,
            event_name,
            access,
            caller,
            account_id=account_id if _ACCOUNT_ID.fullmatch(account_id) else None,
            role_name=role_name if _ROLE_NAME.fullmatch(role_name) else None,
            refused=refusal.reason,
        )
        raise


def require_account_id(account_id: str) -> None:
    """
    Raises:
        PortalInvalidRequestException: it is not 12 digits.
    """
    if not _ACCOUNT_ID.fullmatch(account_id):
        raise PortalInvalidRequestException("account_id is not 12 digits", reason="account_id is malformed")


def require_role_name(role_name: str) -> None:
    """
    Raises:
        PortalInvalidRequestException: no role can have that name.
    """
    if not _ROLE_NAME.fullmatch(role_name):
        raise PortalInvalidRequestException("role_name is not valid", reason="role_name is malformed")


def _is_for_portal(token: AccessToken) -> bool:
    """Clients older than scopes register with none: the portal is all that their tokens are for. What counts is what
    the sign-in has: a token that was asked for with fewer scopes is not such a one.
    """
    if token.family.application_arn is None and scopes.is_legacy(token.family.scopes):
        return True
    return scopes.ACCOUNT_ACCESS in token.scopes
