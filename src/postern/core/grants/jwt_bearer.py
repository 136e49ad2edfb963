"""The JWT bearer grant (RFC 7523): an application presents what a trusted token issuer asserted about a person.

`postern.core.assertions` verifies the assertion; here it is held against the application, and against its being used
twice.
"""

from postern.api.errors import InvalidGrantException, InvalidScopeException
from postern.api.sso_oidc import CreateTokenWithIamRequest
from postern.core import assertions, scopes
from postern.core.clients import JWT_BEARER, Client
from postern.core.directory.records import Application, ApplicationStanding, TrustedTokenIssuer, UsedAssertion
from postern.core.grants.base import Grant, Step, family_terms, new_family, refusal_to_issue
from postern.core.records import TokenFamily, User
from postern.core.service import Service
from postern.core.store import AcceptAssertion

_DESCRIPTION = "Invalid assertion provided"


def _refusal(reason: str) -> InvalidGrantException:
    return InvalidGrantException(_DESCRIPTION, reason=reason)


async def redeem(service: Service, client: Client, request: CreateTokenWithIamRequest) -> TokenFamily:
    """Accept an assertion."""
    if not scopes.within(request.scope, client.scopes):
        raise InvalidScopeException(reason="scope goes beyond the application's")
    assertion = await assertions.verify(service, client.application_arn or "", request.assertion or "")
    return await service.store.accept_assertion(
        AcceptAssertion(
            assertion_digest=assertion.digest,
            assertion_expires_at=assertion.forget_at,
            trusted_token_issuer_arn=assertion.trusted_token_issuer_arn,
            user_id=assertion.user_id,
            client_digest=client.digest,
            client_name=client.name,
            application_arn=client.application_arn or "",
            scopes=scopes.distinct(request.scope) or client.scopes,
            issues_refresh_token=client.issues_refresh_token,
            authenticated_at=assertion.authenticated_at,
            family=family_terms(service, client, JWT_BEARER),
            now=service.now(),
        )
    )


def decide(
    command: AcceptAssertion,
    used: UsedAssertion | None,
    issuer: TrustedTokenIssuer | None,
    user: User | None,
    standing: ApplicationStanding | None,
) -> Step:
    """What an acceptance does, given the rows as they are inside its transaction. Pure; every store calls it."""
    if used is not None:
        return Step(answer=_refusal("assertion was presented before"))
    if denied := refusal_to_issue(user, standing, JWT_BEARER, _DESCRIPTION):
        return Step(answer=denied)
    assert user is not None
    application = standing.application if standing else None
    if issuer is None or not issuer.enabled or not _trusts(application, issuer):
        return Step(answer=_refusal("the issuer is disabled, gone, or not trusted by the application any more"))
    created = new_family(
        command.family,
        user,
        command.now,
        client_digest=command.client_digest,
        client_name=command.client_name,
        scopes=command.scopes,
        issues_refresh_token=command.issues_refresh_token,
        application_arn=command.application_arn,
        authenticated_at=command.authenticated_at,
    )
    remembered = UsedAssertion(assertion_digest=command.assertion_digest, expires_at=command.assertion_expires_at)
    return Step(answer=created, insert=(created, remembered))


def _trusts(application: Application | None, issuer: TrustedTokenIssuer) -> bool:
    options = application.grants.jwt_bearer if application else None
    trusted = options.authorized_token_issuers if options else ()
    if application is None or application.instance_id != issuer.instance_id:
        return False
    return any(each.trusted_token_issuer_arn == issuer.trusted_token_issuer_arn for each in trusted)


GRANT: Grant[CreateTokenWithIamRequest] = Grant(
    grant_type=JWT_BEARER, requires=("assertion",), redeem=redeem, refusal=_DESCRIPTION
)
