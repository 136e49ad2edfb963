"""Instances that know nothing of each other, and changes of the directory that leave nothing hanging."""

import msgspec
import pytest

from postern.core.directory.records import AccountAssignment, ApplicationAssignment, ExternalId, GroupMembership
from postern.core.records import Instance, Record, User, UserStatus
from postern.core.store import AlreadyExists, ConfigurationChange, Conflict, NotFound, Store
from postern.testing import samples
from postern.testing.conformance.suite import Suite, add_person, configure, require_family, sign_in
from postern.testing.samples import NOW

PRIMARY = samples.instance()
OTHER = samples.instance("other")
ADMIN = samples.permission_set("Admin")
ACCOUNT = samples.account()


class Instances(Suite):
    async def test_the_primary_one_comes_first_and_the_others_by_name(self, store: Store) -> None:
        another = samples.instance("another", start_url_aliases=("https://a.example/start", "https://b.example"))
        await configure(store, OTHER, another)
        assert await store.find_instance() is None
        assert await store.ensure_instance(PRIMARY) == PRIMARY
        assert await store.ensure_instance(samples.instance(instance_id="ssoins-late")) == PRIMARY
        assert await store.find_instance() == PRIMARY
        assert await store.list_instances() == [PRIMARY, another, OTHER]

    @pytest.mark.parametrize("changes", [{"name": OTHER.name}, {"identity_store_id": OTHER.identity_store_id}])
    async def test_names_and_identity_stores_are_unique(self, store: Store, changes: dict[str, object]) -> None:
        await configure(store, OTHER)
        with pytest.raises(AlreadyExists):
            await configure(store, msgspec.structs.replace(samples.instance("third"), **changes))

    async def test_names_are_unique_within_an_instance_only(self, store: Store, mira: User) -> None:
        theirs = samples.user("mira", user_id="another id", instance_id=OTHER.instance_id)
        await store.create_user(theirs)
        with pytest.raises(AlreadyExists):
            await store.create_user(samples.user("mira", user_id="a third id"))
        assert await store.find_user_by_name(samples.INSTANCE_ID, "mira") == mira
        assert await store.find_user_by_name(OTHER.instance_id, "mira") == theirs
        assert await store.find_user_by_name("ssoins-none", "mira") is None

    async def test_groups_and_permission_sets_are_unique_within_an_instance_only(self, store: Store) -> None:
        group, role = samples.group(), samples.permission_set()
        arn = f"arn:aws:sso:::permissionSet/{OTHER.instance_id}/ps-1"
        await configure(store, group, role)
        await configure(
            store,
            msgspec.structs.replace(group, group_id="another", instance_id=OTHER.instance_id),
            msgspec.structs.replace(role, permission_set_arn=arn, instance_id=OTHER.instance_id),
        )
        for twin in (
            msgspec.structs.replace(group, group_id="a third"),
            msgspec.structs.replace(role, permission_set_arn=f"{role.permission_set_arn}x"),
        ):
            with pytest.raises(AlreadyExists):
                await configure(store, twin)

    @pytest.mark.parametrize("path", ["userName", "emails.value", "externalIds.id"])
    async def test_people_of_another_instance_are_not_found(self, store: Store, mira: User, path: str) -> None:
        await configure(store, samples.external_id(mira, external_id="M-1"))
        value = {"userName": "mira", "emails.value": mira.email, "externalIds.id": "M-1"}[path]
        assert await store.find_users_by_attribute(samples.INSTANCE_ID, path, value) == [mira]
        assert await store.find_users_by_attribute(OTHER.instance_id, path, value) == []

    async def test_the_same_account_in_two_instances_is_two(self, store: Store, mira: User) -> None:
        theirs = samples.account(account_key=f"{OTHER.instance_id} {ACCOUNT.account_id}", instance_id=OTHER.instance_id)
        await configure(store, ACCOUNT, theirs, ADMIN, samples.account_assignment(ACCOUNT, ADMIN, mira))
        await store.change_configuration(ConfigurationChange(remove=(theirs,)))
        assert await store.list_assigned_accounts(mira.user_id, "", 10) == [ACCOUNT]

    @pytest.mark.parametrize(
        "inhabitant",
        [
            samples.user("noor", instance_id=OTHER.instance_id),
            samples.group(instance_id=OTHER.instance_id),
            samples.account(account_key="k", instance_id=OTHER.instance_id),
            samples.permission_set(instance_id=OTHER.instance_id),
        ],
        ids=lambda record: type(record).__name__,
    )
    async def test_an_instance_that_has_something_stays(self, store: Store, inhabitant: Record) -> None:
        await configure(store, OTHER, inhabitant)
        with pytest.raises(Conflict):
            await store.change_configuration(ConfigurationChange(remove=(OTHER,)))
        await store.change_configuration(ConfigurationChange(remove=(inhabitant,), now=NOW))
        await store.change_configuration(ConfigurationChange(remove=(OTHER,)))
        assert await store.list_configuration(Instance) == []

    async def test_the_primary_instance_stays(self, store: Store) -> None:
        await store.ensure_instance(PRIMARY)
        with pytest.raises(Conflict):
            await store.change_configuration(ConfigurationChange(remove=(PRIMARY,)))
        assert await store.find_instance() == PRIMARY


