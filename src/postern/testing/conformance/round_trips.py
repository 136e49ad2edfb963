"""What was written is read again, to the last character; what is taken stays taken; what is not there is ``None``."""

import pytest

from postern.core.attempts import Schedule
from postern.core.records import Instance, RevokedClient, User, UserStatus
from postern.core.store import AlreadyExists, Store
from postern.testing import samples
from postern.testing.conformance.suite import Suite, race
from postern.testing.samples import MAX_INTEGER, NOW

# Right-to-left marks, an emoji of several code points, what SQL and LIKE might take for theirs, a decomposed letter.
HOSTILE = "Ünï\u202ecode 👩‍🚀 ' \" ; -- % _ \\ e\u0301 \t\r\n \x7f"
TEXTS = pytest.mark.parametrize("text", ["", HOSTILE, "x" * 4096], ids=["empty", "hostile", "long"])


class RoundTrips(Suite):
    async def test_an_empty_store_finds_nothing(self, store: Store) -> None:
        missing = samples.digest("nothing")
        assert await store.find_instance() is None
        assert await store.list_ring_keys() == []
        assert await store.list_users() == []
        assert await store.list_revoked_clients(NOW) == []
        assert await store.list_token_families("nobody", NOW) == []
        assert await store.find_user("nobody") is None
        assert await store.find_user_by_name(samples.INSTANCE_ID, "nobody") is None
        assert await store.find_device_authorization(1) is None
        assert await store.find_device_authorization_by_user_code(missing) is None
        assert await store.find_token_family(1) is None
        assert await store.find_browser_session(missing) is None
        assert await store.find_attempts(missing) is None

    async def test_an_instance_is_remembered_once(self, store: Store) -> None:
        first = Instance(instance_id="ssoins-1", identity_store_id="d-1", owner_account_id="000000000001", created_at=0)
        second = Instance(instance_id="ssoins-2", identity_store_id="d-2", owner_account_id="2", created_at=NOW)
        assert await store.ensure_instance(first) == first
        assert await store.ensure_instance(second) == first
        assert await store.find_instance() == first

    @pytest.mark.parametrize("secret", [b"", bytes(range(256)), b"\0" * 60])
    async def test_a_ring_key_round_trips(self, store: Store, secret: bytes) -> None:
        key = samples.ring_key(
            key_id=2**32 - 1, wrapped_secret=secret, created_at=MAX_INTEGER, activates_at=MAX_INTEGER
        )
        await store.ensure_ring_key(key, unless_newer_than=-1)
        assert await store.list_ring_keys() == [key]
        await store.remove_ring_keys([])
        await store.remove_ring_keys([key.key_id, 1])
        assert await store.list_ring_keys() == []

    async def test_a_ring_key_is_added_unless_there_is_a_newer_one(self, store: Store) -> None:
        first, late, next_one = (samples.ring_key(activates_at=NOW + offset) for offset in (0, 50, 60))
        await store.ensure_ring_key(first, unless_newer_than=-1)
        await store.ensure_ring_key(late, unless_newer_than=NOW - 1)
        assert await store.list_ring_keys() == [first]
        await store.ensure_ring_key(next_one, unless_newer_than=NOW)
        assert sorted(key.key_id for key in await store.list_ring_keys()) == [first.key_id, next_one.key_id]

    @TEXTS
    async def test_a_user_round_trips(self, store: Store, text: str) -> None:
        user = User(
            user_id="an id",
            instance_id=samples.INSTANCE_ID,
            user_name=text,
            canonical_name=text,
            display_name=text,
            email=text,
            password_hash=text,
            status=UserStatus.DISABLED,
            created_at=MAX_INTEGER,
        )
        await store.create_user(user)
        assert await store.find_user("an id") == user
        assert await store.find_user_by_name(samples.INSTANCE_ID, text) == user
        assert await store.list_users() == [user]

    @pytest.mark.parametrize("taken", ["user_id", "canonical_name"])
    async def test_a_taken_user_leaves_nothing_behind(self, store: Store, mira: User, taken: str) -> None:
        rival = samples.user("rival", **{taken: getattr(mira, taken)})
        with pytest.raises(AlreadyExists):
            await store.create_user(rival)
        assert await store.list_users() == [mira]
        if taken == "canonical_name":
            assert await store.find_user(rival.user_id) is None
        else:
            assert await store.find_user_by_name(samples.INSTANCE_ID, "rival") is None

    async def test_users_are_listed_by_name(self, store: Store) -> None:
        for name in ("zoe", "adam", "mira"):
            await store.create_user(samples.user(name))
        assert [user.canonical_name for user in await store.list_users()] == ["adam", "mira", "zoe"]

    @TEXTS
    @pytest.mark.parametrize("refreshable", [True, False])
    async def test_a_device_authorization_round_trips(self, store: Store, text: str, refreshable: bool) -> None:
        pending = samples.device_authorization(
            authorization_id=MAX_INTEGER,
            client_name=text,
            scopes=() if refreshable else tuple(f"scope:{number}" for number in range(25)),
            issues_refresh_token=refreshable,
            requester_address=text,
            requester_agent=text,
            created_at=0,
            expires_at=MAX_INTEGER,
        )
        await store.create_device_authorization(pending)
        assert await store.find_device_authorization(MAX_INTEGER) == pending
        assert await store.find_device_authorization_by_user_code(pending.user_code_digest) == pending

    @pytest.mark.parametrize("taken", ["authorization_id", "user_code_digest"])
    async def test_a_taken_device_authorization_leaves_nothing_behind(self, store: Store, taken: str) -> None:
        first = samples.device_authorization()
        rival = samples.device_authorization(client_name="the rival", **{taken: getattr(first, taken)})
        await store.create_device_authorization(first)
        with pytest.raises(AlreadyExists):
            await store.create_device_authorization(rival)
        assert await store.find_device_authorization(first.authorization_id) == first
        assert await store.find_device_authorization_by_user_code(first.user_code_digest) == first
        if taken == "user_code_digest":
            assert await store.find_device_authorization(rival.authorization_id) is None
        else:
            assert await store.find_device_authorization_by_user_code(rival.user_code_digest) is None

    async def test_a_browser_session_round_trips_and_replaces_another(self, store: Store, mira: User) -> None:
        old, new = samples.browser_session(mira, "old"), samples.browser_session(mira, "new", expires_at=MAX_INTEGER)
        await store.create_browser_session(old, replaces=None)
        assert await store.find_browser_session(old.session_digest) == old
        await store.create_browser_session(new, replaces=old.session_digest)
        assert await store.find_browser_session(old.session_digest) is None
        assert await store.find_browser_session(new.session_digest) == new
        await store.end_browser_session(new.session_digest)
        await store.end_browser_session(new.session_digest)
        assert await store.find_browser_session(new.session_digest) is None

    async def test_a_taken_browser_session_does_not_end_the_one_to_replace(self, store: Store, mira: User) -> None:
        old, planted = samples.browser_session(mira, "old"), samples.browser_session(mira, "planted")
        await store.create_browser_session(old, replaces=None)
        await store.create_browser_session(planted, replaces=None)
        with pytest.raises(AlreadyExists):
            await store.create_browser_session(planted, replaces=old.session_digest)
        assert await store.find_browser_session(old.session_digest) == old

    async def test_the_denylist_shows_what_has_not_expired(self, store: Store) -> None:
        entries = [
            RevokedClient(client_digest=samples.digest(str(end)), revoked_at=NOW, expires_at=end)
            for end in (NOW, NOW + 1, MAX_INTEGER)
        ]
        for entry in (*entries, entries[2]):
            await store.revoke_client(entry)
        listed = await store.list_revoked_clients(NOW)
        assert sorted(listed, key=lambda entry: entry.expires_at) == entries[1:]

    async def test_attempts_round_trip(self, store: Store) -> None:
        counter = samples.digest("counter")
        await store.reserve_attempt(counter, Schedule((), last_delay=5, window=60), NOW)
        found = await store.find_attempts(counter)
        assert found is not None
        assert (found.counter_digest, found.failures, found.last_failure_at) == (counter, 1, NOW)
        assert (found.blocked_until, found.expires_at) == (NOW + 5, NOW + 60)

    async def test_check_answers(self, store: Store) -> None:
        await store.check()
        await store.check(thoroughly=True)

    # Races for what there can be one of only

    async def test_of_rival_instances_one_is_remembered(self, store: Store) -> None:
        async def found() -> Instance:
            number = samples.next_number()
            return await store.ensure_instance(
                Instance(instance_id=f"i-{number}", identity_store_id="d", owner_account_id="1", created_at=number)
            )

        outcomes = await race(found)
        assert {repr(outcome) for outcome in outcomes} == {repr(await store.find_instance())}

    async def test_of_rival_ring_keys_one_is_added(self, store: Store) -> None:
        await race(lambda: store.ensure_ring_key(samples.ring_key(), unless_newer_than=-1))
        (first,) = await store.list_ring_keys()
        await race(lambda: store.ensure_ring_key(samples.ring_key(activates_at=NOW + 60), first.activates_at))
        assert len(await store.list_ring_keys()) == 2

    async def test_of_rivals_for_a_name_one_is_created(self, store: Store) -> None:
        numbers = iter(range(100))
        outcomes = await race(lambda: store.create_user(samples.user("mira", user_id=f"id {next(numbers)}")))
        assert sum(outcome is None for outcome in outcomes) == 1
        assert sum(isinstance(outcome, AlreadyExists) for outcome in outcomes) == len(outcomes) - 1
        assert len(await store.list_users()) == 1

    async def test_of_rivals_for_a_user_code_one_is_created(self, store: Store) -> None:
        code = samples.digest("the only user code")
        rivals = [samples.device_authorization(user_code_digest=code) for _ in range(32)]
        waiting = iter(rivals)
        outcomes = await race(lambda: store.create_device_authorization(next(waiting)))
        assert [type(outcome) for outcome in outcomes].count(AlreadyExists) == len(rivals) - 1
        kept = [await store.find_device_authorization(rival.authorization_id) for rival in rivals]
        winner = await store.find_device_authorization_by_user_code(code)
        assert winner is not None
        assert [found for found in kept if found is not None] == [winner]
