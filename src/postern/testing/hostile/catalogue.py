"""The hostile loads by their names in the programme, with their doses."""

from functools import partial

from postern.testing.faults.stores import POSTGRESQL, SQLITE
from postern.testing.faults.trial import Dose, Fault
from postern.testing.hostile import fuzz, idle, overload, slow, soak

BOTH = (SQLITE, POSTGRESQL)

# On any machine, whatever else it does: limits of time are five times those of the programme.
_short = partial(Dose, patience=5.0)

HOSTILE = (
    Fault(
        name="F11",
        title="idle connections beside a steady load",
        promise="the others' p99 at most twice the usual, at most 64 KB for a connection, none refused",
        stores=BOTH,
        run=idle.idle_connections,
        short=_short(seconds=2, rate=60, items=1000),
        full=Dose(seconds=600, rate=100, items=10_000),
        words="{items:,} connections, {rate} calls/s for {seconds:g} s",
    ),
    Fault(
        name="F12",
        title="slow heads, slow bodies, slow readers beside a steady load",
        promise="each closed within 15 s, the others' p99 at most twice the usual",
        stores=BOTH,
        run=slow.slow_clients,
        short=_short(seconds=4, rate=60, items=200),
        full=Dose(seconds=600, rate=100, items=2000),
        words="{items:,} slow clients for {seconds:g} s",
    ),
    Fault(
        name="F13",
        title="more calls than can be answered, in an open loop",
        promise="goodput >= 80 % of the capacity, accepted calls within 1 s, the others refused within 0.1 s (p99), "
        "memory bounded, back to the baseline within 5 s",
        stores=BOTH,
        run=overload.overload,
        short=_short(seconds=3, clients=4, items=60),
        full=Dose(seconds=600, clients=4, items=1000),
        words="{clients} times the capacity for {seconds:g} s",
    ),
    Fault(
        name="F14",
        title="requests that are not as they should be",
        promise="no 5xx, no crash, no answer after more than 1 s, at most 1 % of the refused requests leave a row",
        stores=BOTH,
        run=fuzz.fuzz,
        short=_short(items=2000),
        full=Dose(items=1_000_000),
        words="{items:,} requests",
    ),
    Fault(
        name="F15",
        title="an ordinary load for long",
        promise="after the warm-up memory grows by less than 1 MiB in an hour, descriptors stay, rows are those that "
        "live, p99 drifts by less than 10 %",
        stores=BOTH,
        run=soak.soak,
        short=_short(seconds=6, rate=100),
        full=Dose(seconds=28_800, rate=200),
        words="{rate} calls/s for {seconds:g} s",
    ),
)
