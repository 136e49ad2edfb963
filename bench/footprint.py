"""``python -m bench footprint``: how long commands take to start, and what memory a server takes while nobody asks it
anything.

Postern is measured as users have it (see `bench.starts`). Commands run in turn, each beside ``python -c pass`` of the
same virtual environment, the client beside boto3; ratios are taken round by round.
"""

import statistics
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from itertools import count
from pathlib import Path

import msgspec

from bench import filling, report, starts
from bench.client import PEERS, WORKLOADS_FOLDER
from bench.measure import Server
from bench.servers import environment
from bench.starts import INSTALLED, Cost, Start
from postern.client.role_credentials.sealed_files import RoleCredentials, RoleKey, open_role_credential_files
from postern.client.token_cache import CachedToken, FileTokenCache, SessionKey
from postern.server.settings import load as load_settings

ROWS = 1_000_000
_PORT = 18960
_CANNED_PORT = _PORT + 1
_FEWER_ROUNDS_OF_SERVERS = 2

_PASS = "`python -c pass`"
_PASS_WORDS = (str(INSTALLED / "python"), "-c", "pass")
_BOTO3 = "boto3, to its first answer"
_SERVE, _IDLE = "`postern serve` to ready", "`postern serve`, idle, MiB"
_START_TARGET, _IDLE_TARGET, _CONNECTION_TARGET = 20.0, 60.0, 16.0

_START_URL = "https://bench.awsapps.com/start"
_CONFIGURATION = f"""\
[sso-session bench]
sso_start_url = {_START_URL}
sso_region = us-east-1

[profile bench]
sso_session = bench
sso_account_id = 111122223333
sso_role_name = Admin
region = us-east-1
"""


class Command(msgspec.Struct, frozen=True):
    """``target`` is the most that its time should be of that of ``reference``."""

    title: str
    words: tuple[str, ...]
    reference: str = ""
    target: float | None = None


class Row(msgspec.Struct, frozen=True):
    """``beside`` are the costs of the reference in the same rounds."""

    title: str
    costs: list[Cost]
    reference: str = ""
    beside: list[Cost] = []
    target: float | None = None

    def ratios(self, member: str) -> list[float]:
        pairs = zip(self.costs, self.beside, strict=True)
        return [getattr(own, member) / getattr(other, member) for own, other in pairs]


class Memory(msgspec.Struct, frozen=True):
    title: str
    values: list[float]
    target: float


class Footprint(msgspec.Struct, frozen=True):
    starts: list[Row]
    memory: list[Memory]


