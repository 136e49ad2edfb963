"""What ``postern configure sso`` is to write: from the command line, the configuration as it is, and a person, who is
asked again when an answer cannot be.
"""

import argparse
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from postern.cli import aws_config_text
from postern.cli.exit_codes import UsageError
from postern.cli.output import ask, is_interactive, tell
from postern.client.errors import ConfigurationError
from postern.client.sessions import DEFAULT_SCOPES
from postern.client.shared_config import SharedConfig

_ACCOUNT_ID = re.compile(r"\d{12}", re.ASCII)
_ROLE_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_START_URL = re.compile(r"https?://[^\s\x00-\x1f]+")
_SCOPE = re.compile(r"[A-Za-z0-9_:*-]+")
_OLDER_FORM = ("sso_start_url", "sso_region")
_WAYS = ("services", "endpoint_url")


class Wanted(NamedTuple):
    """Empty texts are left alone. ``inherited`` is what leads the session's other profiles to its service: settings for
    a profile that has nothing of the kind, and would lead elsewhere.
    """

    session: str
    profile: str
    start_url: str
    region: str
    scopes: tuple[str, ...]
    endpoint_url: str
    account_id: str
    role_name: str
    inherited: Mapping[str, str]


def wanted(options: argparse.Namespace, shared: SharedConfig) -> Wanted:
    """
    Raises:
        UsageError: something is not given, and there is no terminal to ask at.
        ConfigurationError: something that is given cannot be.
    """
    _check_given(options)
    session = options.session or _session_of(shared, options.profile) or _new_name()
    section = shared.sso_session(session) if session in shared.sso_session_names else {}
    profile = options.profile or session
    of_profile = shared.profile(profile) if profile in shared.profile_names else {}
    # A profile of the older form has said already what its session shall say.
    known = {**{key: of_profile[key] for key in _OLDER_FORM if key in of_profile}, **section}
    inherited = {} if any(key in of_profile for key in _WAYS) else _way_of_others(session, profile, shared)
    asks = not (section and of_profile) and not options.yes and is_interactive()
    otherwise = "as its other profiles have it" if inherited else "AWS's own"
    found = Wanted(
        session=session,
        profile=profile,
        start_url=options.start_url or known.get("sso_start_url") or _required("Start URL", "start_url"),
        region=options.region or known.get("sso_region") or _required("Region of the start URL", "region"),
        scopes=options.scopes or (() if "sso_registration_scopes" in section else DEFAULT_SCOPES),
        endpoint_url=options.endpoint_url or _optional(f"Endpoint URL (empty: {otherwise})", "endpoint_url", asks),
        account_id=options.account_id or _optional("Account id (empty: none)", "account_id", asks),
        role_name=options.role_name or _optional("Role name (empty: none)", "role_name", asks),
        inherited=inherited,
    )
    _check_start_url(found.start_url)  # they may have come out of the file
    _check_region(found.region)
    return found


def _check_given(options: argparse.Namespace) -> None:
    for name, check in _CHECKS.items():
        value = getattr(options, name)
        if value:
            check(value)
    for scope in options.scopes or ():
        if not _SCOPE.fullmatch(scope):
            raise ConfigurationError(f"{scope!r} is no scope")


def _session_of(shared: SharedConfig, profile: str | None) -> str | None:
    if profile is None or profile not in shared.profile_names:
        return profile
    return shared.profile(profile).get("sso_session", profile)


def _new_name() -> str:
    if not is_interactive():
        raise UsageError("name the sign-in: --session (and --start-url and --region, if it is new)")
    return _required("Name of the sign-in (sso-session)", "session")


def _way_of_others(session: str, profile: str, shared: SharedConfig) -> Mapping[str, str]:
    """How the session's other profiles come to its service, if they agree."""
    profiles = [shared.profile(name) for name in shared.profile_names if name != profile]
    ways = {
        tuple((key, each[key]) for key in _WAYS if each.get(key))
        for each in profiles
        if each.get("sso_session") == session
    }
    return dict(ways.pop()) if len(ways) == 1 else {}


def _required(question: str, name: str) -> str:
    option = f"--{name.replace('_', '-')}"
    if not is_interactive():
        raise UsageError(f"{option} is needed")
    while not (answer := _answer(question, name)):
        tell("That is needed.")
    return answer


def _optional(question: str, name: str, asks: bool) -> str:
    return _answer(question, name) if asks else ""


def _answer(question: str, name: str) -> str:
    """An answer that can be, or none."""
    while True:
        answer = ask(f"{question}: ")
        try:
            if answer:
                _CHECKS[name](answer)
        except ConfigurationError as error:
            tell(f"{error}.")
        else:
            return answer


def _check_session(name: str) -> None:
    aws_config_text.header("sso-session", name)


def _check_profile(name: str) -> None:
    aws_config_text.header("profile", name)


def _check_start_url(url: str) -> None:
    if not _START_URL.fullmatch(url):
        raise ConfigurationError(f"start URL {url!r} is no http(s) URL")


def _check_region(region: str) -> None:
    from postern.client.endpoints import check_region

    check_region(region)


def _check_endpoint(url: str) -> None:
    """With a scheme: our client would do without, other tools would not."""
    from postern.client.endpoints import Endpoint

    Endpoint.parse(url)
    if not url.lower().startswith(("http://", "https://")):
        raise ConfigurationError(f"endpoint URL {url!r} must begin with http:// or https://")


def _check_account_id(account_id: str) -> None:
    if not _ACCOUNT_ID.fullmatch(account_id):
        raise ConfigurationError(f"account id {account_id!r} is not twelve digits")


def _check_role_name(role_name: str) -> None:
    if not _ROLE_NAME.fullmatch(role_name):
        raise ConfigurationError(f"{role_name!r} is no role name")


_CHECKS: Mapping[str, Callable[[str], None]] = {
    "session": _check_session,
    "profile": _check_profile,
    "start_url": _check_start_url,
    "region": _check_region,
    "endpoint_url": _check_endpoint,
    "account_id": _check_account_id,
    "role_name": _check_role_name,
}
