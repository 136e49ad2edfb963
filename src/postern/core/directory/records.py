"""What is remembered of the directory. Ids and members are those of the ``sso-admin`` and ``identitystore`` APIs."""

from enum import StrEnum

import msgspec

from postern.core.records import Record


class Status(StrEnum):
    ENABLED = "ENABLED"
    DISABLED = "DISABLED"


class PrincipalType(StrEnum):
    USER = "USER"
    GROUP = "GROUP"


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what stands inside a record."""


class Group(Record, frozen=True, kw_only=True):
    """People of an instance under one name, to be assigned together. ``display_name`` is unique in the instance."""

    group_id: str
    instance_id: str
    display_name: str
    description: str = ""
    created_at: int


class GroupMembership(Record, frozen=True, kw_only=True):
    """``membership_id`` is made of the other two (`membership_id`), so that nobody is in a group twice."""

    membership_id: str
    group_id: str
    user_id: str


class ExternalId(Record, frozen=True, kw_only=True):
    """The id that another directory has for a person; unique, whichever directory it is."""

    external_id: str
    issuer: str
    user_id: str


class Account(Record, frozen=True, kw_only=True):
    """An AWS account, or what stands for one, that people of an instance are assigned to. ``account_key`` is made of
    the two ids (`account_key`): instances know nothing of each other's accounts. ``credential_source`` is the name of
    one, or empty for that of the permission set, and else the local one.
    """

    account_key: str
    instance_id: str
    account_id: str
    name: str
    email: str = ""
    credential_source: str = ""
    created_at: int


class PermissionSet(Record, frozen=True, kw_only=True):
    """A role as people choose it: ``name`` is the role name of the portal, unique in the instance.
    ``session_duration`` is in seconds, ``relay_state`` where in the console a session begins. ``credential_source`` is
    the name of one, and goes before the account's.
    """

    permission_set_arn: str
    instance_id: str
    name: str
    description: str = ""
    session_duration: int = 3600
    relay_state: str = ""
    credential_source: str = ""
    created_at: int

    @property
    def permission_set_id(self) -> str:
        """``ps-`` and 16 digits."""
        return self.permission_set_arn.rpartition("/")[2]


class AccountAssignment(Record, frozen=True, kw_only=True):
    """Who may be what where. ``assignment_id`` is made of the others (`account_assignment_id`)."""

    assignment_id: str
    instance_id: str
    account_id: str
    permission_set_arn: str
    principal_type: PrincipalType
    principal_id: str


class AssignedRole(msgspec.Struct, frozen=True, kw_only=True):
    """What a person may be, as of now."""

    account: Account
    permission_set: PermissionSet


class SourceOptions(Part, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """Base of where role credentials come from. Texts in braces are templates: ``{account_id}``, ``{role_name}``,
    ``{user_name}``, ``{user_id}``, ``{email}``, ``{display_name}``, ``{groups}`` (joined by ``:``).
    """


class ConsoleOptions(Part, frozen=True, kw_only=True, omit_defaults=True):
    """Where a session of the role signs in to a console: AWS's federation protocol at ``federation_endpoint``, or with
    none just the address ``destination``, which has to be given then.
    """

    federation_endpoint: str = ""
    destination: str = ""


class LocalSource(SourceOptions, frozen=True, kw_only=True, tag="local", omit_defaults=True):
    """Postern mints them itself. They are good for its own GetCallerIdentity and CreateTokenWithIAM."""

    console: ConsoleOptions | None = None


class WebIdentitySource(SourceOptions, frozen=True, kw_only=True, tag="web-identity", omit_defaults=True):
    """An STS takes a token that Postern signs for the person (AssumeRoleWithWebIdentity). ``token_profile`` says for
    whom it is written; ``role_arn`` is empty where the STS wants none. ``policies`` are for stores that take them from
    a claim, ``session_tags`` by key. ``allow_http`` lets go over plain HTTP elsewhere than on loopback.
    """

    endpoint: str
    audience: str
    region: str = ""
    token_profile: str = "aws"
    algorithm: str = ""
    role_arn: str = "arn:aws:iam::{account_id}:role/{role_name}"
    policies: tuple[str, ...] = ()
    session_tags: dict[str, str] = {}
    transitive_tag_keys: tuple[str, ...] = ()
    source_identity: str = ""
    allow_http: bool = False
    console: ConsoleOptions | None = None


class AssumeRoleSource(SourceOptions, frozen=True, kw_only=True, tag="assume-role", omit_defaults=True):
    """An STS takes a signature by an access key of Postern's own there (AssumeRole), whose secret lies sealed under the
    master key.
    """

    endpoint: str
    region: str
    access_key_id: str
    sealed_secret: bytes
    role_arn: str = "arn:aws:iam::{account_id}:role/{role_name}"
    external_id: str = ""
    session_tags: dict[str, str] = {}
    transitive_tag_keys: tuple[str, ...] = ()
    source_identity: str = ""
    allow_http: bool = False
    console: ConsoleOptions | None = None

    def __repr__(self) -> str:
        return f"AssumeRoleSource({self.endpoint}, {self.access_key_id})"


class CredentialSource(Record, frozen=True, kw_only=True):
    """Where role credentials come from, by name, for all instances."""

    name: str
    description: str = ""
    options: LocalSource | WebIdentitySource | AssumeRoleSource
    created_at: int

    def __repr__(self) -> str:
        return f"CredentialSource({self.name}, {type(self.options).__name__})"


class TrustedTokenIssuer(Record, frozen=True, kw_only=True):
    """An OIDC issuer whose tokens are accepted as assertions (RFC 7523). The claim at ``claim_attribute_path`` of a
    token is the attribute at ``identity_store_attribute_path`` of exactly one person.
    """

    trusted_token_issuer_arn: str
    name: str
    issuer_url: str
    claim_attribute_path: str
    identity_store_attribute_path: str
    algorithms: tuple[str, ...]
    status: Status = Status.ENABLED
    created_at: int

    @property
    def enabled(self) -> bool:
        return self.status is Status.ENABLED

    @property
    def instance_id(self) -> str:
        return instance_id_of(self.trusted_token_issuer_arn)


class AuthorizationCodeOptions(Part, frozen=True, kw_only=True):
    redirect_uris: tuple[str, ...]
    pkce_required: bool = True


class RefreshTokenOptions(Part, frozen=True, kw_only=True):
    """The grant has no options."""


class AuthorizedTokenIssuer(Part, frozen=True, kw_only=True):
    """Which assertions an application may present: those of this issuer, made for one of these audiences."""

    trusted_token_issuer_arn: str
    authorized_audiences: tuple[str, ...]


class JwtBearerOptions(Part, frozen=True, kw_only=True):
    authorized_token_issuers: tuple[AuthorizedTokenIssuer, ...]


class TokenExchangeOptions(Part, frozen=True, kw_only=True, omit_defaults=True):
    """``accepted_scopes`` are those by which a token of a public client names the application as its target: such a
    client has no scopes with authorized targets, but the person agreed to the scope.
    """

    accepted_scopes: tuple[str, ...] = ()


class ApplicationGrants(Part, frozen=True, kw_only=True, omit_defaults=True):
    """The grants that an application may use: those that are there."""

    authorization_code: AuthorizationCodeOptions | None = None
    refresh_token: RefreshTokenOptions | None = None
    jwt_bearer: JwtBearerOptions | None = None
    token_exchange: TokenExchangeOptions | None = None


class AccessScope(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A scope that tokens of an application may carry. ``authorized_targets`` are the ARNs of the applications (or of
    the instance, for all of them) that may take such a token in exchange for one of their own.
    """

    scope: str
    authorized_targets: tuple[str, ...] = ()


