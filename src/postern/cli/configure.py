"""``postern configure sso``: an sso-session, a profile and the endpoints in the AWS configuration file."""

import argparse
import os
import re
from collections.abc import Mapping
from typing import NamedTuple

from postern.cli import aws_config_text, files
from postern.cli.exit_codes import CommandFailed, UsageError
from postern.cli.output import ask, is_interactive, show, tell
from postern.client.errors import ConfigurationError
from postern.client.sessions import DEFAULT_SCOPES
from postern.client.shared_config import SharedConfig

_SERVICES = ("sso_oidc", "sso", "sts")
_ACCOUNT_ID = re.compile(r"\d{12}", re.ASCII)
_ROLE_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_START_URL = re.compile(r"https?://[^\s\x00-\x1f]+")
_SCOPE = re.compile(r"[A-Za-z0-9_:*-]+")


class Wanted(NamedTuple):
    """What is to be written. Empty texts are left alone."""

    session: str
    profile: str
    start_url: str
    region: str
    scopes: tuple[str, ...]
    endpoint_url: str
    account_id: str
    role_name: str


def sso(options: argparse.Namespace) -> None:
    """
    Raises:
        UsageError: something is not given, and there is no terminal to ask at.
        ConfigurationError: something given cannot be, or the file cannot be understood.
        CommandFailed: the file cannot be written, or writing it was declined.
    """
    shared = SharedConfig.load(os.environ)
    wanted = _wanted(options, shared)
    _check(wanted)
    path = shared.config_file
    before = files.read_text(path)
    after = edited(before, wanted, shared)
    diff = aws_config_text.difference(before, after, path)
    outcome = {"file": path, "session": wanted.session, "profile": wanted.profile, "diff": diff, "written": False}
    if not diff:
        show(options, outcome, f"{path} says that already: nothing to do")
        return
    if options.dry_run:
        show(options, outcome, diff)
        return
    _agree(options, diff, path)
    if files.read_text(path) != before:
        raise CommandFailed(f"{path} was changed meanwhile: nothing was written, run this again")
    files.write_text(path, after)
    done = f"wrote {path}; next: postern login --session {wanted.session}"
    shown_already = not options.yes
    show(options, outcome | {"written": True}, done if shown_already else f"{diff}\n{done}")


def edited(text: str, wanted: Wanted, shared: SharedConfig) -> str:
    """The file's text with what is wanted.

    Raises:
        CommandFailed: the outcome would not say what it should.
    """
    after = text
    sections = _sections(wanted, shared)
    for section, settings in sections.items():
        after = aws_config_text.with_settings(after, section, settings)
    _verify(text, after, sections)
    return after


def _wanted(options: argparse.Namespace, shared: SharedConfig) -> Wanted:
    session = options.session or _session_of(shared, options.profile)
    if not (session or is_interactive()):
        raise UsageError("name the sign-in: --session (and --start-url and --region, if it is new)")
    session = session or _required("Name of the sign-in (sso-session)", "--session")
    known = shared.sso_session(session) if session in shared.sso_session_names else {}
    profile = options.profile or session
    profile_known = shared.profile(profile) if profile in shared.profile_names else {}
    is_new = not (known and profile_known)
    scopes = options.scopes or () if "sso_registration_scopes" in known else options.scopes or DEFAULT_SCOPES
    return Wanted(
        session=session,
        profile=profile,
        start_url=options.start_url or known.get("sso_start_url") or _required("Start URL", "--start-url"),
        region=options.region or known.get("sso_region") or _required("Region of the start URL", "--region"),
        scopes=scopes,
        endpoint_url=options.endpoint_url or _optional("Endpoint URL (empty: AWS's own)", options, is_new),
        account_id=options.account_id or _optional("Account id (empty: none)", options, is_new),
        role_name=options.role_name or _optional("Role name (empty: none)", options, is_new),
    )


def _session_of(shared: SharedConfig, profile: str | None) -> str | None:
    if profile is None or profile not in shared.profile_names:
        return profile
    return shared.profile(profile).get("sso_session", profile)


