"""Instances: what one may be."""

import re
import secrets
from collections.abc import Iterable

from postern.api.errors import InvalidRequestException
from postern.core import start_urls
from postern.core.directory.errors import InvalidDirectoryRecord
from postern.core.records import PRIMARY_NAME, Instance
from postern.core.store import NotFound, Store

MAX_ALIASES = 20

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_INSTANCE_ID = re.compile(r"ssoins-[0-9a-zA-Z.-]{1,32}")
_IDENTITY_STORE_ID = re.compile(r"d-[0-9a-f]{10}")
_ACCOUNT_ID = re.compile(r"[0-9]{12}")


def new_instance(
    *,
    name: str,
    instance_id: str | None = None,
    identity_store_id: str | None = None,
    owner_account_id: str | None = None,
    start_url_aliases: tuple[str, ...] = (),
    is_primary: bool = False,
    now: int,
) -> Instance:
    """An instance; ids that are not given are new ones, of the form that AWS gives out.

    Raises:
        InvalidDirectoryRecord: see `require_valid`.
    """
    return require_valid(
        Instance(
            instance_id=instance_id or f"ssoins-{secrets.token_hex(8)}",
            identity_store_id=identity_store_id or f"d-{secrets.token_hex(5)}",
            owner_account_id=owner_account_id or f"{secrets.randbelow(10**12):012d}",
            created_at=now,
            name=name,
            start_url_aliases=start_url_aliases,
            is_primary=is_primary,
        )
    )


def require_valid(instance: Instance) -> Instance:
    """The instance, if it can be kept.

    Raises:
        InvalidDirectoryRecord: its name, an id or an alias is not one, or there are too many aliases.
    """
    _require(
        _NAME.fullmatch(instance.name) is not None,
        "an instance's name has 1 to 63 small letters, digits and hyphens",
    )
    _require(
        instance.is_primary or instance.name != PRIMARY_NAME, f"the name {PRIMARY_NAME} is that of the primary instance"
    )
    _require(
        _INSTANCE_ID.fullmatch(instance.instance_id) is not None, "an instance's id is ssoins- and letters and digits"
    )
    _require(
        _IDENTITY_STORE_ID.fullmatch(instance.identity_store_id) is not None,
        "an identity store's id is d- and 10 hexadecimal digits",
    )
    _require(_ACCOUNT_ID.fullmatch(instance.owner_account_id) is not None, "an account id is 12 digits")
    _require(len(instance.start_url_aliases) <= MAX_ALIASES, f"an instance has up to {MAX_ALIASES} start URL aliases")
    for alias in instance.start_url_aliases:
        _require_alias(alias)
    return instance


def _require_alias(alias: str) -> None:
    try:
        start_urls.normalise(alias)
    except InvalidRequestException:
        raise InvalidDirectoryRecord(f"{alias!r} is not an http(s) URL") from None
    _require(len(alias) <= start_urls.MAX_LENGTH and alias.isascii(), "a start URL alias is too long, or not ASCII")


def require_own_aliases(instance: Instance, others: Iterable[Instance]) -> None:
    """
    Raises:
        InvalidDirectoryRecord: an alias is that of another instance, or names it.
    """
    taken = {
        start_urls.normalise(url): other.name
        for other in others
        if other.instance_id != instance.instance_id
        for url in (*other.start_url_aliases, start_urls.aws_start_url(other))
    }
    for alias in instance.start_url_aliases:
        name = taken.get(start_urls.normalise(alias))
        _require(name is None, f"{alias!r} is a start URL of instance {name!r}")


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise InvalidDirectoryRecord(otherwise)


async def find_by_name_or_id(store: Store, text: str) -> Instance:
    """
    Raises:
        NotFound: there is no such instance.
    """
    for instance in await store.list_instances():
        if text in (instance.name, instance.instance_id):
            return instance
    raise NotFound(f"there is no instance {text!r}")
