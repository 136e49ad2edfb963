"""Where the server may connect to: public addresses, and networks that the operator listed. A name is good for nothing
by itself, since whoever owns it decides where it leads.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_LOOPBACK = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_TRANSLATED = IPv6Network("64:ff9b::/96")  # NAT64 (RFC 6052): the last four bytes are where it goes
# Tunnels to IPv4 (Teredo, 6to4), the relays of the latter, protocol assignments, documentation (RFC 9637): whatever
# the standard library thinks of them, no issuer is there.
_NO_ISSUER_THERE: tuple[Network, ...] = (
    IPv6Network("2001::/23"),
    IPv6Network("2002::/16"),
    IPv6Network("3fff::/20"),
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
)


class Destinations:
    """The addresses that may be connected to.

    Raises:
        ValueError: a text of ``allowed_networks`` is not a network.
    """

    def __init__(self, allowed_networks: Iterable[str], public_url: str) -> None:
        self._listed = tuple(_network(text) for text in allowed_networks)
        if _on_loopback(public_url):
            self._listed += _LOOPBACK

    def is_listed(self, text: str) -> bool:
        """Whether the operator vouches for the address: then plain HTTP will do."""
        address = _parse(text)
        return address is not None and self._lists(address)

    def may_reach(self, text: str) -> bool:
        address = _parse(text)
        return address is not None and (self._lists(address) or _is_public(address))

    def _lists(self, address: Address) -> bool:
        return any(address in network for network in self._listed)


def _network(text: str) -> Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise ValueError(f"trusted_issuers.allowed_networks: {error}") from None


def _on_loopback(public_url: str) -> bool:
    host = urlsplit(public_url).hostname or ""
    address = _parse(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _parse(text: str) -> Address | None:
    """The address that packets would really go to."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    if address in _TRANSLATED:
        return IPv4Address(address.packed[12:])
    return address.ipv4_mapped or address


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    special = address.is_private or address.is_multicast or address.is_reserved or not address.is_global
    return not special and not any(address in network for network in _NO_ISSUER_THERE)
