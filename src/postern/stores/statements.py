"""Statements that SQLite and PostgreSQL run alike, with question marks for parameters. What is a statement about one
row by its key comes from `postern.stores.tables`.
"""

from postern.core.directory.records import Account, AccountAssignment
from postern.core.records import DeviceAuthorization, TokenFamily, User
from postern.stores.tables import select

_OF_PRINCIPAL = "principal_id = ? AND principal_type = ?"
_NEWEST_LIVE = "revoked_at IS NULL AND expires_at > ? ORDER BY family_id DESC"
_REVOKE = "UPDATE token_family SET revoked_at = ?, revocation_reason = ? WHERE revoked_at IS NULL"
_WITHDRAW_DEVICES = "UPDATE device_authorization SET user_id = NULL WHERE status = ?"
_WITHDRAW_CODES = "DELETE FROM authorization_code WHERE redeemed_at IS NULL"

USER_BY_NAME = f"{select(User)} WHERE instance_id = ? AND canonical_name = ?"
ACCOUNT_IDS = (
    f"SELECT DISTINCT account_id FROM account_assignment WHERE {_OF_PRINCIPAL} AND account_id > ? "  # noqa: S608
    "ORDER BY account_id LIMIT ?"
)
ASSIGNMENTS = f"{select(AccountAssignment)} WHERE {_OF_PRINCIPAL} AND account_id = ?"
ALL_ASSIGNMENTS = f"SELECT account_id, permission_set_arn FROM account_assignment WHERE {_OF_PRINCIPAL}"  # noqa: S608
ASSIGNED_ACCOUNTS = (
    f"{select(Account)} WHERE account_key IN "  # noqa: S608
    f"(SELECT instance_id || ' ' || account_id FROM account_assignment WHERE {_OF_PRINCIPAL})"
)
DEVICE_BY_USER_CODE = f"{select(DeviceAuthorization)} WHERE user_code_digest = ?"
DEVICE_POLL = (
    "SELECT authorization_id, client_digest, status, expires_at FROM device_authorization WHERE authorization_id = ?"
)
LIVE_FAMILIES = f"{select(TokenFamily)} WHERE user_id = ? AND {_NEWEST_LIVE}"
LIVE_OF_CLIENT = f"{select(TokenFamily)} WHERE client_digest = ? AND {_NEWEST_LIVE}"
ALL_LIVE = f"{select(TokenFamily)} WHERE {_NEWEST_LIVE}"
REVOKE_OF_USER = f"{_REVOKE} AND user_id = ?"
REVOKE_OF_CLIENT = f"{_REVOKE} AND client_digest = ?"
WITHDRAW_DEVICES_OF_USER = f"{_WITHDRAW_DEVICES} AND user_id = ?"
WITHDRAW_DEVICES_OF_CLIENT = f"{_WITHDRAW_DEVICES} AND client_digest = ?"
WITHDRAW_CODES_OF_USER = f"{_WITHDRAW_CODES} AND user_id = ?"
WITHDRAW_CODES_OF_CLIENT = f"{_WITHDRAW_CODES} AND client_digest = ?"
END_SESSIONS = "DELETE FROM browser_session WHERE user_id = ? AND session_digest <> ?"
END_REFRESHING = "UPDATE token_family SET idle_expires_at = 0"
REVOKE_ALL = _REVOKE
EXPIRE_DEVICES = "UPDATE device_authorization SET expires_at = 0, user_id = NULL WHERE redeemed_at IS NULL"
WITHDRAW_ALL_CODES = _WITHDRAW_CODES
END_ALL_SESSIONS = "DELETE FROM browser_session"
