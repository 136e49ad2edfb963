"""What people may be where, by one statement each. The same questions as in `postern.stores.account_access`."""

from typing import cast

from postern.core.directory.records import Account, AssignedRole, PermissionSet
from postern.stores.postgres.connections import Connection
from postern.stores.postgres.dialect import TABLES

_ACCOUNT, _PERMISSION_SET = TABLES[Account], TABLES[PermissionSet]
_ACCOUNT_COLUMNS = ", ".join(f"a.{column}" for column in _ACCOUNT.columns)
_PERMISSION_SET_COLUMNS = ", ".join(f"p.{column}" for column in _PERMISSION_SET.columns)
# The person, and every group that the person is in.
_PRINCIPALS = """
principals AS (
    SELECT 'USER' AS principal_type, $1::text AS principal_id
    UNION ALL SELECT 'GROUP', group_id FROM group_membership WHERE user_id = $1
)"""
_ASSIGNED = """
account_assignment s JOIN principals r ON s.principal_id = r.principal_id AND s.principal_type = r.principal_type
"""

# PERF: of each principal only so many as may be needed are read, in the order of the index.
_ACCOUNTS = f"""
WITH {_PRINCIPALS}
SELECT {_ACCOUNT_COLUMNS}
FROM user_account u
CROSS JOIN LATERAL (
    SELECT DISTINCT k.account_key FROM principals r CROSS JOIN LATERAL (
        SELECT a.account_key FROM account_assignment s
        JOIN account a ON a.account_key = u.instance_id || ' ' || s.account_id
        WHERE s.principal_id = r.principal_id AND s.principal_type = r.principal_type AND s.account_id > $2
        GROUP BY s.account_id, a.account_key ORDER BY s.account_id LIMIT $3
    ) k
) k
JOIN account a ON a.account_key = k.account_key
WHERE u.user_id = $1
ORDER BY a.account_id LIMIT $3
"""  # noqa: S608
_ROLES = f"""
WITH {_PRINCIPALS}
SELECT {{columns}}
FROM user_account u
JOIN account a ON a.account_key = u.instance_id || ' ' || $2::text
JOIN permission_set p ON p.permission_set_arn IN (SELECT s.permission_set_arn FROM {_ASSIGNED} WHERE s.account_id = $2)
WHERE u.user_id = $1 {{further}}
ORDER BY p.name COLLATE "C"
"""  # noqa: S608
_ALL_ROLES = _ROLES.format(columns=_PERMISSION_SET_COLUMNS, further="")
_ONE_ROLE = _ROLES.format(columns=f"{_ACCOUNT_COLUMNS}, {_PERMISSION_SET_COLUMNS}", further="AND p.name = $3")


async def accounts(connection: Connection, user_id: str, after: str, limit: int) -> list[Account]:
    rows = await connection.fetch(_ACCOUNTS, user_id, after, limit)
    return [cast("Account", _ACCOUNT.record(row)) for row in rows]


async def roles(connection: Connection, user_id: str, account_id: str) -> list[PermissionSet]:
    rows = await connection.fetch(_ALL_ROLES, user_id, account_id)
    return [cast("PermissionSet", _PERMISSION_SET.record(row)) for row in rows]


async def role(connection: Connection, user_id: str, account_id: str, role_name: str) -> AssignedRole | None:
    row = await connection.fetchrow(_ONE_ROLE, user_id, account_id, role_name)
    if row is None:
        return None
    width = len(_ACCOUNT.columns)
    return AssignedRole(
        account=cast("Account", _ACCOUNT.record(row[:width])),
        permission_set=cast("PermissionSet", _PERMISSION_SET.record(row[width:])),
    )
