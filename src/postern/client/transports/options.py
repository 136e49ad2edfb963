"""What a transport can be told."""

from collections.abc import Mapping

import msgspec


class TransportOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Times are seconds, sizes bytes; a time-out of 0 is no limit.

    ``connect_timeout`` covers the proxy's consent and the TLS handshake, but in the blocking transport not the look-up
    of a name, which is the system's; ``timeout`` is how long a server may be silent. ``proxy`` is an ``http:`` URL,
    with user and password if need be, for everything; without it ``environment`` is asked for HTTPS_PROXY, HTTP_PROXY
    and NO_PROXY. ``ca_bundle`` (a file or a directory) replaces the system's authorities; ``verify`` False trusts
    anyone. ``client_certificate`` is a file with certificate and key, or one of each. No more than ``max_response``
    bytes of a body are accepted. Up to ``max_idle`` connections are kept for ``idle_lifetime``; under asyncio up to
    ``max_connections`` are in use at a time, and further requests wait; 0 is no limit.
    """

    connect_timeout: float = 60.0
    timeout: float = 120.0
    proxy: str | None = None
    environment: Mapping[str, str] = {}
    ca_bundle: str | None = None
    verify: bool = True
    client_certificate: str | tuple[str, str] | None = None
    max_response: int = 16 * 1024 * 1024
    max_idle: int = 10
    idle_lifetime: float = 30.0
    max_connections: int = 100

    def __repr__(self) -> str:
        """Without proxy and environment: both carry passwords."""
        return f"TransportOptions(connect_timeout={self.connect_timeout:g}, timeout={self.timeout:g})"

    def __rich_repr__(self) -> list[tuple[str, float]]:
        return [("connect_timeout", self.connect_timeout), ("timeout", self.timeout)]
