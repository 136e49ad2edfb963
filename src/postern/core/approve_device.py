"""A person finds a device authorization by its user code and decides on it (RFC 8628 3.3).

Only a signed-in person may look codes up, and every look-up counts as a guess until it hits.
"""

from postern.api.errors import AccessDeniedException, ExpiredTokenException
from postern.core import attempts, sign_in, user_codes
from postern.core.audit import AuditEvent, EventName
from postern.core.caller import Caller
from postern.core.records import DeviceAuthorization, DeviceStatus
from postern.core.service import Service
from postern.core.sign_in import ActiveSession, TooManyAttempts
from postern.core.store import DecideDeviceAuthorization


class UserCodeRefused(Exception):
    """No device waits for this code: mistyped, expired, or used; which of them is not told."""


class StalePage(Exception):
    """The decision does not belong to the page that this person saw."""


async def find_pending(
    service: Service, active: ActiveSession, typed: str, caller: Caller
) -> tuple[DeviceAuthorization, str]:
    """The pending authorization that a typed code names, and the code as it is shown.

    Raises:
        UserCodeRefused: there is none.
        TooManyAttempts: too many wrong codes; this one was not looked up.
    """
    limits = service.policy.limits
    by_user = sign_in.counter(service, "user code", active.user.user_id)
    by_address = sign_in.counter(service, "user code from", caller.counted_address)
    await _reserve(service, active, by_user, attempts.user_code_by_user(limits.user_code_tries), caller)
    try:
        await _reserve(
            service, active, by_address, attempts.user_code_by_address(limits.user_code_tries_per_address), caller
        )
    except TooManyAttempts:
        await service.store.return_attempt(by_user, forget=False)  # no code was looked up
        raise
    user_code = user_codes.normalise(typed)
    authorization = await _find(service, active, user_code) if user_code else None
    if user_code is None or authorization is None or not _is_pending(authorization, service.now()):
        await _count_miss(service, caller)
        raise UserCodeRefused
    # Only this guess is given back: with codes of one's own one cannot buy further guesses at those of others.
    for counter in (by_user, by_address):
        await service.store.return_attempt(counter, forget=False)
    return authorization, user_code


def approval_token(service: Service, active: ActiveSession, user_code: str) -> str:
    """Binds a decision to this browser session, this person and this code."""
    return sign_in.page_token(service, "device", active.session.session_digest, active.user.user_id, user_code)


async def decide(
    service: Service, active: ActiveSession, *, user_code: str, token: str, approve: bool, caller: Caller
) -> DeviceAuthorization:
    """Approve or deny; the first decision stands and is returned, whoever made it.

    Raises:
        StalePage: the token is not the one of the page for this code, person and browser session.
        UserCodeRefused: the authorization is gone or expired undecided, or the person was disabled.
    """
    if not sign_in.is_page_token(
        service, token, "device", active.session.session_digest, active.user.user_id, user_code
    ):
        raise StalePage
    authorization = await _find(service, active, user_code)
    if authorization is None:
        raise UserCodeRefused
    now = service.now()
    try:
        decided = await service.store.decide_device_authorization(
            DecideDeviceAuthorization(
                authorization_id=authorization.authorization_id,
                user_id=active.user.user_id,
                approve=approve,
                approver_address=caller.address,
                session_digest=active.session.session_digest,
                now=now,
            )
        )
    except (ExpiredTokenException, AccessDeniedException):
        raise UserCodeRefused from None
    service.poll_pacer.forget(decided.authorization_id)
    if (decided.user_id, decided.decided_at) != (active.user.user_id, now):
        return decided  # somebody had decided before
    service.record(
        AuditEvent(
            event_name=EventName.DEVICE_APPROVED
            if decided.status is not DeviceStatus.DENIED
            else EventName.DEVICE_DENIED,
            event_time=now,
            user_id=active.user.user_id,
            client_name=decided.client_name,
            client_digest=decided.client_digest.hex(),
            source_address=caller.address,
            requester_address=decided.requester_address,
        )
    )
    return decided


def _is_pending(authorization: DeviceAuthorization, now: int) -> bool:
    return authorization.status is DeviceStatus.PENDING and now < authorization.expires_at


async def _find(service: Service, active: ActiveSession, user_code: str) -> DeviceAuthorization | None:
    """What another instance's people are asked is not there for those of this one."""
    for digest in user_codes.candidate_digests(service.ring, user_code):
        authorization = await service.store.find_device_authorization_by_user_code(digest)
        if authorization is not None and authorization.instance_id == active.user.instance_id:
            return authorization
    return None


async def _count_miss(service: Service, caller: Caller) -> None:
    """All misses together block nobody, or a stranger could block everybody; but they raise an alarm."""
    everywhere = sign_in.counter(service, "user code misses")
    await service.store.reserve_attempt(everywhere, attempts.user_code_everywhere(), service.now())
    counted = await service.store.find_attempts(everywhere)
    if counted is None or counted.failures % service.policy.limits.user_code_alarm:
        return
    service.record(
        AuditEvent(
            event_name=EventName.USER_CODE_ALARM,
            event_time=service.now(),
            outcome="Failure",
            source_address=caller.address,
            reason=f"{counted.failures} wrong user codes within ten minutes of each other",
        )
    )


async def _reserve(
    service: Service, active: ActiveSession, counter: bytes, schedule: attempts.Schedule, caller: Caller
) -> None:
    wait = await service.store.reserve_attempt(counter, schedule, service.now())
    if not wait:
        return
    service.record(
        AuditEvent(
            event_name=EventName.USER_CODE_THROTTLED,
            event_time=service.now(),
            outcome="Failure",
            user_id=active.user.user_id,
            source_address=caller.address,
        )
    )
    raise TooManyAttempts(wait)
