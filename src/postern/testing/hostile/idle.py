"""F11: connections that do nothing, many thousands of them, beside a steady load."""

import asyncio

from postern.testing.faults.nodes import Nodes, running
from postern.testing.faults.trial import Trial
from postern.testing.hostile import mix
from postern.testing.hostile.bystanders import Bystanders, require_hardly_slower
from postern.testing.hostile.lanes import request
from postern.testing.hostile.loops import run
from postern.testing.hostile.samples import Gauge

BYTES_EACH = 64 << 10
_AT_ONCE = 100
_ROOM = 1000
_LIVE = request("GET", "/healthz/live")


class _Idler(asyncio.Protocol):
    """Asks one thing, and stays."""

    def __init__(self) -> None:
        self.is_answered = False
        self.is_closed = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        transport.write(_LIVE)

    def data_received(self, data: bytes) -> None:
        self.is_answered = True

    def connection_lost(self, error: Exception | None) -> None:
        self.is_closed = True


def idle_connections(trial: Trial) -> None:
    """The dose's ``items`` is how many, ``rate`` the calls of the others."""
    settings = {
        "POSTERN_SERVER__MAX_CONNECTIONS": str(trial.dose.items + _ROOM),
        "POSTERN_SERVER__IDLE_TIMEOUT": str(int(trial.dose.seconds) + 3600),
    }
    nodes = Nodes(trial, settings=mix.SETTINGS | settings)
    with running(nodes):
        run(_idle(trial, nodes, mix.Mix(nodes, 10, trial.random)))


async def _idle(trial: Trial, nodes: Nodes, calls: mix.Mix) -> None:
    dose, findings = trial.dose, trial.findings
    gauge, others = Gauge(nodes[0].pid), Bystanders(trial, calls, nodes.ports[0])
    await others.arrive()
    before = await others.go_on(dose.seconds / 2)
    memory = gauge.memory()
    idlers = await _settle(nodes.ports[0], dose.items)
    each = (gauge.memory() - memory) / dose.items
    trial.say(f"{dose.items} idle connections, {each / 1024:.1f} KB each")
    during = await others.go_on(dose.seconds)
    settled = sum(idler.is_answered and not idler.is_closed for _, idler in idlers)
    for transport, _ in idlers:
        transport.close()
    await asyncio.sleep(1)
    after = await others.go_on(dose.seconds / 2)
    others.leave()
    findings.require(settled == dose.items, f"{dose.items - settled} idle connections were not served or not kept")
    findings.require(each <= BYTES_EACH, f"an idle connection takes {each / 1024:.0f} KB")
    findings.notes.append(f"{each / 1024:.1f} KB for a connection")
    require_hardly_slower(findings, before, during, after)


async def _settle(port: int, count: int) -> list[tuple[asyncio.BaseTransport, _Idler]]:
    idlers: list[tuple[asyncio.BaseTransport, _Idler]] = []
    loop = asyncio.get_running_loop()
    while len(idlers) < count:
        some = min(_AT_ONCE, count - len(idlers))
        idlers += await asyncio.gather(*(loop.create_connection(_Idler, "127.0.0.1", port) for _ in range(some)))
    await asyncio.sleep(1)
    return idlers