def _required(question: str, option: str) -> str:
    answer = ask(f"{question}: ") if is_interactive() else ""
    if not answer:
        raise UsageError(f"{option} is needed")
    return answer


def _optional(question: str, options: argparse.Namespace, is_new: bool) -> str:
    return ask(f"{question}: ") if is_new and not options.yes and is_interactive() else ""


def _check(wanted: Wanted) -> None:
    from postern.client.endpoints import Endpoint, check_region

    if not _START_URL.fullmatch(wanted.start_url):
        raise ConfigurationError(f"start URL {wanted.start_url!r} is no http(s) URL")
    check_region(wanted.region)
    if wanted.endpoint_url:
        Endpoint.parse(wanted.endpoint_url)
    if wanted.account_id and not _ACCOUNT_ID.fullmatch(wanted.account_id):
        raise ConfigurationError(f"account id {wanted.account_id!r} is not twelve digits")
    if wanted.role_name and not _ROLE_NAME.fullmatch(wanted.role_name):
        raise ConfigurationError(f"{wanted.role_name!r} is no role name")
    for scope in wanted.scopes:
        if not _SCOPE.fullmatch(scope):
            raise ConfigurationError(f"{scope!r} is no scope")


def _sections(wanted: Wanted, shared: SharedConfig) -> dict[str, aws_config_text.Settings]:
    known = shared.profile(wanted.profile) if wanted.profile in shared.profile_names else {}
    services = known.get("services") or wanted.session
    session = {
        "sso_start_url": wanted.start_url,
        "sso_region": wanted.region,
        "sso_registration_scopes": ",".join(wanted.scopes),
    }
    profile = {
        "sso_session": wanted.session,
        # Of a profile of the older form: tools refuse one that says something else than its session.
        "sso_start_url": wanted.start_url if "sso_start_url" in known else "",
        "sso_region": wanted.region if "sso_region" in known else "",
        "sso_account_id": wanted.account_id,
        "sso_role_name": wanted.role_name,
        "region": "" if "region" in known else wanted.region,
        "services": services if wanted.endpoint_url else "",
    }
    sections: dict[str, aws_config_text.Settings] = {
        aws_config_text.header("sso-session", wanted.session): _present(session),
        aws_config_text.header("profile", wanted.profile): _present(profile),
    }
    if wanted.endpoint_url:
        endpoint = {"endpoint_url": wanted.endpoint_url}
        sections[aws_config_text.header("services", services)] = dict.fromkeys(_SERVICES, endpoint)
    return sections


def _present(settings: Mapping[str, str]) -> Mapping[str, str]:
    return {key: value for key, value in settings.items() if value}


def _agree(options: argparse.Namespace, diff: str, path: str) -> None:
    if options.yes:
        return
    if not is_interactive():
        raise UsageError(f"this would change {path}: look with --dry-run, write with --yes")
    tell(diff)
    if ask(f"Write this to {path}? [y/N] ").lower() not in ("y", "yes"):
        raise CommandFailed("nothing was written")


def _verify(before: str, after: str, sections: Mapping[str, aws_config_text.Settings]) -> None:
    """A last look, by the eyes of those who will read the file."""
    old, new = files.parsed_sections(before), files.parsed_sections(after)
    touched = {tuple(aws_config_text.words(header)) for header in sections}
    for header, settings in old.items():
        if tuple(aws_config_text.words(header)) not in touched and new.get(header) != settings:
            raise CommandFailed(f"this file cannot be edited safely near [{header}]: do it by hand, see --dry-run")
    by_words = {tuple(aws_config_text.words(header)): settings for header, settings in new.items()}
    for header, wanted in sections.items():
        found = by_words.get(tuple(aws_config_text.words(header)), {})
        if any(isinstance(value, str) and found.get(key) != value for key, value in wanted.items()):
            raise CommandFailed(f"section [{header}] cannot be edited safely: do it by hand")
