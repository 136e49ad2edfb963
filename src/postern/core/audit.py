"""Audit events: what happened to whom, by the operation names of AWS CloudTrail. Never a secret; of a token only its
loggable left part.
"""

from enum import StrEnum

import msgspec


class EventName(StrEnum):
    """Operations as CloudTrail names them, then the security events that it lacks."""

    CREATE_TOKEN = "CreateToken"
    CREATE_TOKEN_WITH_IAM = "CreateTokenWithIAM"
    INTROSPECT_TOKEN_WITH_IAM = "IntrospectTokenWithIAM"
    REVOKE_TOKEN_WITH_IAM = "RevokeTokenWithIAM"
    LIST_ACCOUNTS = "ListAccounts"
    LIST_ACCOUNT_ROLES = "ListAccountRoles"
    GET_ROLE_CREDENTIALS = "GetRoleCredentials"
    GET_CONSOLE_URL = "GetConsoleUrl"
    LOGOUT = "Logout"
    GET_CALLER_IDENTITY = "GetCallerIdentity"
    USER_AUTHENTICATION = "UserAuthentication"
    DEVICE_APPROVED = "DeviceAuthorizationApproved"
    DEVICE_DENIED = "DeviceAuthorizationDenied"
    CONSENT_GIVEN = "ConsentGiven"
    CONSENT_DENIED = "ConsentDenied"
    SIGN_OUT = "SignOut"
    PASSWORD_CHANGED = "PasswordChanged"
    REFRESH_TOKEN_REUSE = "RefreshTokenReuse"
    CODE_REUSE = "CodeReuse"
    USER_CODE_ALARM = "UserCodeAlarm"
    USER_CODE_THROTTLED = "UserCodeThrottled"
    PASSWORD_THROTTLED = "PasswordThrottled"
    SIGNATURE_REJECTED = "SignatureRejected"


class AuditEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the audit log. Absent members are not written."""

    event_name: EventName
    event_time: int
    outcome: str = "Success"
    user_id: str | None = None
    client_name: str | None = None
    client_digest: str | None = None
    grant_type: str | None = None
    family_id: str | None = None
    source_address: str | None = None
    requester_address: str | None = None
    reason: str | None = None
    application_arn: str | None = None
    principal_arn: str | None = None
    access_key_id: str | None = None
    account_id: str | None = None
    role_name: str | None = None
