"""The address that limits count."""

import pytest

from postern.core.caller import Caller


@pytest.mark.parametrize(
    "address, counted",
    [
        ("192.0.2.10", "192.0.2.10"),
        ("::ffff:192.0.2.10", "192.0.2.10"),
        ("::FFFF:c000:020a", "192.0.2.10"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
        ("not:an:address", "not:an:address"),
        ("", ""),
    ],
)
def test_ipv6_is_counted_by_its_network(address: str, counted: str) -> None:
    caller = Caller(address=address)
    assert caller.counted_address == counted
    assert caller.address == address
