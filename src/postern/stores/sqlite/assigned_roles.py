"""Whether a role is a person's, by one statement. The same question as in `postern.stores.account_access`."""

import sqlite3
from typing import cast

from postern.core.directory.records import Account, AssignedRole, PermissionSet
from postern.stores.sqlite.rows import TABLES

_ACCOUNT, _PERMISSION_SET = TABLES[Account], TABLES[PermissionSet]
_WIDTH = len(_ACCOUNT.columns)
_COLUMNS = ", ".join(
    [*(f"a.{column}" for column in _ACCOUNT.columns), *(f"p.{column}" for column in _PERMISSION_SET.columns)]
)
# PERF: 14 µs, where a statement for each of person, account, groups, assignments and permission sets takes 27.
_ROLE = f"""
SELECT {_COLUMNS}
FROM user_account u
JOIN account a ON a.account_key = u.instance_id || ' ' || ?2
JOIN permission_set p ON p.permission_set_arn IN (
    SELECT permission_set_arn FROM account_assignment
    WHERE principal_id = ?1 AND principal_type = 'USER' AND account_id = ?2
    UNION ALL
    SELECT s.permission_set_arn FROM group_membership m
    JOIN account_assignment s ON s.principal_id = m.group_id AND s.principal_type = 'GROUP' AND s.account_id = ?2
    WHERE m.user_id = ?1
)
WHERE u.user_id = ?1 AND p.name = ?3
"""  # noqa: S608


def role(connection: sqlite3.Connection, user_id: str, account_id: str, role_name: str) -> AssignedRole | None:
    row = connection.execute(_ROLE, (user_id, account_id, role_name)).fetchone()
    if row is None:
        return None
    return AssignedRole(
        account=cast("Account", _ACCOUNT.record(row[:_WIDTH])),
        permission_set=cast("PermissionSet", _PERMISSION_SET.record(row[_WIDTH:])),
    )
