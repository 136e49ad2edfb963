"""The store URL: what of it is ours, and what goes to the driver."""

from urllib.parse import parse_qsl, urlencode

import msgspec

from postern.core.store import StoreError
from postern.stores import urls

_OURS = ("pool_size", "statement_timeout", "lock_timeout", "prepared_statements")
_PRIMARY = ("read-write", "primary")


class BadAddress(StoreError):
    """The store URL has an option that it cannot have."""


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """``postgresql://user@host[,host…][:port]/database?option=value``.

    ``pool_size`` connections of a worker, ``statement_timeout`` and ``lock_timeout`` in milliseconds,
    ``prepared_statements=off`` for a pooler that hands connections round. Everything else (``sslmode``,
    ``sslrootcert``, ``sslcert``, ``sslkey``, ``passfile``, ``target_session_attrs``, …) is the driver's.
    """

    url: str
    pool_size: int = 10
    statement_timeout: int = 5000
    lock_timeout: int = 3000
    prepared_statements: bool = True

    @property
    def urls(self) -> tuple[str, ...]:
        """One for each server where any is right that takes writes. Otherwise the driver chooses among them."""
        parts = urls.split(self.url)
        if not {("target_session_attrs", wanted) for wanted in _PRIMARY} & set(parse_qsl(parts.query)):
            return (self.url,)
        return tuple(str(parts._replace(hosts=host)) for host in parts.hosts.split(","))


def parse(url: str) -> Address:
    """
    Raises:
        BadAddress: an option has a value that it cannot have.
    """
    parts = urls.split(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    mine: dict[str, object] = {name: options.pop(name) for name in _OURS if name in options}
    if "prepared_statements" in mine:
        mine["prepared_statements"] = _switch(str(mine["prepared_statements"]))
    options.setdefault("target_session_attrs", "read-write")
    try:
        given = str(parts._replace(query=urlencode(options)))
        address = msgspec.convert({"url": given, **mine}, Address, strict=False)
    except msgspec.ValidationError as error:
        raise BadAddress(f"store.url: {error}") from None
    for name in ("pool_size", "statement_timeout", "lock_timeout"):
        if getattr(address, name) < 1:
            raise BadAddress(f"store.url: {name} must be 1 or more")
    return address


def _switch(text: str) -> bool:
    if text not in ("on", "off"):
        raise BadAddress("store.url: prepared_statements is on or off")
    return text == "on"
