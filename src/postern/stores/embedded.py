"""The store verbs for stores that live in this process (memory, SQLite): load rows, ask the pure rule what happens,
write what it says.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar

import msgspec

from postern.api.errors import ModelledError
from postern.core import attempts, decide_device
from postern.core.grants import authorization_code, device_code, refresh_token
from postern.core.grants.base import Step, revoked
from postern.core.records import (
    Attempts,
    AuthorizationCode,
    BrowserSession,
    DeviceAuthorization,
    DevicePoll,
    Instance,
    Record,
    RevokedClient,
    RingKeyRecord,
    TokenFamily,
    User,
    UserStatus,
)
from postern.core.store import (
    REDEEMED_CODE_STAY,
    DecideDeviceAuthorization,
    NotFound,
    RedeemAuthorizationCode,
    RedeemDeviceAuthorization,
    RotateRefreshToken,
)
from postern.stores.rows import Rows

T = TypeVar("T")
# How long an expired row stays, in seconds.
_EXPIRING: dict[type[Record], int] = {
    DeviceAuthorization: 0,
    AuthorizationCode: REDEEMED_CODE_STAY,
    TokenFamily: 0,
    BrowserSession: 0,
    RevokedClient: 0,
    Attempts: 0,
}


class EmbeddedStore(ABC):
    """All verbs of `postern.core.store.Store`; a subclass brings `_read` and `_write`."""

    @abstractmethod
    def _read(self, work: Callable[[Rows], T]) -> T:
        """Run ``work`` on committed rows."""

    @abstractmethod
    async def _write(self, work: Callable[[Rows], T]) -> T:
        """Run ``work`` in a transaction and return when it is durable. ``work`` raises only before its first write."""

    async def ensure_instance(self, instance: Instance) -> Instance:
        def step(rows: Rows) -> Instance:
            if existing := rows.all(Instance):
                return existing[0]
            rows.insert(instance)
            return instance

        return await self._write(step)

    async def find_instance(self) -> Instance | None:
        return next(iter(self._read(lambda rows: rows.all(Instance))), None)

    async def ensure_ring_key(self, key: RingKeyRecord, unless_newer_than: int) -> None:
        def step(rows: Rows) -> None:
            if all(other.activates_at <= unless_newer_than for other in rows.all(RingKeyRecord)):
                rows.insert(key)

        await self._write(step)

    async def list_ring_keys(self) -> list[RingKeyRecord]:
        return self._read(lambda rows: rows.all(RingKeyRecord))

    async def remove_ring_keys(self, key_ids: list[int]) -> None:
        def step(rows: Rows) -> None:
            for key_id in key_ids:
                rows.delete(RingKeyRecord, key_id)

        await self._write(step)

    async def create_user(self, user: User) -> None:
        await self._write(lambda rows: rows.insert(user))

    async def find_user(self, user_id: str) -> User | None:
        return self._read(lambda rows: rows.find(User, user_id))

    async def find_user_by_name(self, canonical_name: str) -> User | None:
        return self._read(lambda rows: rows.user_by_name(canonical_name))

    async def list_users(self) -> list[User]:
        return sorted(self._read(lambda rows: rows.all(User)), key=lambda user: user.canonical_name)

    async def set_user_status(self, user_id: str, status: UserStatus, now: int) -> None:
        def step(rows: Rows) -> None:
            user = _require_user(rows, user_id)
            rows.update(msgspec.structs.replace(user, status=status))
            if status is UserStatus.DISABLED:
                _end_everything_of(rows, user_id, "the person was disabled", now)

        await self._write(step)

    async def set_password(self, user_id: str, password_hash: str, now: int) -> None:
        def step(rows: Rows) -> None:
            user = _require_user(rows, user_id)
            rows.update(msgspec.structs.replace(user, password_hash=password_hash))
            _end_everything_of(rows, user_id, "the password was changed", now)

        await self._write(step)

    async def revoke_client(self, revocation: RevokedClient) -> None:
        def step(rows: Rows) -> None:
            rows.put(revocation)
            rows.revoke_families_of_client(revocation.client_digest, "the client was revoked", revocation.revoked_at)

        await self._write(step)

    async def list_revoked_clients(self, now: int) -> list[RevokedClient]:
        return [client for client in self._read(lambda rows: rows.all(RevokedClient)) if client.expires_at > now]

    async def create_device_authorization(self, authorization: DeviceAuthorization) -> None:
        await self._write(lambda rows: rows.insert(authorization))

    async def find_device_authorization(self, authorization_id: int) -> DeviceAuthorization | None:
        return self._read(lambda rows: rows.find(DeviceAuthorization, authorization_id))

    async def find_device_poll(self, authorization_id: int) -> DevicePoll | None:
        return self._read(lambda rows: rows.device_poll(authorization_id))

    async def find_device_authorization_by_user_code(self, user_code_digest: bytes) -> DeviceAuthorization | None:
        return self._read(lambda rows: rows.device_authorization_by_user_code(user_code_digest))

    async def decide_device_authorization(self, command: DecideDeviceAuthorization) -> DeviceAuthorization:
        def step(rows: Rows) -> DeviceAuthorization:
            current = rows.find(DeviceAuthorization, command.authorization_id)
            decided = decide_device.decide(command, current, rows.find(User, command.user_id))
            if decided is not current:
                rows.update(decided)
            return decided

        return await self._write(step)

    async def redeem_device_authorization(self, command: RedeemDeviceAuthorization) -> TokenFamily:
        def step(rows: Rows) -> Step:
            authorization = rows.find(DeviceAuthorization, command.authorization_id)
            return device_code.decide(command, authorization, *_person_and_family(rows, authorization))

        return await self._redeem(step)

    async def create_authorization_code(self, code: AuthorizationCode) -> None:
        await self._write(lambda rows: rows.insert(code))

    async def redeem_authorization_code(self, command: RedeemAuthorizationCode) -> TokenFamily:
        def step(rows: Rows) -> Step:
            code = rows.find(AuthorizationCode, command.code_id)
            return authorization_code.decide(command, code, *_person_and_family(rows, code))

        return await self._redeem(step)

    async def find_token_family(self, family_id: int) -> TokenFamily | None:
        return self._read(lambda rows: rows.find(TokenFamily, family_id))

    async def rotate_refresh_token(self, command: RotateRefreshToken) -> TokenFamily:
        def step(rows: Rows) -> Step:
            family = rows.find(TokenFamily, command.family_id)
            return refresh_token.decide(command, family, rows.find(User, family.user_id) if family else None)

        return await self._redeem(step)

    async def revoke_token_family(self, family_id: int, reason: str, now: int) -> bool:
        def step(rows: Rows) -> bool:
            family = rows.find(TokenFamily, family_id)
            if family is None or family.revoked_at is not None:
                return False
            rows.update(revoked(family, reason, now))
            return family.is_live(now)

        return await self._write(step)

    async def list_token_families(self, user_id: str, now: int) -> list[TokenFamily]:
        return self._read(lambda rows: rows.live_families_of(user_id, now))

    async def create_browser_session(self, session: BrowserSession, replaces: bytes | None) -> None:
        def step(rows: Rows) -> None:
            rows.insert(session)
            if replaces is not None:
                rows.delete(BrowserSession, replaces)

        await self._write(step)

    async def find_browser_session(self, session_digest: bytes) -> BrowserSession | None:
        return self._read(lambda rows: rows.find(BrowserSession, session_digest))

    async def end_browser_session(self, session_digest: bytes) -> None:
        await self._write(lambda rows: rows.delete(BrowserSession, session_digest))

    async def reserve_attempt(self, counter_digest: bytes, schedule: attempts.Schedule, now: int) -> int:
        def step(rows: Rows) -> int:
            counted, wait = attempts.reserve(counter_digest, rows.find(Attempts, counter_digest), schedule, now)
            if counted is not None:
                rows.put(counted)
            return wait

        return await self._write(step)

    async def find_attempts(self, counter_digest: bytes) -> Attempts | None:
        return self._read(lambda rows: rows.find(Attempts, counter_digest))

    async def return_attempt(self, counter_digest: bytes, *, forget: bool) -> None:
        def step(rows: Rows) -> None:
            current = rows.find(Attempts, counter_digest)
            if current is None:
                return
            if forget or current.failures <= 1:
                rows.delete(Attempts, counter_digest)
            else:
                rows.put(msgspec.structs.replace(current, failures=current.failures - 1, blocked_until=0))

        await self._write(step)

    async def sweep(self, now: int, limit: int) -> int:
        def step(rows: Rows) -> int:
            return sum(rows.delete_expired(kind, now - stay, limit) for kind, stay in _EXPIRING.items())

        return await self._write(step)

    async def _redeem(self, decide: Callable[[Rows], Step]) -> TokenFamily:
        """Carry out a step: its effects are written whether it answers with a family or with a refusal."""

        def step(rows: Rows) -> TokenFamily | ModelledError:
            decided = decide(rows)
            if decided.insert is not None:
                rows.insert(decided.insert)
            for record in decided.update:
                rows.update(record)
            return decided.answer

        answer = await self._write(step)
        if isinstance(answer, ModelledError):
            raise answer
        return answer


def _require_user(rows: Rows, user_id: str) -> User:
    user = rows.find(User, user_id)
    if user is None:
        raise NotFound(f"there is no user {user_id}")
    return user


def _end_everything_of(rows: Rows, user_id: str, reason: str, now: int) -> None:
    rows.revoke_families_of(user_id, reason, now)
    rows.withdraw_approvals_of(user_id)
    rows.end_browser_sessions_of(user_id)


def _person_and_family(
    rows: Rows, approved: DeviceAuthorization | AuthorizationCode | None
) -> tuple[User | None, TokenFamily | None]:
    if approved is None or approved.user_id is None:
        return None, None
    family = rows.find(TokenFamily, approved.family_id) if approved.family_id is not None else None
    return rows.find(User, approved.user_id), family
