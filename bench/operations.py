"""The server's operations, each beside a bare ASGI application, and one beside its cryptography alone."""

import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from bench import fixtures, plot, portal, report, servers, signed_requests
from bench.cases import SECTIONS, Case
from bench.crypto import Microseconds
from bench.issuer import Issuer
from bench.measure import Figures, RanOut, Sample, Server, load, pinned
from bench.pages import Section
from postern.server.settings import load as load_settings

_URL, _BARE_URL = servers.url(servers.PORT), servers.url(servers.BARE_PORT)
_WARM_UP = 1


class Outcome(msgspec.Struct, frozen=True):
    """``crypto`` is what the cryptography alone took, beside each pair, where the case asks for that."""

    case: Case
    bare: Figures
    ours: Figures
    crypto: list[Microseconds]

    @property
    def ratios(self) -> list[float]:
        return [own.rate / bare.rate for bare, own in zip(self.bare.samples, self.ours.samples, strict=True)]

    @property
    def cpu_ratio(self) -> float:
        """The same ratio by the server's processor time per request: it holds when others use the machine as well."""
        return self.bare.median("cpu_per_request") / self.ours.median("cpu_per_request")

    @property
    def wrong(self) -> int:
        return sum(sample.wrong for sample in (*self.bare.samples, *self.ours.samples))


class _Load(msgspec.Struct, frozen=True):
    """What one run sends: ``variables`` are those of ``load.lua``, ``own`` those for Postern alone."""

    variables: dict[str, str]
    own: dict[str, str]


def run(case: Case, folder: Path, pairs: int, seconds: int) -> Outcome:
    """
    Raises:
        RanOut: more requests were answered than prepared; the text says what rate they were prepared for.
    """
    folder.mkdir()
    environment = servers.environment(folder)
    with Issuer() as issuer:
        loads = _loads(case, folder, environment, issuer, [_WARM_UP, *[seconds] * pairs])
        try:
            with servers.postern(folder, servers.PORT, "") as ours, servers.bare(folder) as bare:
                return _compare(case, loads, bare, ours, seconds)
        except RanOut:
            raise RanOut(f"{case.name}: the requests that were prepared, {case.rate}/s, ran out") from None


def _loads(
    case: Case, folder: Path, environment: dict[str, str], issuer: Issuer, lengths: Sequence[int]
) -> list[_Load]:
    """What each run of so many seconds sends."""
    settings = load_settings(environment=environment)
    common = {"BENCH_PATH": case.path, "BENCH_TYPE": case.content_type}
    if case.assignments:
        tokens = portal.make(settings, folder, assignments=case.assignments)
        return [_Load({**common, "BENCH_BEARERS": str(tokens)}, {})] * len(lengths)
    if case.signed:
        url, sizes = _URL + case.path, [(case.rate or 0) * length for length in lengths]
        files = signed_requests.make(settings, folder, issuer, url, case.content_type, case.bodies, sizes)
        once = {"BENCH_ONCE": "1"} if case.rate else {}
        return [_Load({**common, "BENCH_SIGNED": "1", "BENCH_BODIES": str(file)}, once) for file in files]
    bodies = fixtures.make(settings, folder, codes=2000, families=2 * case.connections * len(lengths))
    common["BENCH_BODIES"] = str(getattr(bodies, case.bodies))
    if not case.tokens:
        return [_Load(common, {})] * len(lengths)
    shares = fixtures.shares(getattr(bodies, case.tokens), case.connections * 2, len(lengths))
    return [_Load(common, {"BENCH_TOKENS": str(share)}) for share in shares]


def _compare(case: Case, loads: Sequence[_Load], bare: Server, ours: Server, seconds: int) -> Outcome:
    def run_bare(load_: _Load, length: int) -> Sample:
        variables = {**load_.variables, "BENCH_STATUS": "200"}
        return load(bare, _BARE_URL, variables, connections=case.connections, seconds=length)

    def run_ours(load_: _Load, length: int) -> Sample:
        variables = {**load_.variables, **load_.own, "BENCH_STATUS": str(case.status)}
        return load(ours, _URL, variables, connections=case.connections, seconds=length)

    warm_up, *others = loads
    run_bare(warm_up, _WARM_UP)
    run_ours(warm_up, _WARM_UP)
    references: list[Sample] = []
    own: list[Sample] = []
    crypto: list[Microseconds] = []
    for number, load_ in enumerate(others):
        print(f"\r\033[K{case.name}: pair {number + 1} of {len(others)}", end="", file=sys.stderr)
        references.append(run_bare(load_, seconds))
        if case.crypto_target is not None:
            crypto.append(_crypto_alone(seconds))
        own.append(run_ours(load_, seconds))
    print("\r\033[K", end="", file=sys.stderr)
    return Outcome(case, Figures(references), Figures(own), crypto)


