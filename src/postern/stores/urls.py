"""Store URLs taken apart. Several hosts, of which any may be an IPv6 address, are more than `urllib.parse` reads."""

import re
from typing import NamedTuple

POSTGRES = ("postgresql://", "postgres://")
_PASSWORDS = re.compile(r"(?i)(password=)[^&]*")


class DatabaseUrl(NamedTuple):
    """``account`` ends with ``@`` if there is one; ``path`` begins with a slash."""

    scheme: str
    account: str
    hosts: str
    path: str
    query: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.account}{self.hosts}{self.path}{self.query and f'?{self.query}'}"


def split(url: str) -> DatabaseUrl:
    scheme, _, rest = url.partition("://")
    rest, _, query = rest.partition("?")
    account, at, rest = rest.rpartition("@")
    hosts, slash, path = rest.partition("/")
    return DatabaseUrl(scheme, account + at, hosts, slash + path, query)


def without_password(url: str) -> str:
    """A store URL as it may be shown."""
    if not url.startswith(POSTGRES):
        return url
    parts = split(url)
    name, colon, _ = parts.account.partition(":")
    return str(
        parts._replace(account=f"{name}:***@" if colon else parts.account, query=_PASSWORDS.sub(r"\1***", parts.query))
    )
