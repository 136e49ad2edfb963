"""Groups of people, and the ids that other directories have for a person (``identitystore``)."""

import uuid

from postern.core.directory.errors import InvalidDirectoryRecord
from postern.core.directory.records import ExternalId, Group, GroupMembership, membership_id
from postern.core.records import User
from postern.core.store import NotFound, Store

MAX_DISPLAY_NAME = 1024
MAX_DESCRIPTION = 1024
MAX_EXTERNAL_ID = 512


def new_group(*, display_name: str, now: int, description: str = "") -> Group:
    """
    Raises:
        InvalidDirectoryRecord: the name or description is too long or has control characters.
    """
    return require_valid(
        Group(group_id=str(uuid.uuid4()), display_name=display_name, description=description, created_at=now)
    )


def require_valid(group: Group) -> Group:
    """The group, if it can be kept.

    Raises:
        InvalidDirectoryRecord: the name or description is too long or has control characters.
    """
    name, description = group.display_name, group.description
    if not name.strip() or len(name) > MAX_DISPLAY_NAME or not name.isprintable():
        raise InvalidDirectoryRecord(f"a group's name has 1 to {MAX_DISPLAY_NAME} printable characters")
    if len(description) > MAX_DESCRIPTION or not description.isprintable():
        raise InvalidDirectoryRecord(f"a group's description has up to {MAX_DESCRIPTION} printable characters")
    return group


def membership(group: Group, user: User) -> GroupMembership:
    return GroupMembership(
        membership_id=membership_id(group.group_id, user.user_id), group_id=group.group_id, user_id=user.user_id
    )


def external_id(user: User, issuer: str, id_: str) -> ExternalId:
    """
    Raises:
        InvalidDirectoryRecord: issuer or id is empty, too long, or has control characters.
    """
    for text in (issuer, id_):
        if not 1 <= len(text) <= MAX_EXTERNAL_ID or not text.isprintable():
            raise InvalidDirectoryRecord(
                f"an external id and its issuer have 1 to {MAX_EXTERNAL_ID} printable characters"
            )
    return ExternalId(external_id=id_, issuer=issuer, user_id=user.user_id)


async def find_by_name_or_id(store: Store, text: str) -> Group:
    """An id is the group that has it, though another may be named like that.

    Raises:
        NotFound: there is no such group.
    """
    known = await store.list_configuration(Group)
    found = {group.display_name: group for group in known} | {group.group_id: group for group in known}
    if text not in found:
        raise NotFound(f"there is no group {text!r}")
    return found[text]
