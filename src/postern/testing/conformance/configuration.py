"""What administrators configure: read as it was written, changed as a whole or not at all, and never behind the back of
another administrator.
"""

from dataclasses import dataclass

import msgspec
import pytest

from postern.core.directory.records import (
    AccessKey,
    AccessKeyStatus,
    AccessScope,
    Account,
    Application,
    ApplicationAssignment,
    ApplicationGrants,
    AssumeRoleSource,
    AuthorizationCodeOptions,
    ConsoleOptions,
    CredentialSource,
    ExternalId,
    Group,
    GroupMembership,
    LocalSource,
    PermissionSet,
    Status,
    TokenExchangeOptions,
    TrustedTokenIssuer,
)
from postern.core.records import Record
from postern.core.store import AlreadyExists, ConfigurationChange, Conflict, Store
from postern.testing import samples
from postern.testing.conformance.round_trips import HOSTILE, TEXTS
from postern.testing.conformance.suite import Suite, configure, race
from postern.testing.samples import MAX_INTEGER

KINDS: tuple[type[Record], ...] = (
    Group,
    GroupMembership,
    ExternalId,
    TrustedTokenIssuer,
    Application,
    ApplicationAssignment,
    AccessKey,
    Account,
    PermissionSet,
    CredentialSource,
)
MIRA = samples.user("mira")
FULL_APPLICATION = samples.application(
    description=HOSTILE,
    status=Status.DISABLED,
    assignment_required=False,
    grants=msgspec.structs.replace(
        samples.application().grants,
        authorization_code=AuthorizationCodeOptions(redirect_uris=(HOSTILE, ""), pkce_required=False),
        token_exchange=TokenExchangeOptions(accepted_scopes=(HOSTILE, "a scope")),
    ),
    access_scopes=(AccessScope(scope=HOSTILE, authorized_targets=("", HOSTILE)), AccessScope(scope="alone")),
    actor_policy='{"Version": "2012-10-17"}\n',
    created_at=MAX_INTEGER,
)
BARE_APPLICATION = Application(application_arn=samples.APPLICATION_ARN, name="bare", created_at=0)
RECORDS = {
    "group": samples.group(description=HOSTILE, created_at=MAX_INTEGER),
    "group, bare": samples.group(),
    "account": samples.account(name=HOSTILE, email=HOSTILE, credential_source=HOSTILE, created_at=MAX_INTEGER),
    "account, bare": samples.account(email=""),
    "permission set": samples.permission_set(
        name=HOSTILE, description=HOSTILE, session_duration=MAX_INTEGER, relay_state=HOSTILE, credential_source=HOSTILE
    ),
    "permission set, bare": samples.permission_set(),
    "credential source": samples.credential_source(description=HOSTILE),
    "credential source, local": samples.credential_source(options=LocalSource()),
    "credential source, assume role": samples.credential_source(
        options=AssumeRoleSource(
            endpoint=HOSTILE,
            region=HOSTILE,
            access_key_id=HOSTILE,
            sealed_secret=bytes(range(256)),
            session_tags={HOSTILE: HOSTILE},
            transitive_tag_keys=(HOSTILE, ""),
            console=ConsoleOptions(destination=HOSTILE),
        )
    ),
    "membership": samples.membership(samples.group(), MIRA),
    "external id": samples.external_id(MIRA, external_id=HOSTILE),
    "issuer": samples.trusted_token_issuer(status=Status.DISABLED, algorithms=("ES512",), created_at=MAX_INTEGER),
    "issuer, bare": samples.trusted_token_issuer(),
    "application": FULL_APPLICATION,
    "application, bare": BARE_APPLICATION,
    "application without options": msgspec.structs.replace(
        BARE_APPLICATION, grants=ApplicationGrants(token_exchange=TokenExchangeOptions())
    ),
    "assignment of a person": samples.assignment(samples.application(), MIRA),
    "assignment of a group": samples.assignment(samples.application(), samples.group()),
    "access key": samples.access_key(
        status=AccessKeyStatus.INACTIVE, sealed_secret=bytes(range(256)), description=HOSTILE, created_at=MAX_INTEGER
    ),
    "access key, bare": samples.access_key(sealed_secret=b""),
}
EVERY_RECORD = pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS.keys())


