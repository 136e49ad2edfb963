"""Which source an account's role has, and the credentials that it gives."""

from collections.abc import Sequence
from hashlib import sha256

import msgspec

from postern.core.directory.records import (
    AssignedRole,
    AssumeRoleSource,
    CredentialSource,
    Group,
    LocalSource,
    WebIdentitySource,
)
from postern.core.iam.access_keys import MIN_DURATION, TemporaryCredentials, issue_role_credentials
from postern.core.keys import MasterKeyError
from postern.core.policy import HOUR
from postern.core.records import User
from postern.core.role_credentials import templates
from postern.core.role_credentials.port import AssumeRoleCall, SessionTag, SourceFaulty, WebIdentityCall
from postern.core.role_credentials.secrets import unseal_secret
from postern.core.role_credentials.session_names import reserved_role_arn, session_name
from postern.core.role_credentials.web_identity import write_token
from postern.core.service import Service

MAX_DURATION = 12 * HOUR
LOCAL = CredentialSource(name="local", options=LocalSource(), created_at=0)


def source_of(service: Service, role: AssignedRole) -> CredentialSource | None:
    """The permission set's, else the account's, else the local one; ``None`` if the one that is named is gone."""
    name = role.permission_set.credential_source or role.account.credential_source or LOCAL.name
    return service.credential_sources.get(name) or (LOCAL if name == LOCAL.name else None)


async def credentials_for(
    service: Service, user: User, role: AssignedRole, source: CredentialSource
) -> TemporaryCredentials:
    """Credentials for a role that is the person's: who asks has looked. Those of an STS may be such as it gave before,
    for all the same.

    Raises:
        StsUnavailable, StsRefused: the source is an STS, and has none for now, or none at all.
        SourceFaulty: it cannot be asked.
    """
    options = source.options
    if isinstance(options, LocalSource):
        return issue_role_credentials(
            service.ring,
            role_arn=reserved_role_arn(service, role),
            session_name=session_name(user),
            duration=duration_of(role),
            now=service.now(),
        )
    groups = await service.store.list_groups_of(user.user_id)

    async def make() -> TemporaryCredentials:
        if isinstance(options, WebIdentitySource):
            return await _by_web_identity(service, user, groups, role, source, options)
        return await service.sts.assume_role(assume_role_call(service, user, groups, role, source, options))

    return await service.issued_credentials.get(_key(user, groups, role, source), make)


def duration_of(role: AssignedRole) -> int:
    """How long a session is to last, in seconds: as the permission set says, within what an STS may give."""
    return max(MIN_DURATION, min(role.permission_set.session_duration, MAX_DURATION))


async def _by_web_identity(
    service: Service,
    user: User,
    groups: Sequence[Group],
    role: AssignedRole,
    source: CredentialSource,
    options: WebIdentitySource,
) -> TemporaryCredentials:
    call = WebIdentityCall(
        endpoint=options.endpoint,
        allow_http=options.allow_http,
        role_arn=templates.role_arn(options.role_arn, user, groups, role),
        session_name=session_name(user),
        web_identity_token=await write_token(service, user, role, source),
        duration=duration_of(role),
    )
    return await service.sts.assume_role_with_web_identity(call)


def assume_role_call(
    service: Service,
    user: User,
    groups: Sequence[Group],
    role: AssignedRole,
    source: CredentialSource,
    options: AssumeRoleSource,
) -> AssumeRoleCall:
    """What the STS of an AssumeRole source is asked.

    Raises:
        SourceFaulty: the secret of its access key does not open, or a value has no place in the role's ARN.
    """
    try:
        secret = unseal_secret(service.master, source.name, options.access_key_id, options.sealed_secret)
    except MasterKeyError:
        raise SourceFaulty("the secret access key of the source does not open under the master key") from None
    identity = options.source_identity
    return AssumeRoleCall(
        endpoint=options.endpoint,
        allow_http=options.allow_http,
        region=options.region,
        access_key_id=options.access_key_id,
        secret_access_key=secret,
        role_arn=templates.role_arn(options.role_arn, user, groups, role),
        session_name=session_name(user),
        duration=duration_of(role),
        external_id=options.external_id,
        source_identity=templates.source_identity(identity, user, groups, role) if identity else "",
        tags=tuple(
            SessionTag(key=key, value=templates.tag_value(template, user, groups, role))
            for key, template in options.session_tags.items()
        ),
        transitive_tag_keys=options.transitive_tag_keys,
    )


def _key(user: User, groups: Sequence[Group], role: AssignedRole, source: CredentialSource) -> bytes:
    """What credentials are remembered by: all that they are made of, as it is now."""
    made_of = (user, sorted(each.group_id + each.display_name for each in groups), role, source)
    return sha256(msgspec.msgpack.encode(made_of)).digest()
