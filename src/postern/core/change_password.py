"""A person gives themselves a new password: the current one is proved first, and guessed no faster than at sign-in."""

import msgspec

from postern.core import passwords, sign_in
from postern.core.audit import AuditEvent, EventName
from postern.core.caller import Caller
from postern.core.service import Service
from postern.core.sign_in import ActiveSession, SignInRefused
from postern.core.store import ConfigurationChange, Conflict


class PasswordUnchanged(ValueError):
    """The new password is the current one."""


async def change_password(service: Service, active: ActiveSession, *, current: str, new: str, caller: Caller) -> str:
    """Every sign-in and browser session of the person ends, and a session begins for this browser alone.

    Returns:
        The secret of that session.

    Raises:
        PasswordTooWeak: the new password is too short or too long; the current one was not looked at.
        PasswordUnchanged: likewise.
        SignInRefused: the current password is wrong, or was changed at the same time.
        TooManyAttempts: the current password was guessed too often; it was not looked at.
    """
    accepted = passwords.require_acceptable(new)
    if accepted == passwords.normalise(current):
        raise PasswordUnchanged("the new password is the current one")
    instance = service.instances.by_id[active.user.instance_id]
    user = await sign_in.prove_password(service, instance, active.user.user_name, current, caller)
    changed = msgspec.structs.replace(user, password_hash=await service.passwords.hash(accepted))
    try:
        # A password that an administrator gave while this one was proved, or a disabling, must not be undone.
        await service.store.change_configuration(ConfigurationChange(replace=((user, changed),), now=service.now()))
    except Conflict:
        raise SignInRefused from None
    service.record(
        AuditEvent(
            event_name=EventName.PASSWORD_CHANGED,
            event_time=service.now(),
            user_id=user.user_id,
            source_address=caller.address,
        )
    )
    return await sign_in.begin_session(service, changed, None)
