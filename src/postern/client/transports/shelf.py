"""Where idle connections wait for their next request: the one that was used last goes first."""

from typing import Generic, Protocol, TypeVar

from postern.client.transports.options import TransportOptions
from postern.client.transports.routes import Route


class Idle(Protocol):
    """``idle_since`` is set by the shelf; it is on the pool's monotonic clock."""

    route: Route
    idle_since: float


C = TypeVar("C", bound=Idle)


class Shelf(Generic[C]):
    """A connection that is returned by `put`, `expired` or `clear` is off the shelf, and to be closed."""

    def __init__(self, options: TransportOptions) -> None:
        self._size = options.max_idle
        self._lifetime = options.idle_lifetime
        self._connections: list[C] = []  # by the time of their last use

    def take(self, route: Route) -> C | None:
        """A connection on this route."""
        connections = self._connections
        for index in range(len(connections) - 1, -1, -1):
            if connections[index].route == route:
                return connections.pop(index)
        return None

    def put(self, connection: C, now: float) -> C | None:
        """Keep it; the one that there is no room for any more."""
        connection.idle_since = now
        self._connections.append(connection)
        return self._connections.pop(0) if len(self._connections) > self._size else None

    def expired(self, now: float) -> list[C]:
        """Those that have waited for so long that their servers may be about to close them."""
        oldest = now - self._lifetime
        count = 0
        for connection in self._connections:
            if connection.idle_since > oldest:
                break
            count += 1
        dropped = self._connections[:count]
        del self._connections[:count]
        return dropped

    def clear(self) -> list[C]:
        """All of them."""
        dropped = self._connections[:]
        self._connections.clear()
        return dropped