def _crypto_alone(seconds: int) -> Microseconds:
    command = [*pinned(0), sys.executable, "-m", "bench.crypto", str(seconds)]
    result = subprocess.run(command, env=dict(os.environ), capture_output=True, check=True)
    return msgspec.json.decode(result.stdout, type=Microseconds)


# What is printed

_COLUMNS: tuple[tuple[str, Callable[[Outcome], str]], ...] = (
    ("operation", lambda outcome: outcome.case.name),
    ("durable", lambda outcome: "yes" if outcome.case.durable else "-"),
    ("connections", lambda outcome: str(outcome.case.connections)),
    ("bare/s", lambda outcome: f"{outcome.bare.median('rate'):,.0f}"),
    ("Postern/s", lambda outcome: f"{outcome.ours.median('rate'):,.0f}"),
    ("ratio: median (min-max)", lambda outcome: report.spread(outcome.ratios)),
    ("by CPU time", lambda outcome: report.ratio(outcome.cpu_ratio)),
    ("target", lambda outcome: "-" if outcome.case.target is None else f"{outcome.case.target:.2f}"),
    ("p50 ms", lambda outcome: report.milliseconds(outcome.ours.median("p50"))),
    ("p99 ms", lambda outcome: report.milliseconds(outcome.ours.median("p99"))),
    ("server CPU", lambda outcome: f"{outcome.ours.median('server_cpu'):.0%}"),
    ("load CPU", lambda outcome: f"{outcome.ours.median('load_cpu'):.0%}"),
)


def table(outcomes: Sequence[Outcome]) -> str:
    rows = ([cell(outcome) for _, cell in _COLUMNS] for outcome in outcomes)
    lines = [report.markdown([title for title, _ in _COLUMNS], rows)]
    lines += [f"\n{_beside_crypto(outcome)}" for outcome in outcomes if outcome.crypto]
    return "\n".join(lines)


def sections(outcomes: Sequence[Outcome]) -> list[Section]:
    """Those of the page that were measured as a whole."""
    measured = {outcome.case.name: outcome for outcome in outcomes}
    whole = {name: cases for name, cases in SECTIONS.items() if measured.keys() >= set(cases)}
    return [_section(name, [measured[case] for case in cases]) for name, cases in whole.items()]


def _section(name: str, outcomes: Sequence[Outcome]) -> Section:
    return Section(name, "server", table(outcomes), _chart(outcomes) if name == "server" else None)


def _chart(outcomes: Sequence[Outcome]) -> plot.Chart:
    groups = [
        plot.Group(
            f"{outcome.case.name}, {outcome.case.connections} connections",
            [
                plot.Bar("Postern", outcome.ours.median("rate"), is_own=True),
                plot.Bar("bare application", outcome.bare.median("rate")),
            ],
        )
        for outcome in outcomes
    ]
    return plot.Chart(
        title="Postern's operations beside a bare ASGI application",
        description="Requests a second on one core, by operation; medians of runs that took turns.",
        panels=[plot.Panel("requests a second on one core", groups)],
    )


def _beside_crypto(outcome: Outcome) -> str:
    """What one SigV4, one RS256 and one ES256 would allow."""
    alone = {name: statistics.median(getattr(each, name) for each in outcome.crypto) for name in _STEPS}
    steps = ", ".join(f"{name} {microseconds:.1f} µs" for name, microseconds in alone.items())
    return (
        f"{outcome.case.name} beside its cryptography alone ({steps}): {_crypto_ratios(outcome)}, target "
        f"{outcome.case.crypto_target:.2f}."
    )


_STEPS = Microseconds.__struct_fields__


def _crypto_ratios(outcome: Outcome) -> str:
    """By rate, pair by pair, and by the server's processor time."""
    rates = [each.rate for each in outcome.crypto]
    ratios = [own.rate / rate for own, rate in zip(outcome.ours.samples, rates, strict=True)]
    by_cpu = 1e6 / statistics.median(rates) / outcome.ours.median("cpu_per_request")
    return f"{report.spread(ratios)} of its rate, {report.ratio(by_cpu)} by CPU time"
