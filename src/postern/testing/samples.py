"""Records and commands to test stores with: all good by themselves, each member open to change."""

import itertools
from base64 import urlsafe_b64encode
from hashlib import sha256

import msgspec

from postern.core.clients import AUTHORIZATION_CODE, DEVICE_CODE, JWT_BEARER, TOKEN_EXCHANGE, client_digest
from postern.core.directory.records import (
    AccessKey,
    AccessScope,
    Account,
    AccountAssignment,
    Application,
    ApplicationAssignment,
    ApplicationGrants,
    AuthorizationCodeOptions,
    AuthorizedTokenIssuer,
    CredentialSource,
    ExternalId,
    Group,
    GroupMembership,
    JwtBearerOptions,
    PermissionSet,
    PrincipalType,
    RefreshTokenOptions,
    TokenExchangeOptions,
    TrustedTokenIssuer,
    WebIdentitySource,
    account_assignment_id,
    account_key,
    assignment_id,
    membership_id,
)
from postern.core.records import (
    AuthorizationCode,
    BrowserSession,
    DeviceAuthorization,
    Instance,
    RingKeyRecord,
    RsaKeyRecord,
    TokenFamily,
    User,
    UserStatus,
)
from postern.core.store import (
    AcceptAssertion,
    DecideDeviceAuthorization,
    ExchangeToken,
    FamilyTerms,
    RedeemAuthorizationCode,
    RedeemDeviceAuthorization,
    RotateRefreshToken,
)

NOW = 1_800_000_000
WINDOW = 10
MAX_INTEGER = 2**63 - 1
SCOPES = ("sso:account:access", "codewhisperer:completions")
REDIRECT_URI = "http://127.0.0.1:53412/oauth/callback"
VERIFIER = "v" * 43
DEVICE_LIFE = 600
CODE_LIFE = 60
ACCESS_LIFE = 3600
IDLE_LIFE = 7200
FAMILY_LIFE = 28_800
ASSERTION_LIFE = 300
INSTANCE_ID = "ssoins-1111111111111111"
INSTANCE_ARN = f"arn:aws:sso:::instance/{INSTANCE_ID}"
APPLICATION_ARN = "arn:aws:sso::111122223333:application/ssoins-1111111111111111/apl-1111111111111111"
ISSUER_ARN = "arn:aws:sso::111122223333:trustedTokenIssuer/ssoins-1111111111111111/tti-1"
APPLICATION_SCOPE = "reports:read"

_numbers = itertools.count(1_000)


def next_number() -> int:
    """A row number that no other record of this process has; they grow, as real ones do."""
    return next(_numbers)


def digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


CLIENT = digest("the client")
OTHER_CLIENT = digest("another client")


def user(name: str = "mira", **changes: object) -> User:
    return msgspec.structs.replace(
        User(
            user_id=f"id of {name}",
            instance_id=INSTANCE_ID,
            user_name=name.title(),
            canonical_name=name,
            display_name=f"{name.title()} Example",
            email=f"{name}@example.org",
            password_hash="a password hash",
            status=UserStatus.ENABLED,
            created_at=NOW,
        ),
        **changes,
    )


def device_authorization(**changes: object) -> DeviceAuthorization:
    number = next_number()
    return msgspec.structs.replace(
        DeviceAuthorization(
            authorization_id=number,
            user_code_digest=digest(f"user code {number}"),
            client_digest=CLIENT,
            client_name="a tool",
            scopes=SCOPES,
            issues_refresh_token=True,
            requester_address="192.0.2.10",
            requester_agent="aws-cli/2",
            created_at=NOW,
            expires_at=NOW + DEVICE_LIFE,
            instance_id=INSTANCE_ID,
        ),
        **changes,
    )


def authorization_code(owner: User, **changes: object) -> AuthorizationCode:
    return msgspec.structs.replace(
        AuthorizationCode(
            code_id=next_number(),
            client_digest=CLIENT,
            client_name="a tool",
            user_id=owner.user_id,
            scopes=SCOPES,
            issues_refresh_token=True,
            redirect_uri=REDIRECT_URI,
            code_challenge=urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode(),
            created_at=NOW,
            expires_at=NOW + CODE_LIFE,
        ),
        **changes,
    )


def browser_session(owner: User, name: str = "a browser", **changes: object) -> BrowserSession:
    session = BrowserSession(
        session_digest=digest(name), user_id=owner.user_id, created_at=NOW, expires_at=NOW + FAMILY_LIFE
    )
    return msgspec.structs.replace(session, **changes)