@dataclass(frozen=True)
class Taken:
    """A record, and another that wants something of it that there can be once only."""

    kept: Record
    rival: Record


RIVALS = {
    "group id": Taken(samples.group(), samples.group(display_name="another")),
    "group name": Taken(samples.group(), samples.group(group_id="another")),
    "membership": Taken(samples.membership(samples.group(), MIRA), samples.membership(samples.group(), MIRA)),
    "external id": Taken(samples.external_id(MIRA), samples.external_id(MIRA, issuer="another", user_id="another")),
    "issuer ARN": Taken(samples.trusted_token_issuer(), samples.trusted_token_issuer(name="another")),
    "issuer name": Taken(
        samples.trusted_token_issuer(), samples.trusted_token_issuer(trusted_token_issuer_arn="another")
    ),
    "application ARN": Taken(samples.application(), samples.application(name="another")),
    "application name": Taken(samples.application(), samples.application(2, name="application 1")),
    "assignment": Taken(
        samples.assignment(samples.application(), MIRA), samples.assignment(samples.application(), MIRA)
    ),
    "access key id": Taken(samples.access_key(), samples.access_key(sealed_secret=b"another")),
}
EVERY_RIVAL = pytest.mark.parametrize("taken", RIVALS.values(), ids=RIVALS.keys())


async def everything(store: Store) -> dict[type[Record], set[Record]]:
    """All that is configured."""
    return {kind: set(await store.list_configuration(kind)) for kind in KINDS}


class Configuration(Suite):
    async def test_an_empty_store_has_no_configuration(self, store: Store) -> None:
        assert await everything(store) == {kind: set() for kind in KINDS}
        assert await store.find_access_key("AKIDNOBODY") is None
        assert await store.find_application("nothing") is None
        assert await store.find_trusted_token_issuer("nothing") is None

    @EVERY_RECORD
    async def test_a_record_is_read_as_it_was_written(self, store: Store, record: Record) -> None:
        await configure(store, record)
        (found,) = await store.list_configuration(type(record))
        assert found == record
        assert type(found) is type(record)

    @EVERY_RECORD
    async def test_a_record_that_is_removed_is_gone(self, store: Store, record: Record) -> None:
        await configure(store, record)
        await store.change_configuration(ConfigurationChange(remove=(record,)))
        assert await store.list_configuration(type(record)) == []

    @TEXTS
    async def test_texts_are_kept_to_the_last_character(self, store: Store, text: str) -> None:
        written = samples.application(name=text, description=text, actor_policy=text)
        await configure(store, written)
        assert await store.find_application(written.application_arn) == written

    async def test_records_are_found_by_what_names_them(self, store: Store) -> None:
        applications = [samples.application(number) for number in (1, 2)]
        keys = [samples.access_key(access_key_id=f"AKID{number}") for number in (1, 2)]
        issuers = [
            samples.trusted_token_issuer(name=name, trusted_token_issuer_arn=f"ARN of {name}")
            for name in ("one", "two")
        ]
        await configure(store, *applications, *keys, *issuers)
        assert await store.find_application(applications[1].application_arn) == applications[1]
        assert await store.find_access_key("AKID2") == keys[1]
        assert await store.find_trusted_token_issuer("ARN of two") == issuers[1]
        assert await store.find_access_key("akid2") is None

    async def test_every_member_of_a_record_may_be_replaced(self, store: Store) -> None:
        other = samples.application(2)
        await configure(store, BARE_APPLICATION, other)
        await store.change_configuration(ConfigurationChange(replace=((BARE_APPLICATION, FULL_APPLICATION),)))
        assert await everything(store) == {kind: set() for kind in KINDS} | {Application: {FULL_APPLICATION, other}}

    async def test_a_change_is_made_as_a_whole(self, store: Store) -> None:
        old, gone, new = samples.group("old"), samples.group("gone"), samples.group("new")
        renamed = msgspec.structs.replace(old, display_name="renamed")
        await configure(store, old, gone)
        await store.change_configuration(
            ConfigurationChange(create=(new, samples.access_key()), replace=((old, renamed),), remove=(gone,))
        )
        assert set(await store.list_configuration(Group)) == {renamed, new}
        assert await store.list_configuration(AccessKey) == [samples.access_key()]

    async def test_a_change_of_nothing_changes_nothing(self, store: Store) -> None:
        await configure(store, samples.group())
        before = await everything(store)
        await store.change_configuration(ConfigurationChange())
        assert await everything(store) == before

    async def test_a_name_that_is_given_up_may_be_taken_in_the_same_change(self, store: Store) -> None:
        removed, renamed = samples.application(1), samples.application(2)
        await configure(store, removed, renamed)
        first, second = samples.application(3, name=removed.name), samples.application(4, name=renamed.name)
        replaced = msgspec.structs.replace(renamed, name="another name")
        await store.change_configuration(
            ConfigurationChange(create=(first, second), replace=((renamed, replaced),), remove=(removed,))
        )
        assert set(await store.list_configuration(Application)) == {first, second, replaced}


