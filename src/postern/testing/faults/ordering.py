"""F5: nobody is told of what is not on disk. A power cut cannot be made here, so the order of system calls is what is
looked at.

Between the reading of a request for a token and the writing of its answer, the log of the store must have been written
and then synchronised.
"""

import asyncio
import bisect
import re
from pathlib import Path
from typing import NamedTuple

from postern.testing.faults.races import World, run_world
from postern.testing.faults.racing import RawConnection
from postern.testing.faults.tracing import traced
from postern.testing.faults.trial import Trial

_CALLS = "read,recvfrom,recvmsg,write,writev,sendto,sendmsg,pwrite64,pwritev,fdatasync,fsync"
_LINE = re.compile(r"^(\d+) +(?:<\.\.\. )?(\w+)(?: resumed>|\((\d+)<([^>]*)>)?(.*)$")
_READS = frozenset(("read", "recvfrom", "recvmsg"))
_SYNCS = frozenset(("fdatasync", "fsync"))
_LENGTH = 48
_OK = 200


class Traced(NamedTuple):
    """A system call in the order of the trace. ``entered`` and ``left`` are numbers of lines."""

    name: str
    file: str
    entered: int
    left: int
    text: str


def answer_after_sync(trial: Trial) -> None:
    output = trial.folder / "trace"

    async def run(world: World) -> None:
        codes = await world.begun(len(world.lanes))
        todo = iter(range(trial.dose.items))

        async def chain(connection: RawConnection, code: str) -> None:
            request = world.redeeming(code)
            for _ in todo:
                answer = await connection.send(request)
                trial.findings.require(answer.status == _OK, f"a token request was answered {answer.status}")
                trial.findings.acknowledge()
                request = world.refreshing(answer.members["refreshToken"])

        pids = [world.nodes[0].pid, *trial.store.writers()]
        options = ("-y", "-s", str(_LENGTH), "-e", f"trace={_CALLS}")
        with traced(pids, *options, output=output):
            await asyncio.gather(*(chain(lane[0], code) for lane, code in zip(world.lanes, codes, strict=True)))

    run_world(trial, run, count=1)
    calls = read_trace(output)
    early, answers = answered_early(calls, trial.store.log)
    trial.findings.require(
        answers >= trial.dose.items, f"only {answers} of {trial.dose.items} answers are in the trace"
    )
    for _ in range(early):
        trial.findings.is_lost("an answer was written before its transaction was synchronised")
    trial.findings.notes.append(f"{answers - early:,} of {answers:,} answers after the sync")


def read_trace(file: Path) -> list[Traced]:
    """The calls of a trace in the order in which they were left; those that were not left yet are left out."""
    entered: dict[tuple[str, str], tuple[int, str, str]] = {}
    calls: list[Traced] = []
    with file.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines):
            match = _LINE.match(line)
            if match is None:
                continue
            process, name, _, path, rest = match.groups()
            if rest.endswith("<unfinished ...>"):
                entered[process, name] = (number, path or "", rest)
            elif path is not None:
                calls.append(Traced(name, path, number, number, rest))
            elif (process, name) in entered:
                begun, begun_path, begun_text = entered.pop((process, name))
                calls.append(Traced(name, begun_path, begun, number, begun_text + rest))
    return calls


def answered_early(calls: list[Traced], log: str) -> tuple[int, int]:
    """How many answers to requests for tokens were written before a sync of what was logged since the request; and how
    many answers there were.
    """
    asked: dict[str, int] = {}
    logged: list[int] = []
    synced: list[tuple[int, int]] = []
    early = answers = 0
    for call in calls:
        if call.name in _READS and '"POST /token ' in call.text:
            asked[call.file] = call.left
        elif log in call.file and call.name in _SYNCS:
            synced.append((call.entered, call.left))
        elif log in call.file:
            logged.append(call.left)
        elif '"HTTP/1.1 200' in call.text and call.file in asked:
            answers += 1
            early += not _is_durable(asked.pop(call.file), call.entered, logged, synced)
    return early, answers


def _is_durable(asked: int, answered: int, logged: list[int], synced: list[tuple[int, int]]) -> bool:
    """Whether something was logged after the request, and then synchronised before the answer."""
    began = next((entered for entered, left in reversed(synced) if left < answered), -1)
    before = bisect.bisect_left(logged, began)
    return before > 0 and logged[before - 1] > asked