def ring_key(**changes: object) -> RingKeyRecord:
    number = next_number()
    key = RingKeyRecord(key_id=number, wrapped_secret=digest(f"secret {number}"), created_at=NOW, activates_at=NOW)
    return msgspec.structs.replace(key, **changes)


def family_terms(**changes: object) -> FamilyTerms:
    terms = FamilyTerms(
        family_id=next_number(),
        key_id=7,
        grant_type=DEVICE_CODE,
        access_lifetime=ACCESS_LIFE,
        family_lifetime=FAMILY_LIFE,
        idle_lifetime=IDLE_LIFE,
    )
    return msgspec.structs.replace(terms, **changes)


def decision(pending: DeviceAuthorization, by: User, **changes: object) -> DecideDeviceAuthorization:
    command = DecideDeviceAuthorization(
        authorization_id=pending.authorization_id,
        user_id=by.user_id,
        approve=True,
        approver_address="198.51.100.7",
        now=NOW,
    )
    return msgspec.structs.replace(command, **changes)


def device_redemption(approved: DeviceAuthorization, **changes: object) -> RedeemDeviceAuthorization:
    """Each has family terms of its own, as concurrent requests have."""
    command = RedeemDeviceAuthorization(
        authorization_id=approved.authorization_id,
        client_digest=CLIENT,
        requested_scopes=None,
        replay_window=WINDOW,
        family=family_terms(),
        now=NOW,
    )
    return msgspec.structs.replace(command, **changes)


def code_redemption(code: AuthorizationCode, **changes: object) -> RedeemAuthorizationCode:
    command = RedeemAuthorizationCode(
        code_id=code.code_id,
        client_digest=CLIENT,
        redirect_uri=REDIRECT_URI,
        code_verifier=VERIFIER,
        requested_scopes=None,
        replay_window=WINDOW,
        family=family_terms(grant_type=AUTHORIZATION_CODE),
        now=NOW,
    )
    return msgspec.structs.replace(command, **changes)


def rotation(family: TokenFamily, **changes: object) -> RotateRefreshToken:
    """With the refresh token of the family's generation."""
    command = RotateRefreshToken(
        family_id=family.family_id,
        generation=family.generation,
        client_digest=CLIENT,
        requested_scopes=None,
        replay_window=WINDOW,
        access_lifetime=ACCESS_LIFE,
        idle_lifetime=IDLE_LIFE,
        now=NOW,
    )
    return msgspec.structs.replace(command, **changes)


# Applications, and what is configured beside them


def rsa_key(of: RingKeyRecord, **changes: object) -> RsaKeyRecord:
    key = RsaKeyRecord(key_id=of.key_id, wrapped_private_key=digest(f"private key {of.key_id}"))
    return msgspec.structs.replace(key, **changes)


def group(name: str = "analysts", **changes: object) -> Group:
    made = Group(group_id=f"id of {name}", instance_id=INSTANCE_ID, display_name=name, created_at=NOW)
    return msgspec.structs.replace(made, **changes)


def instance(name: str = "primary", **changes: object) -> Instance:
    made = Instance(
        instance_id=INSTANCE_ID if name == "primary" else f"ssoins-of-{name}",
        identity_store_id="d-1111111111" if name == "primary" else f"d-of-{name}",
        owner_account_id="111122223333",
        created_at=NOW,
        name=name,
        is_primary=name == "primary",
    )
    return msgspec.structs.replace(made, **changes)


def account(account_id: str = "111122223333", **changes: object) -> Account:
    made = Account(
        account_key=account_key(INSTANCE_ID, account_id),
        instance_id=INSTANCE_ID,
        account_id=account_id,
        name=f"Account {account_id}",
        email=f"{account_id}@example.org",
        created_at=NOW,
    )
    return msgspec.structs.replace(made, **changes)


def permission_set(name: str = "Admin", **changes: object) -> PermissionSet:
    number = sha256(name.encode()).hexdigest()[:16]
    made = PermissionSet(
        permission_set_arn=f"arn:aws:sso:::permissionSet/{INSTANCE_ID}/ps-{number}",
        instance_id=INSTANCE_ID,
        name=name,
        created_at=NOW,
    )
    return msgspec.structs.replace(made, **changes)


def account_assignment(of: Account, role: PermissionSet, to: User | Group) -> AccountAssignment:
    principal_type = PrincipalType.USER if isinstance(to, User) else PrincipalType.GROUP
    principal_id = to.user_id if isinstance(to, User) else to.group_id
    return AccountAssignment(
        assignment_id=account_assignment_id(of.account_id, role.permission_set_arn, principal_type, principal_id),
        instance_id=of.instance_id,
        account_id=of.account_id,
        permission_set_arn=role.permission_set_arn,
        principal_type=principal_type,
        principal_id=principal_id,
    )


