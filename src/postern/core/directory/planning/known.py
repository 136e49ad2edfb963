"""What there is before a declaration is applied."""

from collections.abc import Mapping

import msgspec

from postern.core.directory.records import (
    AccessKey,
    Account,
    AccountAssignment,
    Application,
    ApplicationAssignment,
    CredentialSource,
    ExternalId,
    Group,
    GroupMembership,
    PermissionSet,
    TrustedTokenIssuer,
)
from postern.core.records import Instance, User
from postern.core.store import Store

# The id of an instance, and a name within it.
Named = tuple[str, str]


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """All records that a declaration is about. ``instance`` is the primary one, which may not be stored yet.

    Instances, sources, issuers and applications are by name; people (by canonical name), groups and permission sets by
    instance and name; the others by their keys.
    """

    instance: Instance
    instances: Mapping[str, Instance]
    users: Mapping[Named, User]
    external_ids: Mapping[str, ExternalId]
    groups: Mapping[Named, Group]
    memberships: Mapping[str, GroupMembership]
    sources: Mapping[str, CredentialSource]
    accounts: Mapping[str, Account]
    permission_sets: Mapping[Named, PermissionSet]
    account_assignments: Mapping[str, AccountAssignment]
    issuers: Mapping[str, TrustedTokenIssuer]
    access_keys: Mapping[str, AccessKey]
    applications: Mapping[str, Application]
    assignments: Mapping[str, ApplicationAssignment]


async def read_known(store: Store, instance: Instance) -> Known:
    """``instance`` is the primary one if the store has none yet."""
    instances = await store.list_instances()
    return Known(
        instance=next((each for each in instances if each.is_primary), instance),
        instances={each.name: each for each in instances},
        users={(user.instance_id, user.canonical_name): user for user in await store.list_users()},
        external_ids={each.external_id: each for each in await store.list_configuration(ExternalId)},
        groups={(each.instance_id, each.display_name): each for each in await store.list_configuration(Group)},
        memberships={each.membership_id: each for each in await store.list_configuration(GroupMembership)},
        sources={source.name: source for source in await store.list_configuration(CredentialSource)},
        accounts={each.account_key: each for each in await store.list_configuration(Account)},
        permission_sets={(each.instance_id, each.name): each for each in await store.list_configuration(PermissionSet)},
        account_assignments={each.assignment_id: each for each in await store.list_configuration(AccountAssignment)},
        issuers={issuer.name: issuer for issuer in await store.list_configuration(TrustedTokenIssuer)},
        access_keys={key.access_key_id: key for key in await store.list_configuration(AccessKey)},
        applications={each.name: each for each in await store.list_configuration(Application)},
        assignments={each.assignment_id: each for each in await store.list_configuration(ApplicationAssignment)},
    )
