"""What sessions and roles are called, as IAM Identity Center calls them."""

import re

from postern.core.directory.records import AssignedRole
from postern.core.records import User
from postern.core.service import Service

_LONGEST = 64
_SHORTEST = 2
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9_+=,.@-]")


def session_name(user: User) -> str:
    """The user name where it can be one (2 to 64 letters, digits and ``_+=,.@-``), else the user id."""
    name = user.user_name
    if _SHORTEST <= len(name) <= _LONGEST and not _NOT_ALLOWED.search(name):
        return name
    return user.user_id


def reserved_role_arn(service: Service, role: AssignedRole) -> str:
    """The role that a permission set is in an account."""
    region, permission_set = service.policy.instance.region, role.permission_set
    suffix = permission_set.permission_set_id.removeprefix("ps-")
    path = "aws-reserved/sso.amazonaws.com" if region == "us-east-1" else f"aws-reserved/sso.amazonaws.com/{region}"
    return f"arn:aws:iam::{role.account.account_id}:role/{path}/AWSReservedSSO_{permission_set.name}_{suffix}"
