"""Local people: adding, disabling, new passwords. What ends their sign-ins happens in the store, in the same step."""

import unicodedata
import uuid

from postern.core import passwords
from postern.core.passwords import PasswordHasher
from postern.core.records import User, UserStatus
from postern.core.store import NotFound, Store

MAX_USER_NAME = 128
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
    now: int,
) -> User:
    """
    Raises:
        InvalidUser: the name is empty, too long or has control characters.
        PasswordTooWeak: the password is too short or too long.
        AlreadyExists: the name is taken.
    """
    user = await new_user(
        hasher, user_name=user_name, password=password, display_name=display_name, email=email, now=now
    )
    await store.create_user(user)
    return user


async def new_user(
    hasher: PasswordHasher, *, user_name: str, password: str, display_name: str = "", email: str = "", now: int
) -> User:
    """A person who is in no store yet.

    Raises:
        InvalidUser, PasswordTooWeak: as for `add_user`.
    """
    name = user_name.strip()
    if not name or len(name) > MAX_USER_NAME or not name.isprintable():
        raise InvalidUser(f"a user name has 1 to {MAX_USER_NAME} printable characters")
    return User(
        user_id=str(uuid.uuid4()),
        user_name=name,
        canonical_name=canonical_name(name),
        display_name=display_name or name,
        email=ascii_lower(email),
        password_hash=await hasher.hash(passwords.require_acceptable(password)),
        status=UserStatus.ENABLED,
        created_at=now,
    )


async def require_user(store: Store, user_name: str) -> User:
    """
    Raises:
        NotFound: nobody has that name.
    """
    user = await store.find_user_by_name(canonical_name(user_name))
    if user is None:
        raise NotFound(f"there is no user {user_name!r}")
    return user


async def set_password(store: Store, hasher: PasswordHasher, *, user_name: str, password: str, now: int) -> User:
    """Give a person a new password; all their sign-ins end.

    Raises:
        NotFound: nobody has that name.
        PasswordTooWeak: the password is too short or too long.
    """
    user = await require_user(store, user_name)
    await store.set_password(user.user_id, await hasher.hash(passwords.require_acceptable(password)), now)
    return user


async def set_status(store: Store, *, user_name: str, status: UserStatus, now: int) -> User:
    """Disable or enable a person; disabling ends all their sign-ins.

    Raises:
        NotFound: nobody has that name.
    """
    user = await require_user(store, user_name)
    await store.set_user_status(user.user_id, status, now)
    return user
