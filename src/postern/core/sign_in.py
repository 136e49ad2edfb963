"""Signing in at the pages: password check with soft locks, browser sessions, and the tokens that bind a form to its
page and its person.
"""

import hmac
import math
import secrets
from hashlib import sha256

import msgspec

from postern.core import attempts, base64url, passwords
from postern.core.audit import AuditEvent, EventName
from postern.core.caller import Caller
from postern.core.keys import Purpose
from postern.core.records import BrowserSession, Instance, User
from postern.core.service import Service
from postern.core.users import canonical_name

_KNOWN_SOURCE_FACTOR = 10
_KNOWN_SOURCE_LIFETIME = 30 * attempts.DAY
_KNOWN_SOURCE = attempts.Schedule((), 0, _KNOWN_SOURCE_LIFETIME)


class SignInRefused(Exception):
    """Wrong name or password: one text for both."""


class TooManyAttempts(Exception):
    """Wait ``retry_after`` seconds before the next guess."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"wait {retry_after} seconds")
        self.retry_after = retry_after


class ActiveSession(msgspec.Struct, frozen=True):
    """A signed-in browser: the session, and the person as of now."""

    session: BrowserSession
    user: User


def new_secret() -> str:
    """A session's secret for the cookie: 256 bits."""
    return secrets.token_urlsafe(32)


