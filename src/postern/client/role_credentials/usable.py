"""Role credentials that are good for as long as is asked for: those that are kept, or new ones, which one of all
processes fetches while the others wait and take what it got.
"""

from collections.abc import Callable

from postern.api.errors import ForbiddenException, TooManyRequestsException, UnauthorizedException
from postern.api.portal import GET_ROLE_CREDENTIALS, GetRoleCredentialsRequest, GetRoleCredentialsResponse
from postern.client.effects import Call, Flow
from postern.client.errors import (
    CredentialsError,
    ServiceError,
    SignInRequired,
    TransportError,
    UnreadableResponse,
)
from postern.client.role_credentials.demand import RoleDemand
from postern.client.role_credentials.sealed_files import RoleCredentialFiles, RoleCredentials, RoleKey
from postern.client.token_cache.entries import CachedToken
from postern.client.token_cache.port import TokenCache, TokenCacheError
from postern.client.token_lock import acquired
from postern.client.token_refresh import Caller, login_command, usable_token


def usable_role_credentials(
    key: RoleKey,
    tokens: TokenCache,
    kept: RoleCredentialFiles,
    oidc: Caller,
    portal: Caller,
    *,
    now: Callable[[], float],
    min_ttl: float = 0.0,
) -> Flow[RoleCredentials]:
    """Credentials with more than ``min_ttl`` seconds left, or the longest-lived that the portal gives: who depends on
    it looks at ``expires_at``.

    ``oidc`` refreshes the token where it has to be; ``portal`` is asked for the credentials. While it cannot be
    reached or is busy, those that are kept are the result for as long as they have more than ``min_ttl`` left.

    Raises:
        SignInRequired: somebody has to sign in.
        CredentialsError: the role is not theirs.
        TransportError, ServiceError, ModelledError: the service cannot be asked now, or refuses.
    """
    demand = RoleDemand(now, min_ttl)
    token: CachedToken | None = yield Call(lambda: tokens.load(key.session))
    found = kept.load(key, token.access_token) if token is not None else None
    if found is not None and demand.is_met_by(found):
        return found
    token = yield from usable_token(key.session, tokens, oidc, now=now)
    lock = kept.lock(key)
    try:
        try:
            yield from acquired(lock, now)
        except TokenCacheError:
            return (yield from fetched(key, token, portal))  # nobody to share with
        found = kept.load(key, token.access_token)
        if found is not None and demand.is_met_by(found):
            return found
        try:
            return (yield from _fetched_and_kept(key, token, kept, portal))
        except (TransportError, ServiceError, TooManyRequestsException) as error:
            return demand.fall_back_on(found, error)
    finally:
        lock.release()


def fetched(key: RoleKey, token: CachedToken, portal: Caller) -> Flow[RoleCredentials]:
    """New ones from the portal.

    Raises:
        SignInRequired, CredentialsError, TransportError, ServiceError, ModelledError: as above.
    """
    request = GetRoleCredentialsRequest(
        role_name=key.role_name, account_id=key.account_id, access_token=token.access_token
    )
    try:
        answer = yield from portal.flow(GET_ROLE_CREDENTIALS, request)
    except UnauthorizedException as error:
        raise SignInRequired(
            f"the portal does not accept the sign-in any more: run {login_command(key.session)}"
        ) from error
    except ForbiddenException as error:
        raise CredentialsError(
            f"role {key.role_name} of account {key.account_id} is not assigned to who is signed in"
        ) from error
    return credentials_in(answer)


def credentials_in(answer: GetRoleCredentialsResponse) -> RoleCredentials:
    """
    Raises:
        UnreadableResponse: there are none in it.
    """
    role = answer.role_credentials
    if role is None or not (role.access_key_id and role.secret_access_key and role.session_token and role.expiration):
        raise UnreadableResponse("GetRoleCredentials", "the portal's answer has no credentials", status=200)
    return RoleCredentials(role.access_key_id, role.secret_access_key, role.session_token, role.expiration / 1000)


def _fetched_and_kept(
    key: RoleKey, token: CachedToken, kept: RoleCredentialFiles, portal: Caller
) -> Flow[RoleCredentials]:
    credentials = yield from fetched(key, token, portal)
    try:
        yield Call(lambda: kept.store(key, token.access_token, credentials))
    except TokenCacheError as error:
        from logging import getLogger

        getLogger(__name__).warning("the role credentials could not be kept: %s", error)
    return credentials
