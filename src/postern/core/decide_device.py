"""The pure decision behind `Store.decide_device_authorization`: the first decision on a device authorization stands."""

import msgspec

from postern.api.errors import AccessDeniedException, ExpiredTokenException
from postern.core.records import BrowserSession, DeviceAuthorization, DeviceStatus, User
from postern.core.store import DecideDeviceAuthorization


def decide(
    command: DecideDeviceAuthorization,
    authorization: DeviceAuthorization | None,
    user: User | None,
    session: BrowserSession | None = None,
) -> DeviceAuthorization:
    """The authorization after the decision; unchanged if it was decided before.

    Raises:
        ExpiredTokenException: it has expired undecided, or is not there.
        AccessDeniedException: the person is disabled, or of another instance, or their browser session has ended.
    """
    if authorization is None:
        raise ExpiredTokenException(reason="device authorization is gone")
    if authorization.status is not DeviceStatus.PENDING:
        return authorization
    if command.now >= authorization.expires_at:
        raise ExpiredTokenException(reason="device authorization has expired")
    if user is None or not user.enabled:
        raise AccessDeniedException(reason="the person is disabled or gone")
    if command.session_digest and (session is None or session.user_id != user.user_id):
        raise AccessDeniedException(reason="the browser session has ended")
    if user.instance_id != authorization.instance_id:
        raise AccessDeniedException(reason="the person is of another instance")
    return msgspec.structs.replace(
        authorization,
        status=DeviceStatus.APPROVED if command.approve else DeviceStatus.DENIED,
        user_id=command.user_id,
        decided_at=command.now,
        approver_address=command.approver_address,
    )
