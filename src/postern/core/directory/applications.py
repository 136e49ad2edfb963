"""Applications: what one may be, who is assigned to it, and what it is as a client. Limits and patterns are those of
the ``sso-admin`` API.
"""

import json
import re
import secrets
from collections.abc import Sequence

from postern.core import redirect_uris, scopes
from postern.core.clients import AUTHORIZATION_CODE, JWT_BEARER, REFRESH_TOKEN, TOKEN_EXCHANGE, Client, client_digest
from postern.core.directory.errors import InvalidDirectoryRecord
from postern.core.directory.records import (
    AccessScope,
    Application,
    ApplicationAssignment,
    ApplicationGrants,
    AuthorizationCodeOptions,
    AuthorizedTokenIssuer,
    PrincipalType,
    Status,
    assignment_id,
)
from postern.core.iam import actor_policy
from postern.core.iam.actor_policy import Action, InvalidPolicy
from postern.core.records import Instance
from postern.core.store import NotFound, Store

DEFAULT_SCOPES = ("openid", "aws", "sts:identity_context")
MAX_REDIRECT_URIS = 10
MAX_TRUSTED_TOKEN_ISSUERS = 10
MAX_AUDIENCES = 10
MAX_AUDIENCE = 512
MAX_TARGETS = 10
MAX_NAME = 100
MAX_DESCRIPTION = 128

ARN = re.compile(r"arn:aws[a-z-]*:sso::[0-9]{12}:application/ssoins-[0-9a-zA-Z.-]{1,32}/apl-[0-9a-f]{16}")
_INSTANCE_ARN = re.compile(r"arn:aws[a-z-]*:sso:::instance/(?:sso)?ins-[0-9a-zA-Z.-]{1,32}")
_ISSUER_ARN = re.compile(r"arn:aws[a-z-]*:sso::[0-9]{12}:trustedTokenIssuer/[!-~]{1,200}")


def grant_types(application: Application) -> tuple[str, ...]:
    """The grants that the application may use, by their OAuth names."""
    grants = application.grants
    offered = {
        AUTHORIZATION_CODE: grants.authorization_code,
        REFRESH_TOKEN: grants.refresh_token,
        JWT_BEARER: grants.jwt_bearer,
        TOKEN_EXCHANGE: grants.token_exchange,
    }
    return tuple(name for name, options in offered.items() if options is not None)


def scopes_of(application: Application) -> tuple[str, ...]:
    """What its tokens carry unless they are asked to carry less: the default scopes, then its own."""
    return tuple(dict.fromkeys((*DEFAULT_SCOPES, *(scope.scope for scope in application.access_scopes))))


def as_client(application: Application) -> Client:
    code = application.grants.authorization_code
    return Client(
        digest=client_digest(application.application_arn),
        name=application.name,
        scopes=scopes_of(application),
        grant_types=grant_types(application),
        redirect_uris=code.redirect_uris if code else (),
        application_arn=application.application_arn,
        requires_pkce=code.pkce_required if code else True,
    )


def new_application(
    instance: Instance,
    *,
    name: str,
    now: int,
    description: str = "",
    grants: ApplicationGrants = ApplicationGrants(),
    access_scopes: tuple[AccessScope, ...] = (),
    actor_policy: str = "",
    assignment_required: bool = True,
    status: Status = Status.ENABLED,
    account_id: str | None = None,
) -> Application:
    """An application of the instance, with an ARN of its own.

    Raises:
        InvalidDirectoryRecord: see `require_valid`.
    """
    account = account_id or instance.owner_account_id
    application_arn = f"arn:aws:sso::{account}:application/{instance.instance_id}/apl-{secrets.token_hex(8)}"
    return require_valid(
        Application(
            application_arn=application_arn,
            name=name,
            description=description,
            status=status,
            assignment_required=assignment_required,
            grants=grants,
            access_scopes=access_scopes,
            actor_policy=actor_policy,
            created_at=now,
        )
    )


def require_valid(application: Application) -> Application:
    """The application, if it can be kept.

    Raises:
        InvalidDirectoryRecord: a name, URI, scope, audience or target is not one, there are too many, or the actor
            policy cannot be read.
    """
    _require(ARN.fullmatch(application.application_arn) is not None, "the application's ARN is not one")
    _require(
        1 <= len(application.name) <= MAX_NAME and application.name.isprintable(),
        f"an application's name has 1 to {MAX_NAME} printable characters",
    )
    _require(not application.name.startswith("arn:"), "an application's name does not begin like an ARN")
    _require(
        len(application.description) <= MAX_DESCRIPTION and application.description.isprintable(),
        f"an application's description has up to {MAX_DESCRIPTION} printable characters",
    )
    _require_grants(application.grants)
    _require_scopes(application.access_scopes)
    if application.actor_policy:
        _require_policy(application.actor_policy)
    return application


