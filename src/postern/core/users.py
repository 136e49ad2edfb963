"""Local people: adding, disabling, new passwords. What ends their sign-ins happens in the store, in the same step."""

import re
import unicodedata
import uuid

import msgspec

from postern.core import passwords
from postern.core.passwords import PasswordHasher
from postern.core.records import Instance, User, UserStatus
from postern.core.store import NotFound, Store

MAX_USER_NAME = 128
MAX_NAME = 1024
_USER_ID = re.compile(r"([0-9a-f]{10}-)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TO_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


class InvalidUser(ValueError):
    """The user name is not acceptable."""


def canonical_name(user_name: str) -> str:
    """What look-ups and counters use: however a name is typed, it is one person."""
    return unicodedata.normalize("NFKC", user_name).strip().casefold()


def ascii_lower(text: str) -> str:
    """With the letters A to Z in lower case, and no others: what merely looks like a letter stays another one."""
    return text.translate(_TO_LOWER)


async def add_user(
    store: Store,
    hasher: PasswordHasher,
    *,
    user_name: str,
    password: str,
    display_name: str = "",
    email: str = "",
    instance: Instance,
    now: int,
) -> User:
    """
    Raises:
        InvalidUser: the name is empty, too long or has control characters.
        PasswordTooWeak: the password is too short or too long.
        AlreadyExists: the name is taken.
    """
    user = await new_user(
        hasher,
        user_name=user_name,
        password=password,
        display_name=display_name,
        email=email,
        instance=instance,
        now=now,
    )
    await store.create_user(user)
    return user


async def new_user(
    hasher: PasswordHasher,
    *,
    user_name: str,
    password: str,
    display_name: str = "",
    given_name: str = "",
    family_name: str = "",
    email: str = "",
    instance: Instance,
    now: int,
) -> User:
    """A person who is in no store yet.

    Raises:
        InvalidUser, PasswordTooWeak: as for `add_user`.
    """
    person = new_person(
        instance,
        user_name=user_name,
        display_name=display_name,
        given_name=given_name,
        family_name=family_name,
        email=email,
        now=now,
    )
    password_hash = await hasher.hash(passwords.require_acceptable(password))
    return msgspec.structs.replace(person, password_hash=password_hash)


def new_person(
    instance: Instance,
    *,
    user_name: str,
    display_name: str = "",
    given_name: str = "",
    family_name: str = "",
    email: str = "",
    user_id: str | None = None,
    now: int,
) -> User:
    """A person who is in no store yet, and has no password: nobody signs in without one.

    Raises:
        InvalidUser: a name or address is empty where it has to be there, too long, or has control characters; or the id
            is not one.
    """
    name = user_name.strip()
    if not name or len(name) > MAX_USER_NAME or not name.isprintable():
        raise InvalidUser(f"a user name has 1 to {MAX_USER_NAME} printable characters")
    for text in (display_name, given_name, family_name, email):
        if len(text) > MAX_NAME or not text.isprintable():
            raise InvalidUser(f"names and e-mail addresses have up to {MAX_NAME} printable characters")
    if user_id is not None and not _USER_ID.fullmatch(user_id):
        raise InvalidUser("a user id is a UUID, perhaps with ten hexadecimal digits and a hyphen before it")
    return User(
        user_id=user_id or str(uuid.uuid4()),
        instance_id=instance.instance_id,
        user_name=name,
        canonical_name=canonical_name(name),
        display_name=display_name or name,
        email=ascii_lower(email),
        password_hash="",
        status=UserStatus.ENABLED,
        created_at=now,
        given_name=given_name,
        family_name=family_name,
    )


async def require_user(store: Store, user_name: str, instance: Instance) -> User:
    """
    Raises:
        NotFound: nobody in the instance has that name.
    """
    user = await store.find_user_by_name(instance.instance_id, canonical_name(user_name))
    if user is None:
        raise NotFound(f"there is no user {user_name!r}")
    return user


async def set_password(
    store: Store, hasher: PasswordHasher, *, user_name: str, password: str, instance: Instance, now: int
) -> User:
    """Give a person a new password; all their sign-ins end.

    Raises:
        NotFound: nobody has that name.
        PasswordTooWeak: the password is too short or too long.
    """
    user = await require_user(store, user_name, instance)
    await store.set_password(user.user_id, await hasher.hash(passwords.require_acceptable(password)), now)
    return user


async def set_status(store: Store, *, user_name: str, status: UserStatus, instance: Instance, now: int) -> User:
    """Disable or enable a person; disabling ends all their sign-ins.

    Raises:
        NotFound: nobody has that name.
    """
    user = await require_user(store, user_name, instance)
    await store.set_user_status(user.user_id, status, now)
    return user
