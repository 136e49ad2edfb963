"""The store verbs on top of `Rows`, written once for all stores: load rows, ask the rule what happens, write that."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import msgspec

from postern.api.errors import ModelledError
from postern.core import attempts, decide_device
from postern.core.directory.records import (
    AccessKey,
    Account,
    Application,
    ApplicationStanding,
    AssignedRole,
    Group,
    PermissionSet,
    TrustedTokenIssuer,
    UsedAssertion,
)
from postern.core.grants import authorization_code, device_code, jwt_bearer, refresh_token, token_exchange
from postern.core.grants.base import Step, revoked
from postern.core.records import (
    Attempts,
    AuthorizationCode,
    BrowserSession,
    DeviceAuthorization,
    DevicePoll,
    Epoch,
    Instance,
    Record,
    RevokedClient,
    RingKeyRecord,
    RsaKeyRecord,
    TokenFamily,
    User,
    UserStatus,
    is_live_lineage,
)
from postern.core.store import (
    REDEEMED_CODE_STAY,
    AcceptAssertion,
    ConfigurationChange,
    DecideDeviceAuthorization,
    ExchangeToken,
    NotFound,
    RedeemAuthorizationCode,
    RedeemDeviceAuthorization,
    RotateRefreshToken,
)
from postern.stores.account_access import (
    all_assigned_roles,
    assigned_accounts,
    assigned_role,
    assigned_roles,
    groups_of,
)
from postern.stores.directory import change_configuration, end_everything_of, find_standing, users_by_attribute
from postern.stores.epochs import begin_epoch, enter_service, latest_epoch
from postern.stores.rows import Rows

T = TypeVar("T")
R = TypeVar("R", bound=Record)
Find = Callable[[type[TokenFamily], object], TokenFamily | None]
SWEEP_SLICE = 25  # rows of a kind that are looked at in one transaction
# How long an expired row stays, in seconds.
EXPIRING: dict[type[Record], int] = {
    DeviceAuthorization: 0,
    AuthorizationCode: REDEEMED_CODE_STAY,
    TokenFamily: 0,
    BrowserSession: 0,
    RevokedClient: 0,
    Attempts: 0,
    UsedAssertion: 0,
}


class RowStore(ABC):
    """All verbs of `postern.core.store.Store`; a subclass brings `_read` and `_write`."""

    @abstractmethod
    async def _read(self, work: Callable[[Rows], T]) -> T:
        """Run ``work`` on committed rows."""

    @abstractmethod
    async def _write(self, work: Callable[[Rows], T]) -> T:
        """Run ``work`` in a transaction and return when it is durable. ``work`` raises only before its first write."""

    async def _write_whole(self, work: Callable[[Rows], T]) -> T:
        """The same for ``work`` that may raise at any time, a store error: then nothing of it stays. Of such works one
        runs at a time, so what it looked at has not changed when it writes.
        """
        return await self._write(work)

    async def _write_decision(self, work: Callable[[Rows], T]) -> T:
        """The same for ``work`` that redeems, rotates or issues."""
        return await self._write(work)

    async def ensure_instance(self, instance: Instance) -> Instance:
        def step(rows: Rows) -> Instance:
            existing = _primary(rows)
            if existing is None:
                rows.insert(instance)
            return existing or instance

        return await self._write_whole(step)

    async def find_instance(self) -> Instance | None:
        return await self._read(_primary)

    async def list_instances(self) -> list[Instance]:
        found = await self._read(lambda rows: rows.all(Instance))
        return sorted(found, key=lambda instance: (not instance.is_primary, instance.name))

    async def ensure_ring_key(self, key: RingKeyRecord, unless_newer_than: int) -> None:
        def step(rows: Rows) -> None:
            if all(other.activates_at <= unless_newer_than for other in rows.all(RingKeyRecord)):
                rows.insert(key)

        await self._write_whole(step)

    async def list_ring_keys(self) -> list[RingKeyRecord]:
        return await self._read(lambda rows: rows.all(RingKeyRecord))

    async def remove_ring_keys(self, key_ids: list[int]) -> None:
        def step(rows: Rows) -> None:
            for key_id in key_ids:
                rows.delete(RingKeyRecord, key_id)
                rows.delete(RsaKeyRecord, key_id)

        await self._write(step)

    async def ensure_rsa_key(self, key: RsaKeyRecord) -> None:
        def step(rows: Rows) -> None:
            if rows.find(RsaKeyRecord, key.key_id) is None:
                rows.insert(key)

        await self._write_whole(step)

    async def list_rsa_keys(self) -> list[RsaKeyRecord]:
        return await self._read(lambda rows: rows.all(RsaKeyRecord))

    async def create_user(self, user: User) -> None:
        await self._write(lambda rows: rows.insert(user))

    async def find_user(self, user_id: str) -> User | None:
        return await self._read(lambda rows: rows.find(User, user_id))

    async def find_user_by_name(self, instance_id: str, canonical_name: str) -> User | None:
        return await self._read(lambda rows: rows.user_by_name(instance_id, canonical_name))

    async def find_users_by_attribute(self, instance_id: str, path: str, value: str) -> list[User]:
        return await self._read(lambda rows: users_by_attribute(rows, instance_id, path, value))

    async def list_users(self) -> list[User]:
        return sorted(await self._read(lambda rows: rows.all(User)), key=lambda user: user.canonical_name)

    async def set_user_status(self, user_id: str, status: UserStatus, now: int) -> None:
        def step(rows: Rows) -> None:
            user = _require_user(rows, user_id)
            rows.update(msgspec.structs.replace(user, status=status))
            if status is UserStatus.DISABLED:
                end_everything_of(rows, user_id, "the person was disabled", now)

        await self._write(step)

    async def set_password(self, user_id: str, password_hash: str, now: int) -> None:
        def step(rows: Rows) -> None:
            user = _require_user(rows, user_id)
            rows.update(msgspec.structs.replace(user, password_hash=password_hash))
            end_everything_of(rows, user_id, "the password was changed", now)

        await self._write(step)

    async def list_configuration(self, kind: type[R]) -> list[R]:
        return await self._read(lambda rows: rows.all(kind))

    async def change_configuration(self, change: ConfigurationChange) -> None:
        await self._write_whole(lambda rows: change_configuration(rows, change))

    async def list_assigned_accounts(self, user_id: str, after: str, limit: int) -> list[Account]:
        return await self._read(lambda rows: assigned_accounts(rows, user_id, after, limit))

    async def list_assigned_roles(self, user_id: str, account_id: str) -> list[PermissionSet]:
        return await self._read(lambda rows: assigned_roles(rows, user_id, account_id))

    async def list_all_assigned_roles(self, user_id: str) -> list[AssignedRole]:
        return await self._read(lambda rows: all_assigned_roles(rows, user_id))

    async def list_groups_of(self, user_id: str) -> list[Group]:
        return await self._read(lambda rows: groups_of(rows, user_id))

    async def find_assigned_role(self, user_id: str, account_id: str, role_name: str) -> AssignedRole | None:
        return await self._read(lambda rows: assigned_role(rows, user_id, account_id, role_name))

    async def find_access_key(self, access_key_id: str) -> AccessKey | None:
        return await self._read(lambda rows: rows.find(AccessKey, access_key_id))

    async def find_application(self, application_arn: str) -> Application | None:
        return await self._read(lambda rows: rows.find(Application, application_arn))

    async def find_trusted_token_issuer(self, trusted_token_issuer_arn: str) -> TrustedTokenIssuer | None:
        return await self._read(lambda rows: rows.find(TrustedTokenIssuer, trusted_token_issuer_arn))

    async def find_standing(self, application_arn: str, user_id: str) -> ApplicationStanding:
        return await self._read(lambda rows: find_standing(rows, application_arn, user_id))

    async def revoke_client(self, revocation: RevokedClient) -> None:
        def step(rows: Rows) -> None:
            rows.put(revocation)
            rows.revoke_families_of_client(revocation.client_digest, "the client was revoked", revocation.revoked_at)

        await self._write(step)

    async def list_revoked_clients(self, now: int) -> list[RevokedClient]:
        return [client for client in await self._read(lambda rows: rows.all(RevokedClient)) if client.expires_at > now]

    async def create_device_authorization(self, authorization: DeviceAuthorization) -> None:
        await self._write(lambda rows: rows.insert(authorization))

    async def find_device_authorization(self, authorization_id: int) -> DeviceAuthorization | None:
        return await self._read(lambda rows: rows.find(DeviceAuthorization, authorization_id))

    async def find_device_poll(self, authorization_id: int) -> DevicePoll | None:
        return await self._read(lambda rows: rows.device_poll(authorization_id))

    async def find_device_authorization_by_user_code(self, user_code_digest: bytes) -> DeviceAuthorization | None:
        return await self._read(lambda rows: rows.device_authorization_by_user_code(user_code_digest))

    async def decide_device_authorization(self, command: DecideDeviceAuthorization) -> DeviceAuthorization:
        def step(rows: Rows) -> DeviceAuthorization:
            user = rows.find_for_share(User, command.user_id)
            session = rows.find(BrowserSession, command.session_digest) if command.session_digest else None
            current = rows.find_for_update(DeviceAuthorization, command.authorization_id)
            decided = decide_device.decide(command, current, user, session)
            if decided is not current:
                rows.update(decided)
            return decided

        return await self._write(step)

    async def redeem_device_authorization(self, command: RedeemDeviceAuthorization) -> TokenFamily:
        def step(rows: Rows) -> Step:
            authorization = rows.find_for_update(DeviceAuthorization, command.authorization_id)
            return device_code.decide(command, authorization, *_person_and_family(rows, authorization))

        return await self._redeem(step)

    async def create_authorization_code(self, code: AuthorizationCode, session_digest: bytes = b"") -> None:
        def step(rows: Rows) -> None:
            rows.find_for_share(User, code.user_id)  # their sessions end with them held
            if session_digest and rows.find(BrowserSession, session_digest) is None:
                raise NotFound("the browser session has ended")
            rows.insert(code)

        await self._write(step)

    async def redeem_authorization_code(self, command: RedeemAuthorizationCode) -> TokenFamily:
        def step(rows: Rows) -> Step:
            code = rows.find_for_update(AuthorizationCode, command.code_id)
            standing = _standing_of(rows, command.application_arn, code.user_id if code else None)
            return authorization_code.decide(command, code, *_person_and_family(rows, code), standing)

        return await self._redeem(step)

    async def find_token_family(self, family_id: int) -> TokenFamily | None:
        return await self._read(lambda rows: rows.find(TokenFamily, family_id))

    async def rotate_refresh_token(self, command: RotateRefreshToken) -> TokenFamily:
        def step(rows: Rows) -> Step:
            lineage = _lineage(rows, command.family_id, first=rows.find_for_update)
            if not lineage:
                return refresh_token.decide(command, None, None, None)
            family = lineage[0]
            standing = _standing_of(rows, command.application_arn, family.user_id)
            return refresh_token.decide(command, family, rows.find(User, family.user_id), standing, tuple(lineage[1:]))

        return await self._redeem(step)

    async def accept_assertion(self, command: AcceptAssertion) -> TokenFamily:
        def step(rows: Rows) -> Step:
            return jwt_bearer.decide(
                command,
                rows.find(UsedAssertion, command.assertion_digest),
                rows.find(TrustedTokenIssuer, command.trusted_token_issuer_arn),
                rows.find_for_share(User, command.user_id),
                find_standing(rows, command.application_arn, command.user_id),
            )

        return await self._redeem(step)

    async def exchange_token(self, command: ExchangeToken) -> TokenFamily:
        def step(rows: Rows) -> Step:
            lineage = _lineage(rows, command.subject_family_id)
            if not lineage:
                return token_exchange.decide(command, (), None, None, None)
            subject = lineage[0]
            return token_exchange.decide(
                command,
                tuple(lineage),
                rows.find(User, subject.user_id),
                find_standing(rows, command.application_arn, subject.user_id),
                _standing_of(rows, subject.application_arn, subject.user_id),
            )

        return await self._redeem(step)

    async def find_lineage(self, family_id: int) -> list[TokenFamily]:
        return await self._read(lambda rows: _lineage(rows, family_id))

    async def revoke_token_family(self, family_id: int, reason: str, now: int) -> bool:
        def step(rows: Rows) -> bool:
            family = rows.find_for_update(TokenFamily, family_id)
            if family is None or family.revoked_at is not None:
                return False
            was_live = _is_live(rows, family, now)
            rows.update(revoked(family, reason, now))
            return was_live

        return await self._write(step)

    async def end_other_sign_ins(self, user_id: str, keeps: bytes, reason: str, now: int) -> list[TokenFamily]:
        def step(rows: Rows) -> list[TokenFamily]:
            rows.find_for_update(User, user_id)
            ended = _live_families(rows, user_id, now)
            end_everything_of(rows, user_id, reason, now, keeps)
            return ended

        return await self._write(step)

    async def end_sign_ins_of_client(self, client_digest: bytes, reason: str, now: int) -> list[TokenFamily]:
        def step(rows: Rows) -> list[TokenFamily]:
            rows.withdraw_approvals_of_client(client_digest)
            ended = _only_live(rows, rows.live_families_of_client(client_digest, now), now)
            rows.revoke_families_of_client(client_digest, reason, now)
            return ended

        return await self._write(step)

    async def list_token_families(self, user_id: str, now: int) -> list[TokenFamily]:
        return await self._read(lambda rows: _live_families(rows, user_id, now))

    async def list_all_token_families(self, now: int) -> list[TokenFamily]:
        return await self._read(lambda rows: _only_live(rows, rows.all_live_families(now), now))

    async def create_browser_session(self, session: BrowserSession, replaces: bytes | None) -> None:
        def step(rows: Rows) -> None:
            rows.find_for_share(User, session.user_id)  # who changes the password now ends this session too, or is seen
            rows.insert(session)
            if replaces is not None:
                rows.delete(BrowserSession, replaces)

        await self._write(step)

    async def find_browser_session(self, session_digest: bytes) -> BrowserSession | None:
        return await self._read(lambda rows: rows.find(BrowserSession, session_digest))

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
        return await self._read(lambda rows: rows.find(Attempts, counter_digest))

    async def return_attempt(self, counter_digest: bytes, *, forget: bool) -> None:
        def step(rows: Rows) -> None:
            current = rows.find_for_update(Attempts, counter_digest)
            if current is None:
                return
            if forget or current.failures <= 1:
                rows.delete(Attempts, counter_digest)
            else:
                rows.put(msgspec.structs.replace(current, failures=current.failures - 1, blocked_until=0))

        await self._write(step)

    async def read_clock(self) -> float | None:
        return None

    async def sweep(self, now: int, limit: int) -> int:
        """In slices: who writes beside it waits for one of them at most."""
        swept = 0
        for kind, stay in EXPIRING.items():
            for begin in range(0, limit, SWEEP_SLICE):
                slice_ = min(SWEEP_SLICE, limit - begin)
                swept += await self._write(partial(delete_expired, kind=kind, now=now - stay, limit=slice_))
        return swept

    async def begin_epoch(self, now: int, *, end_sign_ins: bool = False) -> None:
        await self._write(lambda rows: begin_epoch(rows, now, end_sign_ins=end_sign_ins))

    async def enter_service(self, now: int) -> bool:
        return await self._write(lambda rows: enter_service(rows, now))

    async def find_epoch(self) -> Epoch | None:
        return await self._read(latest_epoch)

    async def _redeem(self, decide: Callable[[Rows], Step]) -> TokenFamily:
        """Carry out a step: its effects are written whether it answers with a family or with a refusal."""

        def step(rows: Rows) -> TokenFamily | ModelledError:
            decided = decide(rows)
            for created in decided.insert:
                rows.insert(created)
            for changed in decided.update:
                rows.update(changed)
            return decided.answer

        answer = await self._write_decision(step)
        if isinstance(answer, ModelledError):
            raise answer
        return answer


def delete_expired(rows: Rows, *, kind: type[Record], now: int, limit: int) -> int:
    """A sweep's step."""
    return rows.delete_expired(kind, now, limit)


