"""Trusted token issuers, access keys and applications."""

import json
from collections.abc import Callable, Iterable, Mapping

import msgspec

from postern.core.directory import applications, trusted_token_issuers
from postern.core.directory.declaration import (
    Declaration,
    DeclaredAccessKey,
    DeclaredAccessScope,
    DeclaredApplication,
    DeclaredJwtBearer,
    DeclaredTrustedTokenIssuer,
    InvalidDeclaration,
    Place,
    at,
)
from postern.core.directory.planning.draft import Draft, existing
from postern.core.directory.records import (
    AccessKey,
    AccessKeyStatus,
    AccessScope,
    Application,
    ApplicationAssignment,
    ApplicationGrants,
    AuthorizedTokenIssuer,
    JwtBearerOptions,
    PrincipalType,
    TrustedTokenIssuer,
)
from postern.core.iam import actor_policy
from postern.core.iam.access_keys import new_access_key, secret_of
from postern.core.keys import MasterKey
from postern.core.records import Instance


def declare(draft: Draft, declaration: Declaration) -> None:
    """All three, since applications name issuers."""
    issuers = _declare_issuers(draft, declaration)
    _declare_access_keys(draft, declaration)
    _declare_applications(draft, declaration, issuers)


def _declare_issuers(draft: Draft, declaration: Declaration) -> dict[str, TrustedTokenIssuer]:
    """All trusted token issuers by name, as they will be."""
    after = draft.staying(draft.known.issuers)
    for position, declared in enumerate(declaration.trusted_token_issuer):
        place = ("trusted_token_issuer", position)
        instance, old = draft.instance_of(declared, place), draft.known.issuers.get(declared.name)
        with at(place):
            issuer = _issuer(declared, old, instance, draft.now)
        _require_arn(declared.arn, issuer.trusted_token_issuer_arn, instance, place)
        after[issuer.name] = issuer
        draft.settle("issuers", issuer.name, issuer.name, old, issuer, place)
    return after


def _issuer(
    declared: DeclaredTrustedTokenIssuer, old: TrustedTokenIssuer | None, instance: Instance, now: int
) -> TrustedTokenIssuer:
    new = trusted_token_issuers.new_trusted_token_issuer(
        instance,
        name=declared.name,
        issuer_url=declared.issuer_url,
        claim_attribute_path=declared.claim_attribute_path,
        identity_store_attribute_path=declared.identity_store_attribute_path,
        algorithms=declared.algorithms,
        now=now,
    )
    arn = old.trusted_token_issuer_arn if old else declared.arn or new.trusted_token_issuer_arn
    return trusted_token_issuers.require_valid(
        msgspec.structs.replace(
            new,
            trusted_token_issuer_arn=arn,
            created_at=old.created_at if old else now,
            status=declared.status or (old or new).status,
        )
    )


def _require_arn(declared: str | None, arn: str, instance: Instance, place: Place) -> None:
    if declared not in (None, arn):
        raise InvalidDeclaration(f"it has the ARN {arn}", (*place, "arn"))
    if f"/{instance.instance_id}/" not in arn:
        raise InvalidDeclaration(f"it is not of instance {instance.name!r}: its ARN is {arn}", place)


def _declare_access_keys(draft: Draft, declaration: Declaration) -> None:
    for position, declared in enumerate(declaration.access_key):
        old = draft.known.access_keys.get(declared.access_key_id)
        secret = draft.secrets.get(declared.access_key_id)
        place = ("access_key", position)
        if old is None and secret is None:
            text = f"access key {declared.access_key_id} is new: set secret_access_key_file or secret_access_key_env"
            raise InvalidDeclaration(text, place)
        with at(place):
            key = _access_key(declared, old, secret, draft.require_master(), draft.now)
        draft.settle("access_keys", key.access_key_id, key.access_key_id, old, key, place)


def _access_key(
    declared: DeclaredAccessKey, old: AccessKey | None, secret: str | None, master: MasterKey, now: int
) -> AccessKey:
    kept = secret_of(master, old) if old else None
    new, _ = new_access_key(
        master,
        principal_arn=declared.principal_arn,
        description=declared.description,
        access_key_id=declared.access_key_id,
        secret_access_key=kept if secret is None else secret,
        now=now,
    )
    if old is None:
        return msgspec.structs.replace(new, status=declared.status or AccessKeyStatus.ACTIVE)
    return msgspec.structs.replace(
        new,
        sealed_secret=old.sealed_secret if secret in (None, kept) else new.sealed_secret,
        status=declared.status or old.status,
        created_at=old.created_at,
    )


def _declare_applications(draft: Draft, declaration: Declaration, issuers: Mapping[str, TrustedTokenIssuer]) -> None:
    """In two rounds, since applications may name each other as targets."""
    begun = draft.staying(draft.known.applications)
    for position, declared in enumerate(declaration.application):
        place = ("application", position)
        instance = draft.instance_of(declared, place)
        with at((*place, "name")):
            old = draft.known.applications.get(declared.name)
            begun[declared.name] = old or _begun(declared, instance, draft.now)
        _require_arn(declared.arn, begun[declared.name].application_arn, instance, place)
    for position, declared in enumerate(declaration.application):
        place = ("application", position)
        instance = draft.instance_of(declared, place)
        with at(place):
            application = _application(declared, begun, issuers, instance, place)
        draft.settle(
            "applications",
            application.name,
            application.name,
            draft.known.applications.get(application.name),
            application,
            place,
        )
        _assign(draft, declared, application, instance, place)


