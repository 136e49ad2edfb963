"""The authorization code grant with PKCE (RFC 6749 4.1.3, RFC 7636 4.6)."""

import msgspec

from postern.api.errors import InvalidGrantException, InvalidRequestException
from postern.api.sso_oidc import CreateTokenRequest
from postern.core import pkce, tokens
from postern.core.client_registration import AUTHORIZATION_CODE, Client
from postern.core.grants.base import Grant, Step, family_terms, may_issue, new_family, replay, scope_refusal
from postern.core.records import AuthorizationCode, TokenFamily, User
from postern.core.service import Service
from postern.core.store import RedeemAuthorizationCode

MAX_FAILED_VERIFIERS = 3
_DESCRIPTION = "Invalid authorization code provided"


def _refusal(reason: str) -> InvalidGrantException:
    return InvalidGrantException(_DESCRIPTION, reason=reason)


async def redeem(service: Service, client: Client, request: CreateTokenRequest) -> TokenFamily:
    """Turn an authorization code into a token family."""
    claims = tokens.open_value(service.ring, tokens.Kind.AUTHORIZATION_CODE, request.code or "")
    if claims is None:
        raise _refusal("authorization code was not issued by this server")
    verifier = request.code_verifier or ""
    if not pkce.is_verifier(verifier):
        raise InvalidRequestException(
            "codeVerifier is malformed", reason="code verifier outside the grammar of RFC 7636 4.1"
        )
    return await service.store.redeem_authorization_code(
        RedeemAuthorizationCode(
            code_id=claims.row_id,
            client_digest=client.digest,
            redirect_uri=request.redirect_uri or "",
            code_verifier=verifier,
            requested_scopes=request.scope,
            replay_window=service.policy.lifetimes.replay_window,
            family=family_terms(service, client, AUTHORIZATION_CODE),
            now=service.now(),
        )
    )


def decide(
    command: RedeemAuthorizationCode, code: AuthorizationCode | None, user: User | None, family: TokenFamily | None
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
    if not pkce.verifies(command.code_verifier, code.code_challenge):
        counted = msgspec.structs.replace(code, failed_verifiers=code.failed_verifiers + 1)
        return Step(answer=_refusal("code verifier does not fit the challenge"), update=(counted,))
    if code.redeemed_at is not None:
        return replay(
            family,
            user,
            redeemed_at=code.redeemed_at,
            now=command.now,
            window=command.replay_window,
            client_digest=command.client_digest,
            requested_scopes=command.requested_scopes,
            refusal=_refusal("authorization code was redeemed before"),
        )
    if command.now >= code.expires_at:
        return Step(answer=_refusal("authorization code has expired"))
    if user is None or not may_issue(user):
        return Step(answer=_refusal("the person is disabled or gone"))
    if refusal := scope_refusal(command.requested_scopes, code.scopes):
        return Step(answer=refusal)
    created = new_family(command.family, code, user, command.now)
    redeemed = msgspec.structs.replace(code, family_id=created.family_id, redeemed_at=command.now)
    return Step(answer=created, insert=created, update=(redeemed,))


GRANT = Grant(
    grant_type=AUTHORIZATION_CODE,
    requires=("code", "redirect_uri", "code_verifier"),
    redeem=redeem,
    refusal=_DESCRIPTION,
)
