"""From what there is to a declaration that says the same: applied, it finds no difference here, and makes the same
directory where there is none. Secrets are not in it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from postern.core.directory.planning.known import Known
from postern.core.directory.records import (
    AccessKey,
    AccessKeyStatus,
    Application,
    AssumeRoleSource,
    CredentialSource,
    PrincipalType,
    Status,
    TrustedTokenIssuer,
)
from postern.core.records import Instance, User, UserStatus

Tables = dict[str, list[dict[str, object]]]


def exported(known: Known) -> Tables:
    """The tables of a declaration, as values that TOML has, in an order of their own."""
    return _Export(known).tables()


class _Export:
    def __init__(self, known: Known) -> None:
        self._known = known
        self._instances = {each.instance_id: each for each in known.instances.values()}
        self._user_names = {user.user_id: user.user_name for user in known.users.values()}
        self._group_names = {group.group_id: group.display_name for group in known.groups.values()}
        self._issuer_names = {each.trusted_token_issuer_arn: each.name for each in known.issuers.values()}
        self._external_ids: dict[str, list[dict[str, object]]] = defaultdict(list)
        for each in _sorted(known.external_ids.values(), "external_id"):
            self._external_ids[each.user_id].append({"issuer": each.issuer, "id": each.external_id})
        self._assigned: dict[tuple[str, PrincipalType], list[str]] = defaultdict(list)
        for assignment in known.assignments.values():
            self._assigned[assignment.application_arn, assignment.principal_type].append(assignment.principal_id)

    def tables(self) -> Tables:
        known = self._known
        tables: Tables = {
            "instance": [self._instance(each) for each in _sorted(known.instances.values(), "name")],
            "user": [self._user(each) for each in _sorted(known.users.values(), "canonical_name")],
            "group": self._groups(),
            "credential_source": [_source(each) for each in _sorted(known.sources.values(), "name")],
            "account": self._accounts(),
            "permission_set": self._permission_sets(),
            "assignment": self._assignments(),
            "trusted_token_issuer": [self._issuer(each) for each in _sorted(known.issuers.values(), "name")],
            "access_key": [_access_key(each) for each in _sorted(known.access_keys.values(), "access_key_id")],
            "application": [self._application(each) for each in _sorted(known.applications.values(), "name")],
        }
        return {name: rows for name, rows in tables.items() if rows}

    def _of(self, instance_id: str) -> str:
        """How a table says its instance: not at all for the primary one."""
        instance = self._instances.get(instance_id)
        return instance.name if instance and not instance.is_primary else ""

    def _instance(self, instance: Instance) -> dict[str, object]:
        return _without_empty(
            name=instance.name,
            primary=instance.is_primary or "",
            id=instance.instance_id,
            identity_store_id=instance.identity_store_id,
            owner_account_id=instance.owner_account_id,
            start_url_aliases=list(instance.start_url_aliases),
        )

    def _user(self, user: User) -> dict[str, object]:
        return _without_empty(
            instance=self._of(user.instance_id),
            user_name=user.user_name,
            id=user.user_id,
            display_name=user.display_name,
            given_name=user.given_name,
            family_name=user.family_name,
            email=user.email,
            external_ids=self._external_ids.get(user.user_id, []),
            status=user.status.value if user.status is UserStatus.DISABLED else "",
        )

    def _groups(self) -> list[dict[str, object]]:
        members: dict[str, list[str]] = defaultdict(list)
        for each in self._known.memberships.values():
            if each.user_id in self._user_names:
                members[each.group_id].append(self._user_names[each.user_id])
        return [
            _without_empty(
                instance=self._of(group.instance_id),
                name=group.display_name,
                id=group.group_id,
                description=group.description,
                members=sorted(members[group.group_id]),
            )
            for group in _sorted(self._known.groups.values(), "display_name")
        ]

    def _accounts(self) -> list[dict[str, object]]:
        return [
            _without_empty(
                instance=self._of(account.instance_id),
                account_id=account.account_id,
                name=account.name,
                email=account.email,
                credential_source=account.credential_source,
            )
            for account in _sorted(self._known.accounts.values(), "account_id")
        ]

    def _permission_sets(self) -> list[dict[str, object]]:
        return [
            _without_empty(
                instance=self._of(each.instance_id),
                name=each.name,
                id=each.permission_set_id,
                description=each.description,
                session_duration=each.session_duration,
                relay_state=each.relay_state,
                credential_source=each.credential_source,
            )
            for each in _sorted(self._known.permission_sets.values(), "name")
        ]

    def _assignments(self) -> list[dict[str, object]]:
        """Whoever has the same roles of one permission set in the same accounts stands in one table."""
        names = {each.permission_set_arn: each.name for each in self._known.permission_sets.values()}
        where: dict[tuple[str, str, bool, str], list[str]] = defaultdict(list)
        for each in self._known.account_assignments.values():
            is_user = each.principal_type is PrincipalType.USER
            who = (self._user_names if is_user else self._group_names).get(each.principal_id)
            if who is not None and each.permission_set_arn in names:
                where[each.instance_id, names[each.permission_set_arn], is_user, who].append(each.account_id)
        together: dict[tuple[str, str, tuple[str, ...]], tuple[list[str], list[str]]] = {}
        for (instance_id, role, is_user, who), accounts in sorted(where.items()):
            users, groups = together.setdefault((instance_id, role, tuple(sorted(accounts))), ([], []))
            (users if is_user else groups).append(who)
        return [
            _without_empty(
                instance=self._of(instance_id),
                accounts=list(accounts),
                permission_sets=[role],
                users=users,
                groups=groups,
            )
            for (instance_id, role, accounts), (users, groups) in together.items()
        ]

    def _issuer(self, issuer: TrustedTokenIssuer) -> dict[str, object]:
        return _without_empty(
            instance=self._of(issuer.instance_id),
            name=issuer.name,
            arn=issuer.trusted_token_issuer_arn,
            issuer_url=issuer.issuer_url,
            claim_attribute_path=issuer.claim_attribute_path,
            identity_store_attribute_path=issuer.identity_store_attribute_path,
            algorithms=list(issuer.algorithms),
            status=issuer.status.value if issuer.status is Status.DISABLED else "",
        )

    def _application(self, application: Application) -> dict[str, object]:
        grants: dict[str, Any] = msgspec.to_builtins(application.grants)
        for each in grants.get("jwt_bearer", {}).get("authorized_token_issuers", ()):
            arn = each.pop("trusted_token_issuer_arn")
            each["trusted_token_issuer"] = self._issuer_names.get(arn, arn)
        arn = application.application_arn
        return _without_empty(
            instance=self._of(application.instance_id),
            name=application.name,
            arn=arn,
            description=application.description,
            status=application.status.value if application.status is Status.DISABLED else "",
            assignment_required=application.assignment_required,
            access_scopes=[_plain(msgspec.to_builtins(scope)) for scope in application.access_scopes],
            assigned_users=_called(self._user_names, self._assigned[arn, PrincipalType.USER]),
            assigned_groups=_called(self._group_names, self._assigned[arn, PrincipalType.GROUP]),
            actor_policy=msgspec.json.decode(application.actor_policy) if application.actor_policy else "",
        ) | {name: _plain(options) for name, options in grants.items()}


def _source(source: CredentialSource) -> dict[str, object]:
    options: dict[str, Any] = msgspec.to_builtins(source.options)
    options.pop("sealed_secret", None)
    return _without_empty(name=source.name, description=source.description) | _plain_members(options)


def _access_key(key: AccessKey) -> dict[str, object]:
    return _without_empty(
        access_key_id=key.access_key_id,
        principal_arn=key.principal_arn,
        description=key.description,
        status=key.status.value if key.status is AccessKeyStatus.INACTIVE else "",
    )


def is_secret_needed(source: CredentialSource) -> bool:
    """Whether the source has a secret that is not exported."""
    return isinstance(source.options, AssumeRoleSource)


def _called(names: Mapping[str, str], ids: Iterable[str]) -> list[str]:
    """The names of those who are still there."""
    return sorted(names[each] for each in ids if each in names)


def _sorted(records: Iterable[Any], member: str) -> list[Any]:
    return sorted(records, key=lambda record: (getattr(record, "instance_id", ""), getattr(record, member)))


def _without_empty(**members: object) -> dict[str, object]:
    """Empty texts and lists are what a declaration has where nothing stands."""
    return {name: value for name, value in members.items() if value not in ("", [], ())}


def _plain_members(members: Mapping[str, object]) -> dict[str, object]:
    return {name: _plain(value) for name, value in members.items()}


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return _plain_members(value)
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
