"""The device code grant (RFC 8628 3.4, 3.5)."""

import msgspec

from postern.api.errors import (
    AccessDeniedException,
    AuthorizationPendingException,
    ExpiredTokenException,
    InvalidGrantException,
    SlowDownException,
    UnauthorizedClientException,
)
from postern.api.sso_oidc import CreateTokenRequest
from postern.core.clients import DEVICE_CODE, Client
from postern.core.grants.base import Grant, Step, family_terms, new_family, refusal_to_issue, replay, scope_refusal
from postern.core.records import DeviceAuthorization, DevicePoll, DeviceStatus, TokenFamily, User
from postern.core.service import Service
from postern.core.store import RedeemDeviceAuthorization

_DESCRIPTION = "Invalid device code provided"


def _refusal(reason: str) -> InvalidGrantException:
    return InvalidGrantException(_DESCRIPTION, reason=reason)


def _expired(reason: str) -> ExpiredTokenException:
    return ExpiredTokenException("Expired device code provided", reason=reason)


def _denied() -> AccessDeniedException:
    return AccessDeniedException("Authorization was denied", reason="the person denied the device")


async def redeem(service: Service, client: Client, request: CreateTokenRequest) -> TokenFamily:
    """Turn an approved device authorization into a token family; a pending one costs one read."""
    if not service.policy.clients.device_grant:
        raise UnauthorizedClientException(reason="the device grant is switched off")
    now = service.now()
    claims = service.open_device_code(request.device_code or "")
    if claims is None:
        raise _refusal("device code was not issued by this server")
    poll = await service.store.find_device_poll(claims.row_id)
    if poll is None:
        raise _missing(claims.expires_at, now)
    if poll.client_digest != client.digest:
        raise _refusal("device code belongs to another client")
    if poll.status is DeviceStatus.DENIED:
        raise _denied()
    if poll.status is DeviceStatus.PENDING:
        raise _pending(service, poll) if now < poll.expires_at else _expired("device code has expired undecided")
    return await service.store.redeem_device_authorization(
        RedeemDeviceAuthorization(
            authorization_id=poll.authorization_id,
            client_digest=client.digest,
            requested_scopes=request.scope,
            replay_window=service.policy.lifetimes.replay_window,
            family=family_terms(service, client, DEVICE_CODE),
            now=now,
        )
    )


def _missing(expires_at: int, now: int) -> ExpiredTokenException | InvalidGrantException:
    """The end of a code stands in the code itself, so one whose row was swept is still known to have expired."""
    if now >= expires_at:
        return _expired("device code has expired and was swept")
    return _refusal("device code is unknown to the store")


def _pending(service: Service, poll: DevicePoll) -> AuthorizationPendingException | SlowDownException:
    # The time of now: of two polls at once the later may have been read first.
    if service.poll_pacer.take(poll.authorization_id, service.clock()):
        return AuthorizationPendingException(reason="nobody has decided yet")
    return SlowDownException("Polling too fast", reason="device code is polled faster than its interval")


def decide(
    command: RedeemDeviceAuthorization,
    authorization: DeviceAuthorization | None,
    user: User | None,
    family: TokenFamily | None,
) -> Step:
    """What a redemption does, given the rows as they are inside its transaction. Pure; every store calls it."""
    if authorization is None or authorization.client_digest != command.client_digest:
        return Step(answer=_refusal("device code is unknown or of another client"))
    if authorization.status is DeviceStatus.DENIED:
        return Step(answer=_denied())
    if authorization.status is DeviceStatus.REDEEMED:
        return replay(
            family,
            refusal_to_issue(user, None, DEVICE_CODE, _DESCRIPTION),
            redeemed_at=authorization.redeemed_at or 0,
            now=command.now,
            window=command.replay_window,
            client_digest=command.client_digest,
            requested_scopes=command.requested_scopes,
            refusal=_refusal("device code was redeemed before"),
        )
    if command.now >= authorization.expires_at:
        return Step(answer=_expired("device code has expired"))
    if authorization.status is DeviceStatus.PENDING:
        return Step(answer=AuthorizationPendingException(reason="nobody has decided yet"))
    if denied := refusal_to_issue(user, None, DEVICE_CODE, _DESCRIPTION):
        return Step(answer=denied)
    assert user is not None
    if refusal := scope_refusal(command.requested_scopes, authorization.scopes):
        return Step(answer=refusal)
    created = new_family(
        command.family,
        user,
        command.now,
        client_digest=authorization.client_digest,
        client_name=authorization.client_name,
        scopes=authorization.scopes,
        issues_refresh_token=authorization.issues_refresh_token,
        authenticated_at=authorization.decided_at,
    )
    redeemed = msgspec.structs.replace(
        authorization, status=DeviceStatus.REDEEMED, family_id=created.family_id, redeemed_at=command.now
    )
    return Step(answer=created, insert=(created,), update=(redeemed,))


GRANT: Grant[CreateTokenRequest] = Grant(
    grant_type=DEVICE_CODE, requires=("device_code",), redeem=redeem, refusal=_DESCRIPTION
)
