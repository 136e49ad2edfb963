"""``postern explain``: why a token is taken or not, and what would be asked for a person's role."""

import argparse
import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from postern.cli.configuring import chosen_instance
from postern.cli.context import opened_store, settings_from
from postern.cli.exit_codes import CommandFailed, UsageError
from postern.cli.output import is_interactive, printable, show, utc
from postern.core import users
from postern.core.audit import AuditEvent
from postern.core.directory import accounts
from postern.core.role_credentials import explain, sources
from postern.core.role_credentials.explain import ExplainedRole, ExplainedToken, NoToken, ProfileVerdict
from postern.core.role_credentials.token_checks import Finding
from postern.core.role_credentials.trust_policies import (
    ExplainedCondition,
    ExplainedTrust,
    InvalidTrustPolicy,
    Verdict,
)
from postern.core.service import Service, open_service
from postern.server.master_key import master_key_of
from postern.server.password_hashing import ThreadedHasher

_WIDEST = 20
_TIMES = ("iat", "nbf", "exp", "auth_time")


def token(options: argparse.Namespace) -> int:
    """0, or 1 if something is wrong with the token, or the chosen consumer would not take it.

    Raises:
        CommandFailed: it is none that can be looked into.
    """
    text = _token_from(options.file)
    try:
        found = asyncio.run(_explain_token(options, text))
    except NoToken as error:
        raise CommandFailed(f"that cannot be explained: {error}") from None
    verdicts = _chosen(found.profiles, options.profile)
    value = {
        "header": found.header,
        "claims": found.claims,
        "faults": _built(found.faults),
        "profiles": _shown(verdicts),
    }
    show(options, value, "\n".join(_token_lines(found, verdicts)))
    return 1 if found.faults or (options.profile and not verdicts[0].accepts) else 0


def role(options: argparse.Namespace) -> int:
    """0, or 1 if nobody would be asked, or who is would refuse.

    Raises:
        CommandFailed: the role is not the person's, or its source is gone.
    """
    trust_policy = _text_of(options.trust_policy) if options.trust_policy else None
    try:
        found = asyncio.run(_explain_role(options, trust_policy))
    except InvalidTrustPolicy as error:
        raise CommandFailed(str(error)) from None
    verdicts = _chosen(found.profiles, options.profile or found.profiles[0].name) if found.profiles else []
    value = {
        "source": found.source,
        "type": found.kind,
        "call": found.call,
        "claims": found.claims,
        "faults": _built(found.faults),
        "profiles": _shown(found.profiles),
        "trust_policy": msgspec.to_builtins(found.trust),
    }
    show(options, value, "\n".join(_role_lines(found, verdicts)))
    is_refused = bool(verdicts) and not verdicts[0].accepts
    is_distrusted = found.trust is not None and Verdict.NO in found.trust.allowed.values()
    return 1 if found.faults or is_refused or is_distrusted else 0


# What is asked


def _token_from(file: str | None) -> str:
    """
    Raises:
        UsageError: nobody can be asked for it, or the file cannot be read.
    """
    if file is None and is_interactive():
        from getpass import getpass

        return getpass("token (not shown): ").strip()
    if file is None or file == "-":
        if sys.stdin is None:
            raise UsageError("give the token in a file or on standard input")
        return sys.stdin.read(2 * explain.MAX_TOKEN).strip()
    return _text_of(file).strip()


def _text_of(file: str) -> str:
    """
    Raises:
        UsageError: it cannot be read.
    """
    try:
        return Path(file).read_text("utf-8")
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file}: it is not text") from None


async def _explain_token(options: argparse.Namespace, text: str) -> ExplainedToken:
    async with _opened_service(options) as service:
        return explain.explain_token(service, text)


async def _explain_role(options: argparse.Namespace, trust_policy: str | None) -> ExplainedRole:
    async with _opened_service(options) as service:
        instance = await chosen_instance(options, service.store)
        user = await users.require_user(service.store, options.user, instance)
        account = await accounts.find_account(service.store, options.account, instance)
        assigned = await service.store.find_assigned_role(user.user_id, account.account_id, options.role_name)
        if assigned is None:
            raise CommandFailed(f"{user.user_name} is not {options.role_name} in {account.account_id}: postern assign")
        source = sources.source_of(service, assigned)
        if source is None:
            raise CommandFailed("the credential source that the role names does not exist: postern credential-source")
        groups = await service.store.list_groups_of(user.user_id)
        return explain.explain_role(service, user, groups, assigned, source, trust_policy)