class Application(Record, frozen=True, kw_only=True):
    """A confidential client that signs with IAM credentials. ``actor_policy`` is an IAM policy in JSON that says whose;
    where it is empty, nobody's.
    """

    application_arn: str
    name: str
    description: str = ""
    status: Status = Status.ENABLED
    assignment_required: bool = True
    grants: ApplicationGrants = ApplicationGrants()
    access_scopes: tuple[AccessScope, ...] = ()
    actor_policy: str = ""
    created_at: int

    @property
    def enabled(self) -> bool:
        return self.status is Status.ENABLED

    @property
    def account_id(self) -> str:
        return self.application_arn.split(":")[4]

    @property
    def instance_id(self) -> str:
        return instance_id_of(self.application_arn)


class ApplicationAssignment(Record, frozen=True, kw_only=True):
    """Who may use an application. ``assignment_id`` is made of the other three (`assignment_id`)."""

    assignment_id: str
    application_arn: str
    principal_type: PrincipalType
    principal_id: str


class AccessKeyStatus(StrEnum):
    """As IAM spells it."""

    ACTIVE = "Active"
    INACTIVE = "Inactive"


class AccessKey(Record, frozen=True, kw_only=True):
    """A long-term access key of an IAM principal. The secret is sealed under the master key: whoever verifies a
    signature must know it.
    """

    access_key_id: str
    principal_arn: str
    sealed_secret: bytes
    status: AccessKeyStatus = AccessKeyStatus.ACTIVE
    description: str = ""
    created_at: int

    def __repr__(self) -> str:
        return f"AccessKey({self.access_key_id}, {self.principal_arn}, {self.status})"


class UsedAssertion(Record, frozen=True, kw_only=True):
    """That an issuer's ``jti`` was presented: a digest of both, kept until the assertion has expired."""

    assertion_digest: bytes
    expires_at: int


class ApplicationStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How a person stands to an application at this moment; ``application`` is ``None`` if it is gone."""

    application: Application | None
    is_assigned: bool


def instance_id_of(arn: str) -> str:
    """Of which instance an application, an issuer or a permission set is: its ARN says it."""
    return arn.split("/")[1]


def account_key(instance_id: str, account_id: str) -> str:
    return f"{instance_id} {account_id}"


def account_assignment_id(
    account_id: str, permission_set_arn: str, principal_type: PrincipalType, principal_id: str
) -> str:
    permission_set_id = permission_set_arn.rpartition("/")[2]
    return f"{principal_type.value} {principal_id} {account_id} {permission_set_id}"


def membership_id(group_id: str, user_id: str) -> str:
    return f"{group_id} {user_id}"


def assignment_id(application_arn: str, principal_type: PrincipalType, principal_id: str) -> str:
    return f"{application_arn} {principal_type.value} {principal_id}"
