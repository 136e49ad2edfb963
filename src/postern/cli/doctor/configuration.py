"""The shared configuration files: which are read, who else can change them, and whether they make sense."""

from collections.abc import Iterator
from pathlib import Path

from postern.cli.doctor.findings import Case, Finding, ok, problem, warn
from postern.client.sessions import profiles_of

_OTHERS_MAY_WRITE, _OTHERS_MAY_READ = 0o022, 0o044
_SECTION_KEYS = ("sso_start_url", "sso_region")


def examine(case: Case) -> Iterator[Finding]:
    yield from _config_file(case)
    yield from _credentials_file(case)
    yield from _environment(case)
    yield from _sections(case)
    yield from _profiles(case)


def _config_file(case: Case) -> Iterator[Finding]:
    path = Path(case.shared.config_file)
    if not path.is_file():
        yield warn("configuration", f"there is no {path}", "run `postern configure sso`")
        return
    sessions, profiles = len(case.shared.sso_session_names), len(case.shared.profile_names)
    yield ok("configuration", f"{path} is read: sso-sessions {sessions}, profiles {profiles}")
    if path.stat().st_mode & _OTHERS_MAY_WRITE:
        yield problem("configuration", f"others may write {path}, and so send you anywhere", f"chmod go-w {path}")


def _credentials_file(case: Case) -> Iterator[Finding]:
    path = Path(case.shared.credentials_file)
    if path.is_file() and path.stat().st_mode & (_OTHERS_MAY_READ | _OTHERS_MAY_WRITE):
        yield warn("configuration", f"others may read {path}", f"chmod 600 {path}")


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


def _sections(case: Case) -> Iterator[Finding]:
    for name in case.shared.sso_session_names:
        missing = [key for key in _SECTION_KEYS if not case.shared.sso_session(name).get(key)]
        if missing:
            yield problem(
                "configuration",
                f"[sso-session {name}] has no {' and no '.join(missing)}",
                f"run `postern configure sso --session {name}`",
            )
    if case.session and not profiles_of(case.shared, case.session):
        yield warn(
            "configuration",
            f"no profile uses {case.session.title}: other tools cannot be pointed to it by name",
            f"run `postern configure sso --session {case.session.name or 'NAME'}`",
        )


def _profiles(case: Case) -> Iterator[Finding]:
    for name in case.shared.profile_names:
        profile = case.shared.profile(name)
        session = profile.get("sso_session")
        if session and session not in case.shared.sso_session_names:
            yield problem(
                "configuration",
                f"profile {name} names sso-session {session}, and there is none",
                f"run `postern configure sso --session {session} --profile {name}`",
            )
            continue
        services = profile.get("services")
        if services and services not in case.shared.services_sections:
            yield problem(
                "configuration",
                f"profile {name} names services {services}, and there is no such section",
                f"run `postern configure sso --profile {name} --endpoint-url URL`, or remove the line",
            )
        said = profile.get("sso_start_url")
        if session and said and said != case.shared.sso_session(session).get("sso_start_url"):
            yield problem(
                "configuration",
                f"profile {name} has another sso_start_url than its sso-session {session}",
                "remove sso_start_url and sso_region from the profile: the AWS CLI refuses them there",
            )
