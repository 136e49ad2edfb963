"""F14: requests that are not as they should be, as many as one likes; the same seed sends the same ones.

No answer may be a 5xx, none may take longer than a second, the server stays the process that it was, says of nothing
that it was unexpected, and remembers nothing of what it refused.
"""

import asyncio
import itertools
import time
from collections import Counter

from postern.testing.faults.nodes import Nodes, running
from postern.testing.faults.trial import Trial
from postern.testing.hostile.fuzz_cases import Case, case
from postern.testing.hostile.fuzz_world import World, open_world
from postern.testing.hostile.lanes import request
from postern.testing.hostile.loops import run
from postern.testing.oidc_issuer import IssuerProcess

HANGS_AFTER = 1.0
GROWTH = 0.01
_SENDERS = 16
_TRIES = 3
_PATIENCE = 10.0
_SILENCE = 0.25
_SERVER_ERROR = 500
_LIVE = request("GET", "/healthz/live")
# Nothing is refused because there is much to do, or because others tried as well.
SETTINGS = {"POSTERN_SERVER__MAX_IN_WORK": "10000", "POSTERN_SERVER__TARGET_DELAY": "60000"}
_TABLES = (
    "device_authorization",
    "authorization_code",
    "token_family",
    "browser_session",
    "attempts",
    "used_assertion",
)


def fuzz(trial: Trial) -> None:
    """The dose's ``items`` is how many requests."""
    nodes = Nodes(trial, settings=SETTINGS)
    with IssuerProcess() as issuer, running(nodes):
        world = open_world(nodes, issuer)
        campaign = _Campaign(trial, world, trial.random.randrange(1 << 30))
        before = _rows(trial)
        run(campaign.go())
        campaign.judge(_rows(trial) - before)


def _rows(trial: Trial) -> int:
    return sum(trial.store.number(f"SELECT count(*) FROM {table}") for table in _TABLES)  # noqa: S608


class _Campaign:
    def __init__(self, trial: Trial, world: World, seed: int) -> None:
        self._trial = trial
        self._world = world
        self._seed = seed
        self._port = world.nodes.ports[0]
        self._pid = world.nodes[0].pid
        self._hangs_after = HANGS_AFTER * trial.dose.patience
        self._numbers = itertools.count()
        self._statuses: Counter[int] = Counter()
        self._unanswered = 0

    async def go(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(_SENDERS):
                group.create_task(self._send_many())

    async def _send_many(self) -> None:
        sender = _Sender(self._port)
        while (number := next(self._numbers)) < self._trial.dose.items:
            each = case(self._seed, number, self._world)
            began = time.monotonic()
            status = await sender.send(each, self._hangs_after)
            if status is None and each.is_framed:
                status = await self._try_again(each, number)
            elif time.monotonic() > began + self._hangs_after:
                await self._try_again(each, number)
            self._note(each, number, status)
        sender.close()

    async def _try_again(self, each: Case, number: int) -> int | None:
        """Alone on a new connection. It hangs if it does each time while a question after the server's health does not:
        the machine may be slow as well.
        """
        for _ in range(_TRIES):
            sender = _Sender(self._port)
            began = time.monotonic()
            status = await sender.send(each, _PATIENCE)
            took = time.monotonic() - began
            await sender.send(Case("live", _LIVE), _PATIENCE)
            sender.close()
            is_slow_machine = time.monotonic() - began - took > self._hangs_after / 2
            if is_slow_machine or (status is not None and took <= self._hangs_after):
                return status
        self._fault(f"a request of kind {each.kind} had no answer within {self._hangs_after:g} s", each, number)
        return None

    def _note(self, each: Case, number: int, status: int | None) -> None:
        if status is None:
            self._unanswered += 1
            return
        self._statuses[status] += 1
        if status >= _SERVER_ERROR:
            self._trial.findings.server_errors += 1
            self._fault(f"a request of kind {each.kind} was answered {status}", each, number)
        if number % 1000 == 0:
            self._trial.say(f"{number:,} of {self._trial.dose.items:,} requests")

    def _fault(self, text: str, each: Case, number: int) -> None:
        file = self._trial.folder / f"request-{number}"
        file.write_bytes(each.data)
        self._trial.findings.fault(text)
        self._trial.say(f"{text}: {file}")

    def judge(self, grown: int) -> None:
        findings, items = self._trial.findings, self._trial.dose.items
        taken = sum(number for status, number in self._statuses.items() if status < 400)
        findings.acknowledge(sum(self._statuses.values()))
        findings.require(self._world.nodes[0].pid == self._pid, "the server is another process")
        log = self._world.nodes.log(0).read_text("utf-8", "replace")
        for word in ("Traceback", "unexpected error", "page failed", '"level":"error"'):
            findings.require(word not in log, f"the log says {word}")
        findings.require(
            grown <= taken + items * GROWTH, f"the store has {grown} rows more; {taken} requests were taken"
        )
        said = ", ".join(f"{number:,} x {status}" for status, number in sorted(self._statuses.items()))
        findings.notes.append(f"seed {self._seed}: {said}; {self._unanswered:,} broken off; {grown} rows more")


class _Sender:
    """One connection after the other, each as long as it lasts."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, each: Case, patience: float) -> int | None:
        """The status of the answer, or ``None`` if there was none in time. What is not one whole request gets none
        for sure, and ends the connection.
        """
        try:
            async with asyncio.timeout(patience if each.is_framed else min(patience, _SILENCE)):
                return await self._exchange(each)
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            self.close()
            return None

    def close(self) -> None:
        if self._connection is not None:
            self._connection[1].close()
            self._connection = None

    async def _exchange(self, each: Case) -> int:
        if self._connection is None:
            self._connection = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 20)
        reader, writer = self._connection
        writer.write(each.data)
        if not each.is_framed:
            writer.write(b"\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        lowered = head.lower()
        if not each.is_framed or b"connection: close" in lowered:
            self.close()
            return status
        length = lowered.partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length or b"0"))
        return status