@contextlib.asynccontextmanager
async def _opened_service(options: argparse.Namespace) -> AsyncIterator[Service]:
    settings = settings_from(options)
    async with opened_store(settings) as store:
        yield await open_service(
            store=store,
            clock=time.time,
            policy=settings.policy,
            master=await master_key_of(settings, store),
            passwords=ThreadedHasher(),
            record=_no_record,
        )


def _no_record(event: AuditEvent) -> None:
    """Nothing happens that could be recorded."""


# What is shown


def _chosen(verdicts: Sequence[ProfileVerdict], profile: str | None) -> list[ProfileVerdict]:
    return [each for each in verdicts if profile in (None, each.name)]


def _shown(verdicts: Sequence[ProfileVerdict]) -> list[dict[str, object]]:
    return [{"name": each.name, "accepts": each.accepts, "findings": _built(each.findings)} for each in verdicts]


def _built(findings: Sequence[Finding]) -> list[dict[str, str]]:
    return [{"part": each.part, "text": each.text} for each in findings]


def _token_lines(found: ExplainedToken, verdicts: Sequence[ProfileVerdict]) -> Iterator[str]:
    yield "header"
    yield from _member_lines(found.header)
    yield "claims"
    yield from _member_lines(found.claims)
    yield "verified: signature and times are good" if not found.faults else "not good"
    yield from _finding_lines(found.faults)
    yield from _verdict_lines(verdicts)


def _role_lines(found: ExplainedRole, verdicts: Sequence[ProfileVerdict]) -> Iterator[str]:
    yield f"source {printable(found.source)} ({found.kind})"
    yield from _member_lines(found.call)
    if found.claims is not None:
        yield "claims of the token"
        yield from _member_lines(found.claims)
    if found.faults:
        yield "not good"
        yield from _finding_lines(found.faults)
    yield from _verdict_lines(verdicts)
    if found.trust is not None:
        yield from _trust_lines(found.trust)


def _member_lines(members: Mapping[str, object]) -> Iterator[str]:
    width = min(max(map(len, members), default=0), _WIDEST)
    for name, value in members.items():
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        if name in _TIMES and isinstance(value, int | float) and abs(value) < 10**11:
            text = f"{text}  ({utc(value)})"
        yield f"  {printable(name).ljust(width)}  {printable(text)}"


def _finding_lines(findings: Sequence[Finding]) -> Iterator[str]:
    for finding in findings:
        yield f"  {finding.part}: {finding.text}"


def _verdict_lines(verdicts: Sequence[ProfileVerdict]) -> Iterator[str]:
    if verdicts:
        yield "would it be taken?"
    for verdict in verdicts:
        yield f"  {verdict.name:<10}{'yes' if verdict.accepts else 'no'}  ({verdict.title})"
        for finding in verdict.findings:
            yield f"            {finding.part}: {finding.text}"


def _trust_lines(trust: ExplainedTrust) -> Iterator[str]:
    yield "the trust policy allows"
    for action, verdict in trust.allowed.items():
        yield f"  {action}: {verdict.value}"
    for statement in trust.statements:
        yield f"{printable(statement.name)} ({printable(statement.effect)}): {_APPLIES[statement.applies]}"
        yield f"  principal  {statement.principal.value}"
        yield f"  actions    {', '.join(statement.actions) or 'none that the call needs'}"
        for condition in statement.conditions:
            yield f"  {condition.holds.value:<9}  {printable(_condition_text(condition))}"


def _condition_text(condition: ExplainedCondition) -> str:
    asked = f"{condition.operator} {condition.key} = {', '.join(condition.wanted)}"
    actual = ", ".join(condition.actual) or "nothing"
    known = condition.remark if condition.holds is Verdict.UNKNOWN else f"the call has {actual}"
    remark = f" ({condition.remark})" if condition.remark and condition.holds is not Verdict.UNKNOWN else ""
    return f"{asked}; {known}{remark}"


_APPLIES = {Verdict.YES: "applies", Verdict.NO: "does not apply", Verdict.UNKNOWN: "may apply"}
