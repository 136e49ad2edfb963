"""``postern configure sso``: an sso-session, a profile and the endpoints in the AWS configuration file."""

import argparse
import os
from collections.abc import Mapping
from shlex import quote

from postern.cli import aws_config_text, files
from postern.cli.exit_codes import CommandFailed, UsageError
from postern.cli.output import ask, is_interactive, show, tell
from postern.cli.wanted import Wanted, wanted
from postern.client.shared_config import SharedConfig

_SERVICES = ("sso_oidc", "sso", "sts")


def sso(options: argparse.Namespace) -> None:
    """
    Raises:
        UsageError: something is not given, and there is no terminal to ask at.
        ConfigurationError: something given cannot be, or the file cannot be understood.
        CommandFailed: the file cannot be written, or writing it was declined.
    """
    shared = SharedConfig.load(os.environ)
    asked = wanted(options, shared)
    path = shared.config_file
    before = files.read_text(path)
    after = edited(before, asked, shared)
    diff = aws_config_text.difference(before, after, path)
    outcome = {"file": path, "session": asked.session, "profile": asked.profile, "diff": diff, "written": False}
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
    done = f"wrote {path}; next: postern login --session {quote(asked.session)}"
    shown_already = not options.yes
    show(options, outcome | {"written": True}, done if shown_already else f"{diff}\n{done}")


def edited(text: str, asked: Wanted, shared: SharedConfig) -> str:
    """The file's text with what is wanted.

    Raises:
        CommandFailed: the outcome would not say what it should.
    """
    after = text
    sections = _sections(asked, shared)
    for section, settings in sections.items():
        after = aws_config_text.with_settings(after, section, settings)
    _verify(text, after, sections)
    return after


def _sections(asked: Wanted, shared: SharedConfig) -> dict[str, aws_config_text.Settings]:
    known = shared.profile(asked.profile) if asked.profile in shared.profile_names else {}
    services = known.get("services") or asked.session
    session = {
        "sso_start_url": asked.start_url,
        "sso_region": asked.region,
        "sso_registration_scopes": ",".join(asked.scopes),
    }
    profile = {
        "sso_session": asked.session,
        # Of a profile of the older form: tools refuse one that says something else than its session.
        "sso_start_url": asked.start_url if "sso_start_url" in known else "",
        "sso_region": asked.region if "sso_region" in known else "",
        "sso_account_id": asked.account_id,
        "sso_role_name": asked.role_name,
        "region": "" if "region" in known else asked.region,
        **({"services": services} if asked.endpoint_url else asked.inherited),
    }
    sections: dict[str, aws_config_text.Settings] = {
        aws_config_text.header("sso-session", asked.session): _present(session),
        aws_config_text.header("profile", asked.profile): _present(profile),
    }
    if asked.endpoint_url:
        endpoint = {"endpoint_url": asked.endpoint_url}
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
    for header, asked in sections.items():
        found = by_words.get(tuple(aws_config_text.words(header)), {})
        if any(isinstance(value, str) and found.get(key) != value for key, value in asked.items()):
            raise CommandFailed(f"section [{header}] cannot be edited safely: do it by hand")
