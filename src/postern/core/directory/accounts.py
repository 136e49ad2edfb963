"""Accounts of an instance, what people may be there, and who: accounts, permission sets, assignments. Limits and
patterns are those of the ``sso-admin`` and ``organizations`` APIs.
"""

import re
import secrets
from urllib.parse import urlsplit

from postern.core.directory.errors import InvalidDirectoryRecord
from postern.core.directory.records import (
    Account,
    AccountAssignment,
    Group,
    PermissionSet,
    PrincipalType,
    account_assignment_id,
    account_key,
)
from postern.core.policy import HOUR
from postern.core.records import Instance, User
from postern.core.store import NotFound, Store

MAX_NAME = 50
MAX_EMAIL = 254
MAX_DESCRIPTION = 700
MIN_SESSION_DURATION = HOUR
MAX_SESSION_DURATION = 12 * HOUR
DEFAULT_SESSION_DURATION = HOUR
MAX_RELAY_STATE = 240

_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_PERMISSION_SET_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,32}")
_PERMISSION_SET_ARN = re.compile(r"arn:aws[a-z-]*:sso:::permissionSet/ssoins-[0-9a-zA-Z.-]{1,32}/ps-[0-9a-zA-Z]{16}")
_DURATION = re.compile(r"PT(?:(?P<hours>[0-9]{1,3})H)?(?:(?P<minutes>[0-9]{1,4})M)?(?:(?P<seconds>[0-9]{1,6})S)?")


def new_account(
    instance: Instance, *, account_id: str, name: str, email: str = "", credential_source: str = "", now: int
) -> Account:
    """
    Raises:
        InvalidDirectoryRecord: see `require_valid_account`.
    """
    return require_valid_account(
        Account(
            account_key=account_key(instance.instance_id, account_id),
            instance_id=instance.instance_id,
            account_id=account_id,
            name=name,
            email=email,
            credential_source=credential_source,
            created_at=now,
        )
    )


def require_valid_account(account: Account) -> Account:
    """The account, if it can be kept.

    Raises:
        InvalidDirectoryRecord: the id is not 12 digits, or name or address is too long or has control characters.
    """
    _require(_ACCOUNT_ID.fullmatch(account.account_id) is not None, "an account id is 12 digits")
    _require(
        1 <= len(account.name) <= MAX_NAME and account.name.isprintable() and bool(account.name.strip()),
        f"an account's name has 1 to {MAX_NAME} printable characters",
    )
    _require(
        len(account.email) <= MAX_EMAIL and account.email.isprintable(),
        f"an account's e-mail address has up to {MAX_EMAIL} printable characters",
    )
    return account


def new_permission_set(
    instance: Instance,
    *,
    name: str,
    description: str = "",
    session_duration: int = DEFAULT_SESSION_DURATION,
    relay_state: str = "",
    credential_source: str = "",
    permission_set_id: str | None = None,
    now: int,
) -> PermissionSet:
    """A permission set with an ARN of its own, or with the id that is given.

    Raises:
        InvalidDirectoryRecord: see `require_valid_permission_set`.
    """
    own_id = permission_set_id or f"ps-{secrets.token_hex(8)}"
    return require_valid_permission_set(
        PermissionSet(
            permission_set_arn=permission_set_arn(instance, own_id),
            instance_id=instance.instance_id,
            name=name,
            description=description,
            session_duration=session_duration,
            relay_state=relay_state,
            credential_source=credential_source,
            created_at=now,
        )
    )


def permission_set_arn(instance: Instance, permission_set_id: str) -> str:
    return f"arn:aws:sso:::permissionSet/{instance.instance_id}/{permission_set_id}"


