"""Postern beside its peers: the bodies and the settings of `bench.operations`, by as many connections as theirs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import fixtures, servers
from bench.cases import CASES
from bench.material import Share
from bench.measure import Server
from bench.peers.peer import CONNECTIONS, NOTHING, OPERATIONS, POLL, REFRESH, REGISTER, START, WAL
from postern import __version__
from postern.server.settings import load

NAME = "Postern"
VERSION = __version__
REMARK = "one process; requests are AWS's JSON, the client's secret is proved at each of them"
KEPT = {POLL: NOTHING, REGISTER: f"{NOTHING}: the client's id is signed", START: WAL, REFRESH: WAL}
_CASES = {case.name: case for case in CASES if case.name in OPERATIONS}
_ANSWERS = {POLL: "authorization_pending", REGISTER: '"clientSecret"', START: '"userCode"', REFRESH: '"refreshToken"'}
_CODES = 2000


@contextmanager
def running(folder: Path, operation: str, runs: int) -> Iterator[tuple[Server, Iterator[Share]]]:
    """The server, and what it is sent in so many runs."""
    case, settings = _CASES[operation], load(environment=servers.environment(folder))
    bodies = fixtures.make(settings, folder, codes=_CODES, families=2 * CONNECTIONS * runs)
    told = {
        "BENCH_PATH": case.path,
        "BENCH_BODIES": str(getattr(bodies, case.bodies)),
        "BENCH_STATUS": str(case.status),
        "BENCH_ANSWER": _ANSWERS[operation],
    }
    tokens = fixtures.shares(bodies.refresh_tokens, 2 * CONNECTIONS, runs)
    with servers.postern(folder, servers.PORT, "") as server:
        yield server, (Share(told, {"BENCH_TOKENS": str(file)} if case.tokens else {}) for file in tokens)
