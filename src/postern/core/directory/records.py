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
    """People under one name, to be assigned together. ``display_name`` is unique."""

    group_id: str
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


def membership_id(group_id: str, user_id: str) -> str:
    return f"{group_id} {user_id}"


def assignment_id(application_arn: str, principal_type: PrincipalType, principal_id: str) -> str:
    return f"{application_arn} {principal_type.value} {principal_id}"
