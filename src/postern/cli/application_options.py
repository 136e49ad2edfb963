"""From the command line to what an application may do. What is given replaces what was, what is not given stays."""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from postern.cli.exit_codes import UsageError
from postern.core.directory import applications, trusted_token_issuers
from postern.core.directory.records import (
    AccessScope,
    Application,
    ApplicationGrants,
    AuthorizationCodeOptions,
    AuthorizedTokenIssuer,
    JwtBearerOptions,
    RefreshTokenOptions,
    TokenExchangeOptions,
)
from postern.core.iam import actor_policy
from postern.core.records import Instance
from postern.core.store import Store

# The options that set up each grant, by the names of what they come as.
_OPTIONS_OF_GRANTS: Mapping[str, Mapping[str, str]] = {
    "authorization_code": {"redirect_uri": "--redirect-uri", "pkce": "--pkce"},
    "refresh_token": {"refresh_token": "--refresh-token"},
    "jwt_bearer": {"trust": "--trust"},
    "token_exchange": {"token_exchange": "--token-exchange", "accept_scope": "--accept-scope"},
}


async def with_options(
    options: argparse.Namespace, application: Application, store: Store, instance: Instance
) -> Application:
    """The application as the command line wants it.

    Raises:
        InvalidDirectoryRecord: it cannot be like that.
        InvalidPolicy: the actor policy is not one.
        NotFound: an issuer or a target is not there.
        UsageError: options do not go together, or the policy file cannot be read.
    """
    changes: dict[str, object] = {"grants": await _grants(options, application.grants, store)}
    if options.description is not None:
        changes["description"] = options.description
    if options.scope is not None:
        changes["access_scopes"] = await _scopes(_given(options.scope), store, instance)
    if options.principal is not None or options.policy is not None:
        changes["actor_policy"] = _policy(options)
    if options.assignment_required is not None:
        changes["assignment_required"] = options.assignment_required == "yes"
    return applications.require_valid(msgspec.structs.replace(application, **changes))


def _given(words: Sequence[str]) -> list[str]:
    """Without the empty word, which stands for nothing at all."""
    return [word for word in words if word]


async def _grants(options: argparse.Namespace, before: ApplicationGrants, store: Store) -> ApplicationGrants:
    _require_nothing_of_removed(options)
    grants = ApplicationGrants(
        authorization_code=_authorization_code(options, before.authorization_code),
        refresh_token=RefreshTokenOptions() if options.refresh_token else before.refresh_token,
        jwt_bearer=before.jwt_bearer if options.trust is None else await _jwt_bearer(options.trust, store),
        token_exchange=_token_exchange(options, before.token_exchange),
    )
    return msgspec.structs.replace(grants, **dict.fromkeys(options.remove_grant or ()))


def _require_nothing_of_removed(options: argparse.Namespace) -> None:
    for grant in options.remove_grant or ():
        for name, option in _OPTIONS_OF_GRANTS[grant].items():
            if getattr(options, name) is not None:
                raise UsageError(f"{option} and --remove-grant {grant}: give one of them")


def _authorization_code(
    options: argparse.Namespace, before: AuthorizationCodeOptions | None
) -> AuthorizationCodeOptions | None:
    if options.redirect_uri is None and before is None:
        if options.pkce is not None:
            raise UsageError("--pkce and --no-pkce are about authorization codes: give --redirect-uri too")
        return None
    known = before or AuthorizationCodeOptions(redirect_uris=())
    return AuthorizationCodeOptions(
        redirect_uris=known.redirect_uris if options.redirect_uri is None else tuple(options.redirect_uri),
        pkce_required=known.pkce_required if options.pkce is None else options.pkce,
    )


def _token_exchange(options: argparse.Namespace, before: TokenExchangeOptions | None) -> TokenExchangeOptions | None:
    if options.accept_scope is not None:
        if before is None and not options.token_exchange:
            raise UsageError("--accept-scope is about token exchange: give --token-exchange too")
        return TokenExchangeOptions(accepted_scopes=tuple(_given(options.accept_scope)))
    return before or (TokenExchangeOptions() if options.token_exchange else None)


async def _jwt_bearer(words: Sequence[str], store: Store) -> JwtBearerOptions:
    """Of ``ISSUER=AUDIENCE,AUDIENCE``, once or more for each issuer."""
    audiences: dict[str, list[str]] = {}
    for word in words:
        name, equals, listed = word.partition("=")
        if not (name and equals and listed):
            raise UsageError(f"--trust {word!r}: it must be ISSUER=AUDIENCE[,AUDIENCE]")
        issuer = await trusted_token_issuers.find_by_name_or_arn(store, name)
        audiences.setdefault(issuer.trusted_token_issuer_arn, []).extend(_given(listed.split(",")))
    return JwtBearerOptions(
        authorized_token_issuers=tuple(
            AuthorizedTokenIssuer(trusted_token_issuer_arn=arn, authorized_audiences=tuple(dict.fromkeys(listed)))
            for arn, listed in audiences.items()
        )
    )


async def _scopes(words: Sequence[str], store: Store, instance: Instance) -> tuple[AccessScope, ...]:
    """Of ``SCOPE`` and ``SCOPE=TARGET,TARGET``."""
    scopes = []
    for word in words:
        scope, _, targets = word.partition("=")
        arns = [await _target(target, store, instance) for target in _given(targets.split(","))]
        scopes.append(AccessScope(scope=scope, authorized_targets=tuple(dict.fromkeys(arns))))
    return tuple(scopes)


async def _target(text: str, store: Store, instance: Instance) -> str:
    if text == instance.arn:
        return text
    return (await applications.find_by_name_or_arn(store, text)).application_arn


def _policy(options: argparse.Namespace) -> str:
    if options.policy is None:
        principals = _given(options.principal)
        return applications.actor_policy_for(principals) if principals else ""
    try:
        text = Path(options.policy).read_text("utf-8")
    except OSError as error:
        raise UsageError(f"cannot read {options.policy}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{options.policy} is not text") from None
    actor_policy.parse(text)
    return json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