def _begun(declared: DeclaredApplication, instance: Instance, now: int) -> Application:
    new = applications.new_application(instance, name=declared.name, now=now)
    if declared.arn is None:
        return new
    return applications.require_valid(msgspec.structs.replace(new, application_arn=declared.arn))


def _application(
    declared: DeclaredApplication,
    begun: Mapping[str, Application],
    issuers: Mapping[str, TrustedTokenIssuer],
    instance: Instance,
    place: Place,
) -> Application:
    targets = {each.application_arn for each in begun.values()} | {instance.arn}
    find_target = _finder(targets, {each.name: each.application_arn for each in begun.values()}, "application")
    arns = {issuer.name: issuer.trusted_token_issuer_arn for issuer in issuers.values()}
    find_issuer = _finder(arns.values(), arns, "trusted token issuer")
    begun_as = begun[declared.name]
    application = msgspec.structs.replace(
        begun_as,
        description=declared.description,
        status=declared.status or begun_as.status,
        assignment_required=declared.assignment_required,
        grants=ApplicationGrants(
            authorization_code=declared.authorization_code,
            refresh_token=declared.refresh_token,
            jwt_bearer=_jwt_bearer(
                declared.jwt_bearer, find_issuer, (*place, "jwt_bearer", "authorized_token_issuers")
            ),
            token_exchange=declared.token_exchange,
        ),
        access_scopes=tuple(_scope(each, find_target, (*place, "access_scopes")) for each in declared.access_scopes),
        actor_policy=_kept_or_new(begun_as.actor_policy, _actor_policy(declared, place)),
    )
    return applications.require_valid(application)


def _finder(arns: Iterable[str], by_name: Mapping[str, str], kind: str) -> Callable[[str, Place], str]:
    """A function from name or ARN to ARN."""
    known = {**by_name, **{arn: arn for arn in arns}}
    return lambda text, place: existing(known, text, kind, text, place)


def _jwt_bearer(
    declared: DeclaredJwtBearer | None, find_issuer: Callable[[str, Place], str], place: Place
) -> JwtBearerOptions | None:
    if declared is None:
        return None
    return JwtBearerOptions(
        authorized_token_issuers=tuple(
            AuthorizedTokenIssuer(
                trusted_token_issuer_arn=find_issuer(each.trusted_token_issuer, place),
                authorized_audiences=each.authorized_audiences,
            )
            for each in declared.authorized_token_issuers
        )
    )


def _scope(declared: str | DeclaredAccessScope, find_target: Callable[[str, Place], str], place: Place) -> AccessScope:
    if isinstance(declared, str):
        return AccessScope(scope=declared)
    targets = tuple(find_target(target, place) for target in declared.authorized_targets)
    return AccessScope(scope=declared.scope, authorized_targets=targets)


def _kept_or_new(kept: str, new: str) -> str:
    """The policy as it was written, if the declared one says the same."""
    return kept if kept and new and json.loads(kept) == json.loads(new) else new


def _actor_policy(declared: DeclaredApplication, place: Place) -> str:
    if declared.actor_policy is None:
        return applications.actor_policy_for(declared.principals) if declared.principals else ""
    try:
        text = json.dumps(declared.actor_policy, ensure_ascii=False, separators=(",", ":"))
    except TypeError:  # a date of TOML
        raise InvalidDeclaration("dates of a policy must stand in quotes", (*place, "actor_policy")) from None
    except (ValueError, RecursionError):
        text = "the policy has a number that is too long, or is nested too deeply"
        raise InvalidDeclaration(text, (*place, "actor_policy")) from None
    with at((*place, "actor_policy")):
        actor_policy.parse(text)
    return text


def _unless_the_same(old: str, new: str) -> str:
    """The old text of a policy, if both say the same."""
    return old if old and new and json.loads(old) == json.loads(new) else new


def _assign(
    draft: Draft, declared: DeclaredApplication, application: Application, instance: Instance, place: Place
) -> None:
    for user in draft.people(declared.assigned_users, instance, (*place, "assigned_users")):
        made = applications.assignment(application, PrincipalType.USER, user.user_id)
        _settle_assignment(draft, made, f"user {user.user_name} to {application.name}", place)
    for group in draft.groups_called(declared.assigned_groups, instance, (*place, "assigned_groups")):
        made = applications.assignment(application, PrincipalType.GROUP, group.group_id)
        _settle_assignment(draft, made, f"group {group.display_name} to {application.name}", place)


def _settle_assignment(draft: Draft, made: ApplicationAssignment, title: str, place: Place) -> None:
    old = draft.known.assignments.get(made.assignment_id)
    draft.settle("assignments", made.assignment_id, title, old, made, place)