def secret_digest(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()


async def sign_in(
    service: Service,
    *,
    user_name: str,
    password: str,
    caller: Caller,
    replaces: str | None,
    instance: Instance | None = None,
) -> str:
    """Check a password and begin a browser session. Without an ``instance`` it is the primary one.

    Returns:
        The secret of the new session. The session that the browser had before is over.

    Raises:
        SignInRefused: no such person, wrong password, or disabled.
        TooManyAttempts: a soft lock, or too many sign-ins at once; the password was not looked at.
    """
    user = await prove_password(service, instance or service.instance, user_name, password, caller)
    secret = await begin_session(service, user, replaces)
    service.record(_event(service, caller, user, "Success"))
    return secret


async def prove_password(service: Service, instance: Instance, user_name: str, password: str, caller: Caller) -> User:
    """The person whose password it is. A wrong one is counted and recorded.

    Raises:
        SignInRefused, TooManyAttempts: as for `sign_in`.
    """
    name = canonical_name(user_name[:1024])
    _pace(service, caller)
    counters = _Counters(service, instance, name, caller)
    await counters.reserve()
    user = await service.store.find_user_by_name(instance.instance_id, name)
    password_hash = (user.password_hash or None) if user else None
    try:
        right = await service.passwords.verify(password_hash, passwords.normalise(password))
    except passwords.HasherBusy:
        await counters.give_back()
        _record_throttled(service, caller)
        raise TooManyAttempts(1) from None
    if user is None or not right or not user.enabled:
        service.record(_event(service, caller, user, "Failure"))
        raise SignInRefused
    await counters.forget()
    return user


async def find_session(service: Service, secret: str | None) -> ActiveSession | None:
    """Who is signed in with this cookie; ``None`` for an unknown or expired one and for a person who was disabled
    since.
    """
    if not secret:
        return None
    session = await service.store.find_browser_session(secret_digest(secret))
    if session is None or service.now() >= session.expires_at:
        return None
    user = await service.store.find_user(session.user_id)
    return ActiveSession(session, user) if user is not None and user.enabled else None


async def sign_out(service: Service, active: ActiveSession, caller: Caller) -> None:
    """End the browser session. Sign-ins of tools go on until they end or are ended by themselves."""
    await service.store.end_browser_session(active.session.session_digest)
    service.record(
        AuditEvent(
            event_name=EventName.SIGN_OUT,
            event_time=service.now(),
            user_id=active.user.user_id,
            source_address=caller.address,
        )
    )


def page_token(service: Service, *binding: bytes | str) -> str:
    """A token that proves a form came from a page made for this ``binding``: session, person, code, …"""
    key = service.ring.active
    mac = key.mac(Purpose.PAGE, _join(binding))
    return f"{key.key_id:08x}.{base64url.encode(mac)}"


def is_page_token(service: Service, token: str, *binding: bytes | str) -> bool:
    key_id = token.partition(".")[0]
    try:
        key = service.ring.get(int(key_id, 16))
    except ValueError:
        return False
    if key is None or not token.isascii():
        return False
    expected = base64url.encode(key.mac(Purpose.PAGE, _join(binding)))
    return hmac.compare_digest(f"{key.key_id:08x}.{expected}", token)


def _join(binding: tuple[bytes | str, ...]) -> bytes:
    """Unambiguous: each part is led by its length."""
    parts = [part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part for part in binding]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


async def begin_session(service: Service, user: User, replaces: str | None) -> str:
    """The secret of a new session of a person who has just proved who they are.

    Raises:
        SignInRefused: the person has been disabled since, or has another password.
    """
    secret = new_secret()
    now = service.now()
    session = BrowserSession(
        session_digest=secret_digest(secret),
        user_id=user.user_id,
        created_at=now,
        expires_at=now + service.policy.lifetimes.browser_session,
    )
    await service.store.create_browser_session(session, secret_digest(replaces) if replaces else None)
    # A new password or a disabling that came while the old password was being checked has ended no session of now.
    current = await service.store.find_user(user.user_id)
    if current is None or not current.enabled or current.password_hash != user.password_hash:
        await service.store.end_browser_session(session.session_digest)
        raise SignInRefused
    return secret


def _pace(service: Service, caller: Caller) -> None:
    """Before anything is counted: names made up by one address shall neither fill the store nor keep others waiting."""
    pacer = service.sign_in_pacer
    if pacer is None or pacer.take(caller.counted_address, service.clock()):
        return
    _record_throttled(service, caller)
    raise TooManyAttempts(math.ceil(60 / service.policy.limits.sign_in_per_minute))


def _record_throttled(service: Service, caller: Caller) -> None:
    service.record(
        AuditEvent(
            event_name=EventName.PASSWORD_THROTTLED,
            event_time=service.now(),
            outcome="Failure",
            source_address=caller.address,
        )
    )


class _Counters:
    """The counters of one guess: person from this address (soft), and person from everywhere (a cap for the day).

    Addresses from which the person signed in lately have a cap of their own, ten times as high: guessing from
    elsewhere cannot shut them out.
    """

    def __init__(self, service: Service, instance: Instance, name: str, caller: Caller) -> None:
        self._service = service
        self._caller = caller
        address = caller.counted_address
        # The primary instance's counters are called as they were when there was no other.
        name = name if instance.is_primary else f"{name} of {instance.instance_id}"
        self._by_source = counter(service, "password", name, address)
        self._by_user = counter(service, "password", name)
        self._by_user_known = counter(service, "password from known sources", name)
        self._known = counter(service, "known source", name, address)
        self._counted_by_user: bytes | None = None

    async def reserve(self) -> None:
        store, now = self._service.store, self._service.now()
        wait = await store.reserve_attempt(self._by_source, attempts.password_by_source(), now)
        if not wait:
            by_user, cap = self._by_user, self._service.policy.limits.sign_in_failures_per_day
            if await self._is_known(now):
                by_user, cap = self._by_user_known, _KNOWN_SOURCE_FACTOR * cap
            wait = await store.reserve_attempt(by_user, attempts.password_by_user(cap), now)
            self._counted_by_user = None if wait else by_user
        if wait:
            _record_throttled(self._service, self._caller)
            raise TooManyAttempts(wait)

    async def forget(self) -> None:
        """The password was right."""
        store = self._service.store
        await self.give_back(forget_source=True)
        await store.reserve_attempt(self._known, _KNOWN_SOURCE, self._service.now())

    async def give_back(self, *, forget_source: bool = False) -> None:
        store = self._service.store
        await store.return_attempt(self._by_source, forget=forget_source)
        if self._counted_by_user:
            await store.return_attempt(self._counted_by_user, forget=False)

    async def _is_known(self, now: int) -> bool:
        known = await self._service.store.find_attempts(self._known)
        return known is not None and known.expires_at > now


def counter(service: Service, *what: str) -> bytes:
    """The name of a counter, keyed by the oldest key of the ring: a rotation resets no counter, the end of
    that key does, months later.
    """
    oldest = min(service.ring.keys.values(), key=lambda key: (key.activates_at, key.key_id))
    return oldest.mac(Purpose.ATTEMPTS, _join(what))


def _event(service: Service, caller: Caller, user: User | None, outcome: str) -> AuditEvent:
    return AuditEvent(
        event_name=EventName.USER_AUTHENTICATION,
        event_time=service.now(),
        outcome=outcome,
        user_id=user.user_id if user else None,
        source_address=caller.address,
    )
