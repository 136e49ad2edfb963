"""Who calls, as far as the transport can tell: shown to people who approve, counted by the limits, written to the
audit log.
"""

from ipaddress import IPv6Address, IPv6Network

import msgspec


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """An IAM principal that signed a request. ``arn`` is who it is now; of an assumed role's session ``role_arn`` is
    the role, which policies name.
    """

    arn: str
    access_key_id: str
    role_arn: str | None = None

    @property
    def account_id(self) -> str:
        return self.arn.split(":")[4]


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """``principal`` is there where the operation demands a signature."""

    address: str
    user_agent: str = ""
    principal: Principal | None = None

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
