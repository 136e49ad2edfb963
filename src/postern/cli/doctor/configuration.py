"""The shared configuration files: which are read, who else can change them, and whether they make sense."""

from collections.abc import Iterator
from pathlib import Path
from shlex import quote

from postern.cli import aws_config_text, files
from postern.cli.doctor.findings import Case, Finding, ok, problem, warn
from postern.client.errors import ConfigurationError
from postern.client.sessions import profiles_of
from postern.client.settings import service_settings

_OTHERS_MAY_WRITE, _OTHERS_MAY_READ = 0o022, 0o044
_SECTION_KEYS = ("sso_start_url", "sso_region")
_KINDS = ("profile", "sso-session", "services")
_CONFIGURE = "postern configure sso"


def examine(case: Case) -> Iterator[Finding]:
    yield from _config_file(case)
    yield from _credentials_file(case)
    yield from _environment(case)
    yield from _headers(case)
    yield from _sections(case)
    yield from _endpoints(case)
    for name in case.shared.profile_names:
        yield from _profile(case, name)


def _config_file(case: Case) -> Iterator[Finding]:
    path = Path(case.shared.config_file)
    if not path.is_file():
        yield warn("configuration", f"there is no {path}", f"run `{_CONFIGURE}`")
        return
    sessions, profiles = len(case.shared.sso_session_names), len(case.shared.profile_names)
    yield ok("configuration", f"{path} is read: sso-sessions {sessions}, profiles {profiles}")
    if path.stat().st_mode & _OTHERS_MAY_WRITE:
        yield problem(
            "configuration", f"others may write {path}, and so send you anywhere", f"chmod go-w {quote(str(path))}"
        )


def _credentials_file(case: Case) -> Iterator[Finding]:
    path = Path(case.shared.credentials_file)
    if path.is_file() and path.stat().st_mode & (_OTHERS_MAY_READ | _OTHERS_MAY_WRITE):
        yield warn("configuration", f"others may read {path}", f"chmod 600 {quote(str(path))}")


def _environment(case: Case) -> Iterator[Finding]:
    for variable in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        name = case.environment.get(variable)
        if name and name not in case.shared.profile_names:
            yield problem("configuration", f"{variable} names profile {name}, and there is none", f"unset {variable}")
    first, second = case.environment.get("AWS_DEFAULT_PROFILE"), case.environment.get("AWS_PROFILE")
    if first and second and first != second:
        yield warn(
            "configuration",
            f"AWS_DEFAULT_PROFILE ({first}) and AWS_PROFILE ({second}) differ, and tools do not agree which counts",
            "unset one of them",
        )


def _headers(case: Case) -> Iterator[Finding]:
    """Sections that look like one of ours and are read by no tool: a header is two words."""
    if not Path(case.shared.config_file).is_file():
        return
    for header in files.parsed_sections(files.read_text(case.shared.config_file)):
        kind, *names = header.split()
        if kind not in _KINDS or len(aws_config_text.words(header)) == 2:
            continue
        name = " ".join(names).strip("\"'") or "NAME"
        yield warn(
            "configuration",
            f"[{header}] is read by no tool: its name is to be one word",
            f'write [{kind} "{name}"]' if " " in name else f"write [{kind} {name}]",
        )


def _sections(case: Case) -> Iterator[Finding]:
    for name in case.shared.sso_session_names:
        missing = [key for key in _SECTION_KEYS if not case.shared.sso_session(name).get(key)]
        if missing:
            yield problem(
                "configuration",
                f"[sso-session {name}] has no {' and no '.join(missing)}",
                f"run `{_CONFIGURE} --session {quote(name)}`",
            )
    if case.session and not profiles_of(case.shared, case.session):
        yield warn(
            "configuration",
            f"no profile uses {case.session.title}: other tools cannot be pointed to it by name",
            f"run `{_CONFIGURE} --session {quote(case.session.name or 'NAME')}`",
        )


def _endpoints(case: Case) -> Iterator[Finding]:
    """Endpoints are configured by profile: those of one session are to agree."""
    for session in case.shared.sso_session_names:
        profiles = [
            name for name in case.shared.profile_names if case.shared.profile(name).get("sso_session") == session
        ]
        ways = {name: way for name in profiles if (way := _way(case, name)) is not None}
        if len(set(ways.values())) > 1:
            each = ", ".join(f"{name} to {way}" for name, way in ways.items())
            yield warn(
                "configuration",
                f"the profiles of session {session} lead to different services: {each}",
                "give them the same `services`: a token is good at one of them only",
            )


def _way(case: Case, profile: str) -> str | None:
    """Where a profile leads, without what the environment says; None if it leads nowhere, which is told elsewhere."""
    try:
        settings = [
            service_settings(each, profile=profile, environment={}, shared=case.shared) for each in ("sso_oidc", "sso")
        ]
    except ConfigurationError:
        return None
    return " and ".join(dict.fromkeys(each.endpoint_url or "AWS's own" for each in settings))


def _profile(case: Case, name: str) -> Iterator[Finding]:
    profile = case.shared.profile(name)
    session, services = profile.get("sso_session"), profile.get("services")
    if session and session not in case.shared.sso_session_names:
        yield problem(
            "configuration",
            f"profile {name} names sso-session {session}, and there is none",
            f"run `{_CONFIGURE} --session {quote(session)} --profile {quote(name)}`",
        )
        return
    if services and services not in case.shared.services_sections:
        yield problem(
            "configuration",
            f"profile {name} names services {services}, and there is no such section",
            f"run `{_CONFIGURE} --profile {quote(name)} --endpoint-url URL`, or remove the line",
        )
    said = profile.get("sso_start_url")
    if session and said and said != case.shared.sso_session(session).get("sso_start_url"):
        yield problem(
            "configuration",
            f"profile {name} has another sso_start_url than its sso-session {session}",
            "remove sso_start_url and sso_region from the profile: the AWS CLI refuses them there",
        )