def _primary(rows: Rows) -> Instance | None:
    return next((instance for instance in rows.all(Instance) if instance.is_primary), None)


def _require_user(rows: Rows, user_id: str) -> User:
    user = rows.find_for_update(User, user_id)
    if user is None:
        raise NotFound(f"there is no user {user_id}")
    return user


def _person_and_family(
    rows: Rows, approved: DeviceAuthorization | AuthorizationCode | None
) -> tuple[User | None, TokenFamily | None]:
    if approved is None or approved.user_id is None:
        return None, None
    family = rows.find_for_update(TokenFamily, approved.family_id) if approved.family_id is not None else None
    return rows.find(User, approved.user_id), family


def _standing_of(rows: Rows, application_arn: str | None, user_id: str | None) -> ApplicationStanding | None:
    return find_standing(rows, application_arn, user_id or "") if application_arn is not None else None


def _lineage(rows: Rows, family_id: int, first: Find | None = None) -> list[TokenFamily]:
    """``first`` looks up the family itself."""
    lineage: list[TokenFamily] = []
    find, next_id = first or rows.find, family_id
    while len(lineage) < token_exchange.MAX_LINEAGE:
        family = find(TokenFamily, next_id)
        if family is None:
            break
        lineage.append(family)
        if family.parent_family_id is None:
            break
        find, next_id = rows.find, family.parent_family_id
    return lineage


def _live_families(rows: Rows, user_id: str, now: int) -> list[TokenFamily]:
    return _only_live(rows, rows.live_families_of(user_id, now), now)


def _only_live(rows: Rows, families: list[TokenFamily], now: int) -> list[TokenFamily]:
    return [family for family in families if _is_live(rows, family, now)]


def _is_live(rows: Rows, family: TokenFamily, now: int) -> bool:
    """Neither the family has ended nor one that it was made from."""
    if family.parent_family_id is None:
        return family.is_live(now)
    return is_live_lineage(_lineage(rows, family.family_id), now)