class DirectoryChanges(Suite):
    async def test_a_person_who_is_removed_leaves_nothing(self, store: Store, mira: User) -> None:
        noor, group = await add_person(store, "noor"), samples.group()
        application = samples.application()
        for_noor = (
            samples.membership(group, noor),
            samples.external_id(noor, external_id="N-1"),
            samples.account_assignment(ACCOUNT, ADMIN, noor),
            samples.assignment(application, noor),
        )
        await configure(
            store,
            *(group, ACCOUNT, ADMIN, application, *for_noor),
            *(samples.membership(group, mira), samples.external_id(mira), samples.assignment(application, mira)),
            samples.account_assignment(ACCOUNT, ADMIN, mira),
        )
        family, session = await sign_in(store, mira), samples.browser_session(mira)
        await store.create_browser_session(session, None)
        await store.change_configuration(ConfigurationChange(remove=(mira,), now=NOW + 1))
        assert await store.find_user(mira.user_id) is None
        assert not (await require_family(store, family)).is_live(NOW + 1)
        assert await store.find_browser_session(session.session_digest) is None
        kinds = (GroupMembership, ExternalId, AccountAssignment, ApplicationAssignment)
        assert [await store.list_configuration(kind) for kind in kinds] == [[record] for record in for_noor]

    @pytest.mark.parametrize(
        "changes, ends",
        [
            ({"status": UserStatus.DISABLED}, True),
            ({"password_hash": "another"}, True),
            ({"display_name": "Another", "email": "another@example.org", "given_name": "A"}, False),
        ],
    )
    async def test_a_person_who_is_changed_keeps_sign_ins_unless_it_matters(
        self, store: Store, mira: User, changes: dict[str, object], *, ends: bool
    ) -> None:
        family = await sign_in(store, mira)
        changed = msgspec.structs.replace(mira, **changes)
        await store.change_configuration(ConfigurationChange(replace=((mira, changed),), now=NOW + 1))
        assert await store.find_user(mira.user_id) == changed
        assert (await require_family(store, family)).is_live(NOW + 1) is not ends

    async def test_a_group_and_a_permission_set_take_their_assignments_along(self, store: Store, mira: User) -> None:
        group, reader = samples.group(), samples.permission_set("Reader")
        of_group, of_mira = (samples.account_assignment(ACCOUNT, ADMIN, to) for to in (group, mira))
        as_reader = samples.account_assignment(ACCOUNT, reader, mira)
        await configure(store, group, ACCOUNT, ADMIN, reader, of_group, of_mira, as_reader)
        await store.change_configuration(ConfigurationChange(remove=(group,)))
        left = await store.list_configuration(AccountAssignment)
        assert sorted(left, key=repr) == sorted([of_mira, as_reader], key=repr)
        await store.change_configuration(ConfigurationChange(remove=(ADMIN,)))
        assert await store.list_configuration(AccountAssignment) == [as_reader]

    @pytest.mark.parametrize("missing", ["account", "permission set", "person", "group", "another instance's account"])
    async def test_an_assignment_of_what_is_not_there_is_refused(self, store: Store, mira: User, missing: str) -> None:
        group = samples.group()
        there: dict[str, Record] = {"account": ACCOUNT, "permission set": ADMIN, "group": group}
        await configure(store, *(record for name, record in there.items() if name != missing))
        to = samples.user("nobody") if missing == "person" else group
        assignment = samples.account_assignment(ACCOUNT, ADMIN, to)
        if missing.startswith("another"):
            assignment = msgspec.structs.replace(assignment, instance_id=OTHER.instance_id)
        with pytest.raises(NotFound):
            await configure(store, samples.permission_set("Reader"), assignment)
        assert await store.list_configuration(AccountAssignment) == []
        assert samples.permission_set("Reader") not in await store.list_configuration(type(ADMIN))

    async def test_an_assignment_may_come_with_what_it_needs(self, store: Store, mira: User) -> None:
        await configure(store, samples.account_assignment(ACCOUNT, ADMIN, mira), ACCOUNT, ADMIN)
        assert await store.list_assigned_accounts(mira.user_id, "", 1) == [ACCOUNT]

    @pytest.mark.parametrize(
        "user",
        [samples.account(credential_source="sts"), samples.permission_set(credential_source="sts")],
        ids=lambda record: type(record).__name__,
    )
    async def test_a_credential_source_that_is_used_stays(self, store: Store, user: Record) -> None:
        source = samples.credential_source("sts")
        await configure(store, source, user)
        with pytest.raises(Conflict):
            await store.change_configuration(ConfigurationChange(remove=(source,)))
        await store.change_configuration(ConfigurationChange(remove=(user, source)))
        assert await store.list_configuration(type(source)) == []