class ConfigurationRefusals(Suite):
    @pytest.fixture
    async def before(self, store: Store) -> dict[type[Record], set[Record]]:
        """A whole configuration, which a refusal leaves as it is."""
        application, group = samples.application(), samples.group()
        await configure(
            store,
            application,
            group,
            samples.membership(group, MIRA),
            samples.assignment(application, group),
            samples.access_key(),
            samples.trusted_token_issuer(),
        )
        return await everything(store)

    @EVERY_RIVAL
    async def test_what_is_taken_stays_taken(self, store: Store, taken: Taken) -> None:
        await configure(store, taken.kept)
        with pytest.raises(AlreadyExists):
            await configure(store, taken.rival)
        assert await store.list_configuration(type(taken.kept)) == [taken.kept]

    @EVERY_RIVAL
    async def test_what_is_taken_in_the_same_change_is_taken(self, store: Store, taken: Taken) -> None:
        with pytest.raises(AlreadyExists):
            await configure(store, taken.kept, taken.rival)
        assert await everything(store) == {kind: set() for kind in KINDS}

    async def test_of_a_change_that_meets_a_taken_name_nothing_stays(
        self, store: Store, before: dict[type[Record], set[Record]]
    ) -> None:
        application, key = samples.application(), samples.access_key()
        change = ConfigurationChange(
            create=(samples.group("new"), samples.access_key()),
            replace=((application, msgspec.structs.replace(application, name="renamed")),),
            remove=(samples.group(),),
        )
        with pytest.raises(AlreadyExists):
            await store.change_configuration(change)
        assert await everything(store) == before
        await configure(store, samples.application(2, name="renamed"), samples.group("new"))
        assert await store.find_access_key(key.access_key_id) == key

    async def test_a_name_that_another_has_cannot_be_taken_by_replacing(
        self, store: Store, before: dict[type[Record], set[Record]]
    ) -> None:
        other = samples.application(2)
        await configure(store, other)
        for change in (
            ConfigurationChange(replace=((other, samples.application(2, name="application 1")),)),
            ConfigurationChange(
                create=(samples.group("new"),), replace=((other, samples.application(2, name="application 1")),)
            ),
        ):
            with pytest.raises(AlreadyExists):
                await store.change_configuration(change)
        assert await everything(store) == before | {Application: {samples.application(), other}}

    @pytest.mark.parametrize(
        "stale",
        [
            samples.group(description="as it was once"),
            samples.group("gone"),
            samples.access_key(status=AccessKeyStatus.INACTIVE),
            samples.access_key(sealed_secret=b"another"),
            samples.application(grants=ApplicationGrants()),
            samples.trusted_token_issuer(algorithms=("ES256", "RS256")),
            samples.membership(samples.group(), samples.user("noor")),
        ],
        ids=lambda record: type(record).__name__,
    )
    @pytest.mark.parametrize("how", ["replace", "remove"])
    async def test_who_read_an_older_record_changes_nothing(
        self, store: Store, before: dict[type[Record], set[Record]], stale: Record, how: str
    ) -> None:
        new = samples.application(2)
        change = (
            ConfigurationChange(create=(new,), replace=((stale, stale),))
            if how == "replace"
            else ConfigurationChange(create=(new,), remove=(samples.trusted_token_issuer(), stale))
        )
        with pytest.raises(Conflict):
            await store.change_configuration(change)
        assert await everything(store) == before

    async def test_a_removed_record_is_not_removed_again(
        self, store: Store, before: dict[type[Record], set[Record]]
    ) -> None:
        removal = ConfigurationChange(remove=(samples.access_key(),))
        await store.change_configuration(removal)
        with pytest.raises(Conflict):
            await store.change_configuration(removal)
        assert await everything(store) == before | {AccessKey: set()}

    # Races

    async def test_of_rivals_for_an_access_key_id_one_is_created(self, store: Store) -> None:
        numbers = iter(range(100))
        outcomes = await race(lambda: configure(store, samples.access_key(sealed_secret=bytes([next(numbers)]))))
        assert sum(outcome is None for outcome in outcomes) == 1
        assert sum(isinstance(outcome, AlreadyExists) for outcome in outcomes) == len(outcomes) - 1
        assert len(await store.list_configuration(AccessKey)) == 1

    async def test_of_rivals_that_replace_the_same_record_one_does(self, store: Store) -> None:
        old = samples.application()
        await configure(store, old)
        news = [samples.application(description=f"by number {number}") for number in range(32)]
        waiting = iter(news)
        outcomes = await race(
            lambda: store.change_configuration(ConfigurationChange(replace=((old, next(waiting)),))), len(news)
        )
        assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == len(news) - 1
        assert await store.find_application(old.application_arn) == news[outcomes.index(None)]

    async def test_of_rivals_that_remove_a_record_one_does(self, store: Store) -> None:
        group = samples.group()
        await configure(store, group)
        outcomes = await race(lambda: store.change_configuration(ConfigurationChange(remove=(group,))))
        assert sum(outcome is None for outcome in outcomes) == 1
        assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == len(outcomes) - 1
        assert await store.list_configuration(Group) == []


