"""The authorization code grant with PKCE (RFC 6749 4.1.3, RFC 7636 4.6), for public clients and for applications."""

import msgspec

from postern.api.errors import InvalidGrantException, InvalidRequestException
from postern.core import pkce, tokens
from postern.core.clients import AUTHORIZATION_CODE, Client
from postern.core.directory.records import ApplicationStanding
from postern.core.grants.base import (
    Grant,
    Step,
    TokenRequest,
    family_terms,
    new_family,
    refusal_to_issue,
    replay,
    scope_refusal,
)
from postern.core.records import AuthorizationCode, TokenFamily, User
from postern.core.service import Service
from postern.core.store import RedeemAuthorizationCode

MAX_FAILED_VERIFIERS = 3
_DESCRIPTION = "Invalid authorization code provided"


def _refusal(reason: str) -> InvalidGrantException:
    return InvalidGrantException(_DESCRIPTION, reason=reason)


async def redeem(service: Service, client: Client, request: TokenRequest) -> TokenFamily:
    """Turn an authorization code into a token family."""
    claims = tokens.open_value(service.ring, tokens.Kind.AUTHORIZATION_CODE, request.code or "")
    if claims is None:
        raise _refusal("authorization code was not issued by this server")
    if request.code_verifier is None and client.requires_pkce:
        raise InvalidRequestException("codeVerifier is required", reason="code verifier is missing (RFC 7636 4.5)")
    if request.code_verifier is not None and not pkce.is_verifier(request.code_verifier):
        raise InvalidRequestException(
            "codeVerifier is malformed", reason="code verifier outside the grammar of RFC 7636 4.1"
        )
    return await service.store.redeem_authorization_code(
        RedeemAuthorizationCode(
            code_id=claims.row_id,
            client_digest=client.digest,
            redirect_uri=request.redirect_uri or "",
            code_verifier=request.code_verifier or "",
            application_arn=client.application_arn,
            requested_scopes=request.scope,
            replay_window=service.policy.lifetimes.replay_window,
            family=family_terms(service, client, AUTHORIZATION_CODE),
            now=service.now(),
        )
    )


def decide(
    command: RedeemAuthorizationCode,
    code: AuthorizationCode | None,
    user: User | None,
    family: TokenFamily | None,
    standing: ApplicationStanding | None,
) -> Step:
    """What a redemption does, given the rows as they are inside its transaction. Pure; every store calls it.

    A wrong verifier is counted, and the third burns the code: its holder is not the client that asked for it.
    """
    if code is None or code.client_digest != command.client_digest:
        return Step(answer=_refusal("authorization code is unknown or of another client"))
    if code.redirect_uri != command.redirect_uri:
        return Step(answer=_refusal("redirect URI is not the one of the authorization request"))
    if code.failed_verifiers >= MAX_FAILED_VERIFIERS:
        return Step(answer=_refusal("authorization code was burnt by wrong verifiers"))
    if reason := _verifier_fault(command.code_verifier, code.code_challenge):
        counted = msgspec.structs.replace(code, failed_verifiers=code.failed_verifiers + 1)
        return Step(answer=_refusal(reason), update=(counted,))
    denied = refusal_to_issue(user, standing, AUTHORIZATION_CODE, _DESCRIPTION)
    if code.redeemed_at is not None:
        return replay(
            family,
            denied,
            redeemed_at=code.redeemed_at,
            now=command.now,
            window=command.replay_window,
            client_digest=command.client_digest,
            requested_scopes=command.requested_scopes,
            refusal=_refusal("authorization code was redeemed before"),
        )
    if command.now >= code.expires_at:
        return Step(answer=_refusal("authorization code has expired"))
    if denied:
        return Step(answer=denied)
    if refusal := scope_refusal(command.requested_scopes, code.scopes):
        return Step(answer=refusal)
    assert user is not None
    created = new_family(
        command.family,
        user,
        command.now,
        client_digest=code.client_digest,
        client_name=code.client_name,
        scopes=code.scopes,
        issues_refresh_token=code.issues_refresh_token,
        application_arn=code.application_arn,
        authenticated_at=code.authenticated_at,
        nonce=code.nonce,
    )
    redeemed = msgspec.structs.replace(code, family_id=created.family_id, redeemed_at=command.now)
    return Step(answer=created, insert=(created,), update=(redeemed,))


def _verifier_fault(verifier: str, challenge: str) -> str | None:
    """RFC 9700 2.1.1: a verifier without a challenge is as wrong as none where there is one."""
    if not challenge:
        return "code verifier although there was no challenge" if verifier else None
    return None if verifier and pkce.verifies(verifier, challenge) else "code verifier does not fit the challenge"


GRANT: Grant[TokenRequest] = Grant(
    grant_type=AUTHORIZATION_CODE, requires=("code", "redirect_uri"), redeem=redeem, refusal=_DESCRIPTION
)
