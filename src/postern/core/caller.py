"""Who calls, as far as the transport can tell: shown to people who approve, counted by the limits, written to the
audit log.
"""

from ipaddress import IPv6Address, IPv6Network

import msgspec


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    address: str
    user_agent: str = ""

    @property
    def counted_address(self) -> str:
        """What limits count: of IPv6 the /64, since whoever has one has all its addresses; an IPv4-mapped address is
        the IPv4 one.
        """
        if ":" not in self.address:
            return self.address
        try:
            address = IPv6Address(self.address)
        except ValueError:
            return self.address
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(IPv6Network((int(address), 64), strict=False))