class Dependants(Suite):
    async def test_a_removed_group_takes_its_memberships_and_assignments_along(self, store: Store) -> None:
        group, other, application = samples.group("group"), samples.group("other"), samples.application()
        namesake = samples.user("namesake", user_id=group.group_id)
        kept: list[Record] = [
            samples.membership(other, MIRA),
            samples.assignment(application, other),
            samples.assignment(application, MIRA),
            samples.assignment(application, namesake),
        ]
        lost = [samples.membership(group, MIRA), samples.assignment(application, group)]
        await configure(store, group, other, application, *kept, *lost)
        await store.change_configuration(ConfigurationChange(remove=(group,)))
        found = await everything(store)
        assert found[GroupMembership] | found[ApplicationAssignment] == set(kept)
        assert (found[Group], found[Application]) == ({other}, {application})

    async def test_a_removed_application_takes_its_assignments_along(self, store: Store) -> None:
        gone, other, group = samples.application(1), samples.application(2), samples.group()
        kept = [samples.assignment(other, group), samples.assignment(other, MIRA)]
        lost = [samples.assignment(gone, group), samples.assignment(gone, MIRA)]
        member = samples.membership(group, MIRA)
        await configure(store, gone, other, group, member, *kept, *lost)
        await store.change_configuration(ConfigurationChange(remove=(gone,)))
        found = await everything(store)
        assert found[ApplicationAssignment] == set(kept)
        assert (found[Group], found[GroupMembership]) == ({group}, {member})

    async def test_dependants_may_be_removed_with_what_they_hang_on(self, store: Store) -> None:
        group = samples.group()
        member = samples.membership(group, MIRA)
        await configure(store, group, member)
        await store.change_configuration(ConfigurationChange(remove=(group, member)))
        assert await everything(store) == {kind: set() for kind in KINDS}

    async def test_other_removals_and_all_replacements_take_nothing_along(self, store: Store) -> None:
        application, group, issuer = samples.application(), samples.group(), samples.trusted_token_issuer()
        hanging = [samples.membership(group, MIRA), samples.assignment(application, group)]
        await configure(store, application, group, issuer, *hanging)
        replaced = samples.application(status=Status.DISABLED), samples.group(description="another")
        await store.change_configuration(
            ConfigurationChange(replace=((application, replaced[0]), (group, replaced[1])), remove=(issuer,))
        )
        found = await everything(store)
        assert found[GroupMembership] | found[ApplicationAssignment] == set(hanging)
        assert found[Application] | found[Group] == set(replaced)