def require_valid_permission_set(permission_set: PermissionSet) -> PermissionSet:
    """The permission set, if it can be kept.

    Raises:
        InvalidDirectoryRecord: name, id, description, duration or relay state is not what it has to be.
    """
    name, description, duration = permission_set.name, permission_set.description, permission_set.session_duration
    _require(
        _PERMISSION_SET_ARN.fullmatch(permission_set.permission_set_arn) is not None,
        "a permission set's id is ps- and 16 letters and digits",
    )
    _require(
        _PERMISSION_SET_NAME.fullmatch(name) is not None,
        "a permission set's name has 1 to 32 letters, digits and any of _+=,.@-",
    )
    _require(
        len(description) <= MAX_DESCRIPTION and description.isprintable(),
        f"a permission set's description has up to {MAX_DESCRIPTION} printable characters",
    )
    _require(
        MIN_SESSION_DURATION <= duration <= MAX_SESSION_DURATION,
        f"a session lasts {MIN_SESSION_DURATION} to {MAX_SESSION_DURATION} seconds (1 to 12 hours)",
    )
    _require(
        not permission_set.relay_state or _is_relay_state(permission_set.relay_state),
        f"a relay state is an https URL of up to {MAX_RELAY_STATE} characters",
    )
    return permission_set


def account_assignment(account: Account, permission_set: PermissionSet, principal: User | Group) -> AccountAssignment:
    """
    Raises:
        InvalidDirectoryRecord: they are not all of one instance.
    """
    instances = {account.instance_id, permission_set.instance_id, principal.instance_id}
    _require(len(instances) == 1, "account, permission set and person or group are of one instance")
    if isinstance(principal, User):
        principal_type, principal_id = PrincipalType.USER, principal.user_id
    else:
        principal_type, principal_id = PrincipalType.GROUP, principal.group_id
    arn = permission_set.permission_set_arn
    return AccountAssignment(
        assignment_id=account_assignment_id(account.account_id, arn, principal_type, principal_id),
        instance_id=account.instance_id,
        account_id=account.account_id,
        permission_set_arn=arn,
        principal_type=principal_type,
        principal_id=principal_id,
    )


def seconds_of(text: str) -> int:
    """A session duration in seconds: ``3600``, ``1h``, ``90m``, or as AWS writes it, ``PT1H``.

    Raises:
        InvalidDirectoryRecord: it is none of these.
    """
    units = {"h": 3600, "m": 60, "s": 1}
    if text.isascii() and text.isdigit() and len(text) <= 6:
        return int(text)
    if text[:-1].isascii() and text[:-1].isdigit() and len(text) <= 7 and text[-1:] in units:
        return int(text[:-1]) * units[text[-1]]
    found = _DURATION.fullmatch(text)
    if found is None or text == "PT":
        raise InvalidDirectoryRecord("a session duration is in seconds, or like 1h, 90m or PT1H")
    hours, minutes, seconds = (int(found[name] or 0) for name in ("hours", "minutes", "seconds"))
    return hours * 3600 + minutes * 60 + seconds


async def find_account(store: Store, account_id: str, instance: Instance) -> Account:
    """By its id, or by its name if only one is called that.

    Raises:
        NotFound: there is no such account, or several have the name.
    """
    known = [each for each in await store.list_configuration(Account) if each.instance_id == instance.instance_id]
    by_id = [account for account in known if account.account_id == account_id]
    found = by_id or [account for account in known if account.name == account_id]
    if not found:
        raise NotFound(f"there is no account {account_id!r}")
    if len(found) > 1:
        raise NotFound(f"several accounts are called {account_id!r}: give the id")
    return found[0]


async def find_permission_set(store: Store, text: str, instance: Instance) -> PermissionSet:
    """By name or ARN.

    Raises:
        NotFound: there is no such permission set.
    """
    for each in await store.list_configuration(PermissionSet):
        if each.instance_id == instance.instance_id and text in (each.name, each.permission_set_arn):
            return each
    raise NotFound(f"there is no permission set {text!r}")


def _is_relay_state(url: str) -> bool:
    if len(url) > MAX_RELAY_STATE or not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise InvalidDirectoryRecord(otherwise)