def measure(rounds: int, rows: int) -> Footprint:
    """
    Raises:
        SystemExit: a command failed; the text is what it said.
    """
    with tempfile.TemporaryDirectory(prefix="postern-bench-") as name:
        folder = Path(name)
        of_commands = _of_commands(folder, rounds)
        of_servers = _of_servers(folder, max(1, rounds // _FEWER_ROUNDS_OF_SERVERS), rows)
        idle = [
            Memory(row.title.replace(_SERVE, _IDLE), [cost.memory for cost in row.costs], _IDLE_TARGET)
            for row in of_servers
            if row.reference
        ]
        settings = starts.of_server(folder / "connections", _PORT)
        connections = [starts.memory_of_a_connection(settings, _PORT) for _ in range(3)]
    title = f"each of {starts.CONNECTIONS:,} idle connections, KiB"
    return Footprint([*of_commands, *of_servers], [*idle, Memory(title, connections, _CONNECTION_TARGET)])


def _of_commands(folder: Path, rounds: int) -> list[Row]:
    endpoint = f"http://127.0.0.1:{_CANNED_PORT}"
    settings = starts.without_own_configuration() | _signed_in(folder / "home")
    commands = _commands(endpoint)
    canned = Server(["-m", "bench.canned", str(_CANNED_PORT)], {}, endpoint, folder / "canned.log")
    try:
        runs = {each.title: partial(starts.command, each.words, settings) for each in commands}
        costs = starts.alternate(runs, rounds)
    finally:
        canned.stop()
    return [
        Row(each.title, costs[each.title], each.reference, costs.get(each.reference, []), each.target)
        for each in commands
    ]


def _commands(endpoint: str) -> list[Command]:
    python, postern = str(INSTALLED / "python"), str(INSTALLED / "postern")
    cold = ("cold", endpoint, "0")
    client = (python, str(WORKLOADS_FOLDER / "postern_client.py"), *cold)
    return [
        Command(_PASS, _PASS_WORDS),
        Command("`import postern`", (python, "-c", "import postern"), _PASS),
        Command("`postern --version`", (postern, "--version"), _PASS),
        Command("`postern token`, warm cache", (postern, "token", "--profile", "bench"), _PASS),
        Command("`postern credentials`, warm cache", (postern, "credentials", "--profile", "bench"), _PASS, 4.0),
        Command(_BOTO3, (str(PEERS), str(WORKLOADS_FOLDER / "boto.py"), *cold)),
        Command("Postern's client, to its first answer", client, _BOTO3, 0.25),
    ]


def _signed_in(home: Path) -> dict[str, str]:
    """The environment of somebody whose token and role credentials are cached and good for hours."""
    key = SessionKey(_START_URL, "bench")
    until = time.time() + 8 * 3600
    token = CachedToken(
        start_url=_START_URL,
        region="us-east-1",
        access_token="a" * 80,
        expires_at=until,
        refresh_token="r" * 80,
        client_id="c" * 300,
        client_secret="s" * 80,
        session_name="bench",
    )
    configuration = home / ".aws" / "config"
    configuration.parent.mkdir(parents=True)
    configuration.write_text(_CONFIGURATION)
    FileTokenCache(home / ".aws" / "sso" / "cache").store(key, token)
    credentials = RoleCredentials("ASIAIOSFODNN7EXAMPLE", "s" * 40, "t" * 600, until)
    role = RoleKey(key, "111122223333", "Admin")
    open_role_credential_files({"HOME": str(home)}).store(role, token.access_token, credentials)
    return {"HOME": str(home), "AWS_CONFIG_FILE": str(configuration)}


def _of_servers(folder: Path, rounds: int, rows: int) -> list[Row]:
    new = (folder / f"new-{number}" for number in count())
    there, filled = folder / "there", folder / "filled"
    filled.mkdir()
    filling.fill_families(filling.basis(load_settings(environment=environment(filled))), rows, 0, of_a_person=20)
    bare = partial(starts.command, _PASS_WORDS, starts.without_own_configuration(), core=starts.SERVER_CORE)
    runs: dict[str, Start] = {
        _PASS: lambda: min(bare(), bare(), key=lambda cost: cost.wall),  # the first finds caches full of the server
        f"{_SERVE}, first start": lambda: starts.server(starts.of_server(next(new), _PORT)),
        f"{_SERVE}, empty store": partial(starts.server, starts.of_server(there, _PORT)),
        f"{_SERVE}, {rows:,} sign-ins": partial(starts.server, starts.of_server(filled, _PORT)),
    }
    costs = starts.alternate(runs, rounds)
    reference = costs.pop(_PASS)
    of_servers = [Row(title, of_one, _PASS, reference, _START_TARGET) for title, of_one in costs.items()]
    return [Row(f"{_PASS}, beside servers", reference), *of_servers]


# What is printed

_TITLES = ("start", "ms", "CPU ms", "MiB", "beside", "ratio: median (min-max)", "by CPU time", "target", "")
_MEMORY_TITLES = ("memory", "median (min-max)", "target", "")


def table(footprint: Footprint) -> str:
    of_starts = report.markdown(_TITLES, map(_row, footprint.starts))
    return f"{of_starts}\n\n{report.markdown(_MEMORY_TITLES, map(_memory_row, footprint.memory))}"


def _row(row: Row) -> list[str]:
    costs = [f"{statistics.median(getattr(cost, member) for cost in row.costs):.0f}" for member in ("wall", "cpu")]
    memory = f"{statistics.median(cost.memory for cost in row.costs):.1f}"
    if not row.reference:
        return [row.title, *costs, memory, "", "", "", "", ""]
    ratios = row.ratios("wall")
    by_cpu = report.ratio(statistics.median(row.ratios("cpu")))
    judged = ["", ""] if row.target is None else _judged(ratios, row.target)
    return [row.title, *costs, memory, row.reference, report.spread(ratios), by_cpu, *judged]


def _memory_row(memory: Memory) -> list[str]:
    low, middle, high = min(memory.values), statistics.median(memory.values), max(memory.values)
    return [memory.title, f"{middle:.1f} ({low:.1f}-{high:.1f})", *_judged(memory.values, memory.target)]


def _judged(values: Sequence[float], most: float) -> list[str]:
    return [f"<= {most:g}", "reached" if statistics.median(values) <= most else "**missed**"]
