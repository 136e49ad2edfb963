"""Groups of people, and the ids that other directories have for a person (``identitystore``)."""

import re
import uuid

from postern.core.directory.errors import InvalidDirectoryRecord
from postern.core.directory.records import ExternalId, Group, GroupMembership, membership_id
from postern.core.records import Instance, User
from postern.core.store import NotFound, Store

MAX_DISPLAY_NAME = 1024
MAX_DESCRIPTION = 1024
MAX_EXTERNAL_ID = 512
_GROUP_ID = re.compile(r"([0-9a-f]{10}-)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def new_group(
    instance: Instance, *, display_name: str, now: int, description: str = "", group_id: str | None = None
) -> Group:
    """
    Raises:
        InvalidDirectoryRecord: the name or description is too long or has control characters, or the id is not one.
    """
    if group_id is not None and not _GROUP_ID.fullmatch(group_id):
        raise InvalidDirectoryRecord(
            "a group id is a UUID, with or without ten hexadecimal digits and a hyphen before it"
        )
    return require_valid(
        Group(
            group_id=group_id or str(uuid.uuid4()),
            instance_id=instance.instance_id,
            display_name=display_name,
            description=description,
            created_at=now,
        )
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
    """
    Raises:
        InvalidDirectoryRecord: they are of different instances.
    """
    if group.instance_id != user.instance_id:
        raise InvalidDirectoryRecord("a group has people of its own instance only")
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


async def find_by_name_or_id(store: Store, text: str, instance: Instance) -> Group:
    """A group of the instance. An id is the group that has it, though another may be named like that.

    Raises:
        NotFound: there is no such group.
    """
    known = [group for group in await store.list_configuration(Group) if group.instance_id == instance.instance_id]
    found = {group.display_name: group for group in known} | {group.group_id: group for group in known}
    if text not in found:
        raise NotFound(f"there is no group {text!r}")
    return found[text]
