"""Where the server connects to, and where never: statement 100 of the security design."""

import pytest

from postern.remote.addresses import Destinations

PUBLIC_URL = "https://sso.example.com"
REFUSED = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "0.1.2.3",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "192.0.0.9",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "localhost",
    "0x7f.1",
    "2130706433",
    "127.1",
    "",
]


@pytest.mark.parametrize("address", REFUSED)
def test_100_an_address_that_is_not_public_is_not_reached(address: str) -> None:
    assert not Destinations((), PUBLIC_URL).may_reach(address)


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "2606:2800:21f:cb07::1", "::ffff:93.184.215.14", "64:ff9b::5db8:d70e"]
)
def test_100_a_public_address_is_reached_but_not_without_tls(address: str) -> None:
    destinations = Destinations((), PUBLIC_URL)
    assert destinations.may_reach(address)
    assert not destinations.is_listed(address)


@pytest.mark.parametrize(
    "network,inside,outside",
    [
        ("10.1.0.0/16", "10.1.2.3", "10.2.0.1"),
        ("10.1.2.3", "10.1.2.3", "10.1.2.4"),
        ("10.1.2.3/16", "10.1.9.9", "10.2.0.1"),
        ("10.1.0.0/16", "::ffff:10.1.2.3", "::ffff:10.2.2.3"),
        ("fd00:1::/32", "fd00:1::5", "fd00:2::5"),
        ("127.0.0.1/32", "127.0.0.1", "127.0.0.2"),
    ],
)
def test_100_a_network_that_the_operator_listed_is_reached(network: str, inside: str, outside: str) -> None:
    destinations = Destinations((network,), PUBLIC_URL)
    assert destinations.may_reach(inside)
    assert destinations.is_listed(inside)
    assert not destinations.may_reach(outside)


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost", "[::1]:1"])
def test_a_server_on_loopback_reaches_loopback(host: str) -> None:
    destinations = Destinations((), f"http://{host}")
    assert destinations.is_listed("127.0.0.1")
    assert destinations.is_listed("::1")
    assert not destinations.may_reach("10.0.0.1")


@pytest.mark.parametrize("host", ["127.0.0.1.example.com", "localhost.example.com", "10.0.0.1"])
def test_a_server_elsewhere_does_not(host: str) -> None:
    assert not Destinations((), f"http://{host}").may_reach("127.0.0.1")


@pytest.mark.parametrize("network", ["10.1.0.0/33", "intranet", "10.1.0.0-10.2.0.0", ""])
def test_a_network_that_is_none_is_an_error_of_the_settings(network: str) -> None:
    with pytest.raises(ValueError, match="allowed_networks"):
        Destinations((network,), PUBLIC_URL)
