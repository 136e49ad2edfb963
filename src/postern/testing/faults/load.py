"""The load: clients that register, sign in by device code, refresh, repeat a refresh and log out, at a steady rate."""

import contextlib
import random
import threading
from collections.abc import Iterator, Sequence

from postern.testing.faults.botocore_like import ATTEMPTS, BotocoreLike, Interrupted, Traffic
from postern.testing.faults.nodes import PASSWORD, PERSON, Nodes
from postern.testing.faults.oracle import Oracle
from postern.testing.faults.trial import Dose, Trial
from postern.testing.wire import PersonAtBrowser, WireClient

_REFRESHES = 3
_REGISTERS_AGAIN = 0.2
_REPEATS = 0.3
_LOGS_OUT = 0.3
_POLLS_EARLY = 0.2


def steady(nodes: Nodes, traffic: Traffic) -> BotocoreLike:
    """A connection for preparations and proofs, which keeps no pace."""
    return BotocoreLike(nodes.ports, traffic)


class Load:
    """Threads that go on until `stop`. ``traffic`` is what they saw, ``oracle`` knows what they were told."""

    def __init__(self, nodes: Nodes, oracle: Oracle, dose: Dose, seed: int = 0, *, attempts: int = ATTEMPTS) -> None:
        self.traffic = Traffic()
        self._nodes = nodes
        self._oracle = oracle
        self._dose = dose
        self._seed = seed
        self._attempts = attempts
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._failure: list[BaseException] = []

    def start(self, ports: Sequence[int] | None = None) -> None:
        with contextlib.closing(steady(self._nodes, self.traffic)) as connection:
            browser = PersonAtBrowser(connection, PERSON, PASSWORD)
        self._stop.clear()
        self._threads = [
            threading.Thread(target=self._client, args=(browser, ports or self._nodes.ports, number))
            for number in range(self._dose.clients)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """
        Raises:
            Exception: what a client met that none should.
        """
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
        if self._failure:
            raise self._failure[0]

    def _client(self, browser: PersonAtBrowser, ports: Sequence[int], number: int) -> None:
        chance = random.Random(f"{self._seed} {number}")  # noqa: S311
        interval = self._dose.clients / self._dose.rate
        connection = BotocoreLike(ports, self.traffic, interval=interval, stop=self._stop, attempts=self._attempts)
        person, client = browser.over(connection), None
        try:
            with contextlib.closing(connection):
                while not self._stop.is_set():
                    with contextlib.suppress(Interrupted):
                        if client is None or chance.random() < _REGISTERS_AGAIN:
                            client = WireClient(connection, f"{self._nodes.url}/start")
                        self._journey(client, person, chance)
        except BaseException as error:  # noqa: BLE001 - it is raised again by `stop`
            self._failure.append(error)

    def _journey(self, client: WireClient, person: PersonAtBrowser, chance: random.Random) -> None:
        oracle = self._oracle
        if chance.random() < _POLLS_EARLY:
            client.redeem(client.start().get("deviceCode", "none"))
        sign_in = oracle.begin(client, person)
        if sign_in is None or not oracle.redeem(sign_in):
            return
        for _ in range(_REFRESHES):
            if not oracle.refresh(sign_in):
                return
            if chance.random() < _REPEATS:
                oracle.repeat(sign_in)
        if chance.random() < _LOGS_OUT:
            oracle.log_out(sign_in)


@contextlib.contextmanager
def under_load(trial: Trial, nodes: Nodes, oracle: Oracle) -> Iterator[Traffic]:
    """The block runs under load, which has stopped at its end."""
    load = Load(nodes, oracle, trial.dose, trial.random.randrange(1 << 30))
    load.start()
    try:
        yield load.traffic
    finally:
        load.stop()
    trial.findings.server_errors += load.traffic.server_errors
