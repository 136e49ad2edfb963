"""The token exchange grant (RFC 8693): an application takes an access token that was issued to another one, and gets
one of its own for the same person.

The subject's application says with its scopes' authorized targets whom its tokens are for. What is issued ends with the
sign-in that the subject token belongs to.
"""

import msgspec

from postern.api.errors import (
    InvalidGrantException,
    InvalidRequestException,
    InvalidScopeException,
    UnauthorizedClientException,
)
from postern.api.sso_oidc import CreateTokenWithIamRequest
from postern.core import scopes, tokens
from postern.core.clients import TOKEN_EXCHANGE, Client
from postern.core.directory.records import ApplicationStanding
from postern.core.directory.targets import accepts, names_target
from postern.core.grants.base import Grant, Step, family_terms, new_family, refusal_to_issue
from postern.core.records import TokenFamily, User, is_live_lineage
from postern.core.service import Service
from postern.core.store import ExchangeToken

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
REFRESH_TOKEN = "urn:ietf:params:oauth:token-type:refresh_token"
MAX_LINEAGE = 5
_DESCRIPTION = "Invalid subject token provided"


def _refusal(reason: str) -> InvalidGrantException:
    return InvalidGrantException(_DESCRIPTION, reason=reason)


async def redeem(service: Service, client: Client, request: CreateTokenWithIamRequest) -> TokenFamily:
    """Exchange an access token."""
    wants_refresh_token = _wants_refresh_token(client, request)
    now = service.now()
    claims = tokens.open_value(service.ring, tokens.Kind.ACCESS_TOKEN, request.subject_token or "")
    if claims is None:
        raise _refusal("subject token was not issued by this server, or is no access token")
    if now >= claims.expires_at:
        raise _refusal("subject token has expired")
    subject = await service.store.find_token_family(claims.row_id)
    if subject is None:
        raise _refusal("the sign-in of the subject token is gone")
    if subject.client_digest in service.revoked_clients:
        raise _refusal("the client of the subject token was revoked")
    if not scopes.within(request.scope, client.scopes):
        raise InvalidScopeException(reason="scope goes beyond the application's")
    terms = family_terms(service, client, TOKEN_EXCHANGE)
    if not wants_refresh_token:  # nothing could prolong it: it lives as long as its access token
        terms = msgspec.structs.replace(terms, family_lifetime=terms.access_lifetime)
    return await service.store.exchange_token(
        ExchangeToken(
            subject_family_id=claims.row_id,
            subject_scopes=scopes.unmask(claims.scope_mask, subject.scopes),
            client_digest=client.digest,
            client_name=client.name,
            application_arn=client.application_arn or "",
            instance_arn=service.instances.of_application(client.application_arn or "").arn,
            scopes=scopes.distinct(request.scope) or client.scopes,
            issues_refresh_token=wants_refresh_token,
            family=terms,
            now=now,
        )
    )


def _wants_refresh_token(client: Client, request: CreateTokenWithIamRequest) -> bool:
    """
    Raises:
        InvalidRequestException: a token type is not supported.
        UnauthorizedClientException: a refresh token is requested, and the application may not refresh.
    """
    if request.subject_token_type != ACCESS_TOKEN:
        raise InvalidRequestException("subjectTokenType is not supported", reason="subject token type")
    if request.requested_token_type not in (None, ACCESS_TOKEN, REFRESH_TOKEN):
        raise InvalidRequestException("requestedTokenType is not supported", reason="requested token type")
    if request.requested_token_type != REFRESH_TOKEN:
        return False
    if not client.issues_refresh_token:
        raise UnauthorizedClientException(reason="a refresh token is requested, and the application may not refresh")
    return True


def decide(
    command: ExchangeToken,
    lineage: tuple[TokenFamily, ...],
    user: User | None,
    standing: ApplicationStanding | None,
    issuer: ApplicationStanding | None,
) -> Step:
    """What an exchange does, given the rows as they are inside its transaction. Pure; every store calls it.

    ``lineage`` is the subject's family and those that it was made from, up to the sign-in; ``issuer`` is how the
    person stands to the application that the subject token was issued to.
    """
    if not lineage or lineage[0].family_id != command.subject_family_id:
        return Step(answer=_refusal("the sign-in of the subject token is gone"))
    if len(lineage) >= MAX_LINEAGE:
        return Step(answer=_refusal("the subject token was exchanged too often"))
    if not is_live_lineage(lineage, command.now):
        return Step(answer=_refusal("the sign-in of the subject token has ended"))
    if any(command.now >= family.idle_expires_at for family in lineage):
        return Step(answer=_refusal("the sign-in of the subject token was idle for too long"))
    subject = lineage[0]
    if subject.client_digest == command.client_digest:
        return Step(answer=_refusal("subject token was issued to this very application"))
    if not _is_target(command, subject, issuer, standing):
        return Step(answer=_refusal("no scope of the subject token names this application as a target"))
    if denied := refusal_to_issue(user, standing, TOKEN_EXCHANGE, _DESCRIPTION):
        return Step(answer=denied)
    assert user is not None
    created = new_family(
        command.family,
        user,
        command.now,
        client_digest=command.client_digest,
        client_name=command.client_name,
        scopes=command.scopes,
        issues_refresh_token=command.issues_refresh_token,
        application_arn=command.application_arn,
        parent_family_id=subject.family_id,
        authenticated_at=subject.authenticated_at,
    )
    bounded = _ending_with(created, min(family.expires_at for family in lineage))
    return Step(answer=bounded, insert=(bounded,))


def _is_target(
    command: ExchangeToken,
    subject: TokenFamily,
    issuer: ApplicationStanding | None,
    standing: ApplicationStanding | None,
) -> bool:
    if subject.application_arn is None:
        application = standing.application if standing else None
        return application is not None and accepts(application, command.subject_scopes)
    if issuer is None or issuer.application is None or not issuer.is_assigned:
        return False
    return names_target(issuer.application, command.subject_scopes, command.application_arn, command.instance_arn)


def _ending_with(family: TokenFamily, end: int) -> TokenFamily:
    return msgspec.structs.replace(
        family,
        expires_at=min(family.expires_at, end),
        access_expires_at=min(family.access_expires_at, end),
        idle_expires_at=min(family.idle_expires_at, end),
    )


GRANT: Grant[CreateTokenWithIamRequest] = Grant(
    grant_type=TOKEN_EXCHANGE,
    requires=("subject_token", "subject_token_type"),
    redeem=redeem,
    refusal=_DESCRIPTION,
)
