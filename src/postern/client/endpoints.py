"""Where a service is: the URL that was given for it, or the one that its endpoint rule set (1.0) has for a region."""

import re
from typing import Self

import msgspec

from postern.client.errors import ConfigurationError
from postern.client.partitions import Partition, partition_of

_DEFAULT_PORTS = {"http:": 80, "https:": 443}
_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_URL = re.compile(
    rf"(?P<protocol>https?:)//(?:\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<name>{_LABEL}(?:\.{_LABEL})*\.?))"
    r"(?::(?P<port>\d{1,5}))?(?P<path>/(?:[a-z0-9._~!$&'()*+,;=:/-]|%[0-9a-f]{2})*)?",
    re.ASCII | re.IGNORECASE,
)
_REGION = re.compile(r"(?!-)(?!\d+\Z)[a-zA-Z0-9-]{1,63}(?<!-)", re.ASCII)
_MAX_NAME = 253
_REFUSED = {"@": "a user name or password", "?": "a query", "#": "a fragment"}


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A service's address: AWS.Endpoint of the reference page. Made from a URL by `parse`.

    ``protocol`` is ``https:`` or ``http:``; ``hostname`` has no port and no brackets; ``path`` starts with a slash.
    """

    protocol: str
    hostname: str
    port: int
    path: str = "/"

    @classmethod
    def parse(cls, text: str, *, ssl_enabled: bool = True) -> Self:
        """The endpoint at a URL. A scheme is added if there is none: https, or http without ``ssl_enabled``.

        Raises:
            ConfigurationError: it is no http or https URL, or has more than a host, a port and a path.
        """
        scheme = "" if "://" in text else _scheme(ssl_enabled) + "://"
        for mark, part in _REFUSED.items():
            if mark in text:
                raise ConfigurationError(f"an endpoint URL cannot have {part}")
        found = _URL.fullmatch(scheme + text)
        if found is None:
            raise ConfigurationError(f"endpoint {text[:100]!r} is not an http or https URL")
        protocol = found["protocol"].lower()
        return cls(
            protocol=protocol,
            hostname=_ipv6(found["ipv6"]) if found["ipv6"] else _name(found["name"]),
            port=_port(found["port"]) if found["port"] else _DEFAULT_PORTS[protocol],
            path=found["path"] or "/",
        )

    @property
    def host(self) -> str:
        """The host name, and the port if it is not the protocol's own."""
        name = f"[{self.hostname}]" if ":" in self.hostname else self.hostname
        return name if self.port == _DEFAULT_PORTS.get(self.protocol) else f"{name}:{self.port}"

    @property
    def href(self) -> str:
        return f"{self.protocol}//{self.host}{self.path}"

    @property
    def base(self) -> str:
        """What a request URI is appended to: the URL without a slash at its end."""
        return self.href.rstrip("/")

    def with_host_prefix(self, prefix: str) -> Self:
        """The same with ``prefix`` before the host name.

        Raises:
            ConfigurationError: the outcome is no host name.
        """
        hostname = prefix + self.hostname
        found = _URL.fullmatch(f"https://{hostname}")
        if found is None or found["name"] != hostname:
            raise ConfigurationError(f"host prefix {prefix[:100]!r} does not make a host name")
        return msgspec.structs.replace(self, hostname=_name(hostname))


parse = Endpoint.parse


def expand(template: str, *, service: str, region: str | None, ssl_enabled: bool = True) -> str:
    """``template`` with ``{service}``, ``{region}`` and ``{scheme}`` filled in.

    Raises:
        ConfigurationError: it asks for a region and there is none, or one that is no host label.
    """
    text = template.replace("{scheme}", _scheme(ssl_enabled)).replace("{service}", service)
    if "{region}" not in text:
        return text
    if region is None:
        raise ConfigurationError("the endpoint asks for a {region}, and none is configured")
    check_region(region)
    return text.replace("{region}", region)


def check_region(region: str) -> None:
    """
    Raises:
        ConfigurationError: ``region`` is no host label, and so cannot be a part of a host name.
    """
    if _REGION.fullmatch(region) is None:
        raise ConfigurationError(f"region {region[:100]!r} is not a host label such as eu-central-1")


def check_custom(*, use_fips: bool, use_dualstack: bool) -> None:
    """What an endpoint that was given goes together with.

    Raises:
        ConfigurationError: with neither FIPS nor dual stack: they choose among AWS's own endpoints.
    """
    if use_fips:
        raise ConfigurationError("a custom endpoint cannot be combined with use_fips_endpoint")
    if use_dualstack:
        raise ConfigurationError("a custom endpoint cannot be combined with use_dualstack_endpoint")


def resolve(prefix: str, region: str, *, use_fips: bool = False, use_dualstack: bool = False) -> str:
    """The URL of a service in a region. ``prefix`` is ``oidc`` or ``portal.sso``.

    Raises:
        ConfigurationError: the region is no host label, or its partition has no such endpoints.
    """
    check_region(region)
    partition = partition_of(region)
    _check_support(partition, use_fips=use_fips, use_dualstack=use_dualstack)
    if use_fips and not use_dualstack and partition.name == "aws-us-gov":
        return f"https://{prefix}.{region}.amazonaws.com"  # as the rule set has it: they are FIPS endpoints already
    variant = "-fips" if use_fips else ""
    suffix = partition.dualstack_suffix if use_dualstack else partition.dns_suffix
    return f"https://{prefix}{variant}.{region}.{suffix}"


def _check_support(partition: Partition, *, use_fips: bool, use_dualstack: bool) -> None:
    if use_fips and not partition.supports_fips:
        raise ConfigurationError(f"FIPS is asked for, but partition {partition.name} has no FIPS endpoints")
    if use_dualstack and not partition.supports_dualstack:
        raise ConfigurationError(f"dual stack is asked for, but partition {partition.name} has no such endpoints")


def _scheme(ssl_enabled: bool) -> str:
    return "https" if ssl_enabled else "http"


def _ipv6(text: str) -> str:
    from ipaddress import IPv6Address

    try:
        return str(IPv6Address(text))
    except ValueError:
        raise ConfigurationError(f"endpoint host {text[:100]!r} is not an IPv6 address") from None


def _name(text: str) -> str:
    if len(text) > _MAX_NAME:
        raise ConfigurationError(f"endpoint host {text[:100]!r}… is longer than {_MAX_NAME} characters")
    return text.lower()


def _port(text: str) -> int:
    port = int(text)
    if not 0 < port < 65536:
        raise ConfigurationError(f"endpoint port {port} is not between 1 and 65535")
    return port