def _require_grants(grants: ApplicationGrants) -> None:
    if grants.authorization_code is not None:
        _require_redirect_uris(grants.authorization_code)
    if grants.jwt_bearer is not None:
        issuers = grants.jwt_bearer.authorized_token_issuers
        arns = [issuer.trusted_token_issuer_arn for issuer in issuers]
        _require(len(arns) <= MAX_TRUSTED_TOKEN_ISSUERS, f"more than {MAX_TRUSTED_TOKEN_ISSUERS} trusted token issuers")
        _require(len(set(arns)) == len(arns), "a trusted token issuer is there twice")
        for issuer in issuers:
            _require_issuer(issuer)
    if grants.token_exchange is not None:
        for scope in grants.token_exchange.accepted_scopes:
            _require(scopes.is_scope(scope), f"{scope!r} is not a scope")


def _require_redirect_uris(options: AuthorizationCodeOptions) -> None:
    uris = options.redirect_uris
    _require(1 <= len(uris) <= MAX_REDIRECT_URIS, f"authorization code needs 1 to {MAX_REDIRECT_URIS} redirect URIs")
    for uri in uris:
        acceptable = len(uri) <= redirect_uris.MAX_LENGTH and redirect_uris.is_acceptable(uri)
        _require(acceptable, f"{uri!r} is neither an https URL nor http on a loopback address")


def _require_issuer(issuer: AuthorizedTokenIssuer) -> None:
    _require(_ISSUER_ARN.fullmatch(issuer.trusted_token_issuer_arn) is not None, "a trusted token issuer's ARN is none")
    audiences = issuer.authorized_audiences
    _require(1 <= len(audiences) <= MAX_AUDIENCES, f"a trusted token issuer needs 1 to {MAX_AUDIENCES} audiences")
    for audience in audiences:
        _require(
            1 <= len(audience) <= MAX_AUDIENCE and audience.isprintable(),
            f"an audience has 1 to {MAX_AUDIENCE} printable characters",
        )


def _require_scopes(access_scopes: tuple[AccessScope, ...]) -> None:
    names = [scope.scope for scope in access_scopes]
    all_scopes = {*DEFAULT_SCOPES, *names}
    _require(len(all_scopes) <= scopes.MAX_SCOPES, f"more than {scopes.MAX_SCOPES} scopes, the default ones included")
    _require(len(set(names)) == len(names), "a scope is there twice")
    for scope in access_scopes:
        _require(scopes.is_scope(scope.scope), f"{scope.scope!r} is not a scope")
        _require(len(scope.authorized_targets) <= MAX_TARGETS, f"a scope has up to {MAX_TARGETS} authorized targets")
        for target in scope.authorized_targets:
            is_target = ARN.fullmatch(target) or _INSTANCE_ARN.fullmatch(target)
            _require(is_target is not None, f"{target!r} is the ARN of neither an application nor the instance")


def _require_policy(text: str) -> None:
    try:
        actor_policy.parse(text)
    except InvalidPolicy as error:
        raise InvalidDirectoryRecord(f"the actor policy: {error}") from None


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise InvalidDirectoryRecord(otherwise)


def actor_policy_for(principal_arns: Sequence[str]) -> str:
    """The plain policy that lets these principals, and nobody else, be the application."""
    statement = {"Effect": "Allow", "Principal": {"AWS": list(principal_arns)}, "Action": [*Action], "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def assignment(application: Application, principal_type: PrincipalType, principal_id: str) -> ApplicationAssignment:
    return ApplicationAssignment(
        assignment_id=assignment_id(application.application_arn, principal_type, principal_id),
        application_arn=application.application_arn,
        principal_type=principal_type,
        principal_id=principal_id,
    )


async def find_by_name_or_arn(store: Store, text: str) -> Application:
    """
    Raises:
        NotFound: there is no such application.
    """
    known = await store.list_configuration(Application)
    found = {each.name: each for each in known} | {each.application_arn: each for each in known}
    if text not in found:
        raise NotFound(f"there is no application {text!r}")
    return found[text]


async def assignments_of(store: Store, application: Application) -> list[ApplicationAssignment]:
    everybodys = await store.list_configuration(ApplicationAssignment)
    return [each for each in everybodys if each.application_arn == application.application_arn]