def credential_source(name: str = "sts", **changes: object) -> CredentialSource:
    options = WebIdentitySource(endpoint="https://sts.example.org", audience="an audience", session_tags={"team": "x"})
    return msgspec.structs.replace(CredentialSource(name=name, options=options, created_at=NOW), **changes)


def membership(of: Group, member: User) -> GroupMembership:
    return GroupMembership(
        membership_id=membership_id(of.group_id, member.user_id), group_id=of.group_id, user_id=member.user_id
    )


def external_id(of: User, **changes: object) -> ExternalId:
    known = ExternalId(
        external_id=f"external id of {of.canonical_name}", issuer="https://issuer.example", user_id=of.user_id
    )
    return msgspec.structs.replace(known, **changes)


def trusted_token_issuer(**changes: object) -> TrustedTokenIssuer:
    issuer = TrustedTokenIssuer(
        trusted_token_issuer_arn=ISSUER_ARN,
        name="an issuer",
        issuer_url="https://issuer.example",
        claim_attribute_path="email",
        identity_store_attribute_path="emails.value",
        algorithms=("RS256", "ES256"),
        created_at=NOW,
    )
    return msgspec.structs.replace(issuer, **changes)


def access_key(**changes: object) -> AccessKey:
    key = AccessKey(
        access_key_id="AKIDREPORTS",
        principal_arn="arn:aws:iam::111122223333:role/reports",
        sealed_secret=digest("a sealed secret"),
        created_at=NOW,
    )
    return msgspec.structs.replace(key, **changes)


def application(number: int = 1, **changes: object) -> Application:
    """With every grant. The tokens that carry `APPLICATION_SCOPE` are for all applications of the instance."""
    made = Application(
        application_arn=f"{APPLICATION_ARN[:-1]}{number}",
        name=f"application {number}",
        grants=ApplicationGrants(
            authorization_code=AuthorizationCodeOptions(redirect_uris=(REDIRECT_URI,)),
            refresh_token=RefreshTokenOptions(),
            jwt_bearer=JwtBearerOptions(
                authorized_token_issuers=(
                    AuthorizedTokenIssuer(trusted_token_issuer_arn=ISSUER_ARN, authorized_audiences=("an audience",)),
                )
            ),
            token_exchange=TokenExchangeOptions(),
        ),
        access_scopes=(AccessScope(scope=APPLICATION_SCOPE, authorized_targets=(INSTANCE_ARN,)),),
        created_at=NOW,
    )
    return msgspec.structs.replace(made, **changes)


def assignment(to: Application, principal: User | Group) -> ApplicationAssignment:
    if isinstance(principal, User):
        principal_type, principal_id = PrincipalType.USER, principal.user_id
    else:
        principal_type, principal_id = PrincipalType.GROUP, principal.group_id
    return ApplicationAssignment(
        assignment_id=assignment_id(to.application_arn, principal_type, principal_id),
        application_arn=to.application_arn,
        principal_type=principal_type,
        principal_id=principal_id,
    )


def acceptance(by: Application, about: User, **changes: object) -> AcceptAssertion:
    """Each is of an assertion of its own."""
    command = AcceptAssertion(
        assertion_digest=digest(f"assertion {next_number()}"),
        assertion_expires_at=NOW + ASSERTION_LIFE,
        trusted_token_issuer_arn=ISSUER_ARN,
        user_id=about.user_id,
        client_digest=client_digest(by.application_arn),
        client_name=by.name,
        application_arn=by.application_arn,
        scopes=(APPLICATION_SCOPE,),
        issues_refresh_token=True,
        authenticated_at=NOW - 60,
        family=family_terms(grant_type=JWT_BEARER),
        now=NOW,
    )
    return msgspec.structs.replace(command, **changes)


def exchange(subject: TokenFamily, by: Application, **changes: object) -> ExchangeToken:
    """With an access token that carries all of the subject's scopes."""
    command = ExchangeToken(
        subject_family_id=subject.family_id,
        subject_scopes=subject.scopes,
        client_digest=client_digest(by.application_arn),
        client_name=by.name,
        application_arn=by.application_arn,
        instance_arn=INSTANCE_ARN,
        scopes=(APPLICATION_SCOPE,),
        issues_refresh_token=True,
        family=family_terms(grant_type=TOKEN_EXCHANGE),
        now=NOW,
    )
    return msgspec.structs.replace(command, **changes)


def application_rotation(family: TokenFamily, **changes: object) -> RotateRefreshToken:
    """A `rotation` by the application that the family is of."""
    own: dict[str, object] = {"client_digest": family.client_digest, "application_arn": family.application_arn}
    return rotation(family, **own | changes)
