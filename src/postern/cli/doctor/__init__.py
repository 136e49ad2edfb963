"""``postern doctor``: looks at everything that a sign-in depends on, one room for each part of it, and says what is
wrong and what to do.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from postern.cli.doctor import cached_files, configuration, endpoint, readers, service, start_url, system_keyring
from postern.cli.doctor.findings import Case, Finding, Severity, problem
from postern.cli.output import has_color, printable, show
from postern.cli.sign_ins import chosen_session, opened_cache
from postern.client.errors import ConfigurationError
from postern.client.sessions import Session
from postern.client.shared_config import SharedConfig

_COLORS = {"ok": "\x1b[32m", "warn": "\x1b[33m", "problem": "\x1b[31m"}
_RESET = "\x1b[0m"
_COUNTED: Mapping[Severity, str] = {"problem": "problem", "warn": "warning"}
_WITHOUT_SESSION = (configuration.examine, cached_files.examine, system_keyring.examine)
_WITH_SESSION = (start_url.examine, endpoint.examine, service.examine, readers.examine)


class Report(NamedTuple):
    session: Session | None
    findings: Sequence[Finding]

    @property
    def is_sound(self) -> bool:
        return all(finding.severity != "problem" for finding in self.findings)


def doctor(options: argparse.Namespace) -> int:
    """0, or 1 if there is a problem."""
    report = examine(options)
    session = report.session
    value = {
        "session": session.name if session else None,
        "start_url": session.start_url if session else None,
        "sound": report.is_sound,
        "findings": [finding._asdict() for finding in report.findings],
    }
    show(options, value, "\n".join(_lines(report)))
    return 0 if report.is_sound else 1


def examine(options: argparse.Namespace) -> Report:
    """
    Raises:
        ConfigurationError: the cache that is asked for cannot be opened.
    """
    cache = opened_cache(options)
    try:
        shared = SharedConfig.load(os.environ)
    except ConfigurationError as error:
        return Report(None, [problem("configuration", str(error), "correct the file: no tool can read it")])
    complaints = []
    session = None
    try:
        session = chosen_session(options, shared, cache)
    except ConfigurationError as error:
        complaints = [problem("sign-in", str(error), "say which sign-in is meant, or configure one")]
    case = Case(os.environ, shared, session, cache, time.time)
    return Report(session, [*complaints, *_findings(case)])


def _findings(case: Case) -> Iterator[Finding]:
    for part in _WITHOUT_SESSION:
        yield from part(case)
    for part in _WITH_SESSION if case.session else ():
        yield from part(case)


def _lines(report: Report) -> Iterator[str]:
    is_colored = has_color(sys.stdout)
    for check, severity, text, advice in report.findings:
        mark = f"{_COLORS[severity]}{severity:<7}{_RESET}" if is_colored else f"{severity:<7}"
        yield f"{mark}  {check}: {printable(text)}"
        if advice:
            yield f"         -> {printable(advice)}"
    yield _summary([finding.severity for finding in report.findings])


def _summary(severities: Sequence[Severity]) -> str:
    problems, warnings = (_counted(severities.count(each), name) for each, name in _COUNTED.items())
    if not problems and not warnings:
        return "no problem found"
    return ", ".join([problems or "no problem", *filter(None, [warnings])])


def _counted(count: int, name: str) -> str:
    return f"{count} {name}{'' if count == 1 else 's'}" if count else ""
