"""Which sign-in is meant: from arguments, the environment and the shared configuration files to a start URL, a region
and a name.

`postern token` comes through here on its way to a warm cache, so nothing that is costly to import is imported.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from postern.client.errors import ConfigurationError
from postern.client.shared_config import SharedConfig
from postern.client.token_cache.entries import SessionKey

if TYPE_CHECKING:
    from postern.client.options import Options

DEFAULT_SCOPES = ("sso:account:access",)
_ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_SSO_OIDC", "AWS_ENDPOINT_URL")
_ENDPOINT_KEYS = ("sso_oidc", "sso")


class Session(NamedTuple):
    """``name`` is that of the ``[sso-session]`` section; None for a sign-in that only has a start URL. ``profile`` is
    where endpoints are configured; None for what the environment names. ``endpoint_url`` was given outright.
    """

    name: str | None
    start_url: str
    region: str
    scopes: tuple[str, ...] = DEFAULT_SCOPES
    endpoint_url: str | None = None
    profile: str | None = None

    @property
    def key(self) -> SessionKey:
        """Under which its token is cached."""
        return SessionKey(self.start_url, self.name)

    def options(self) -> "Options":
        """What a client of its service is made with."""
        options: Options = {"region": self.region}
        if self.endpoint_url:
            options["endpoint"] = self.endpoint_url
        if self.profile:
            options["profile"] = self.profile
        return options

    @property
    def title(self) -> str:
        """What people call it."""
        return self.name or self.start_url


def resolve_session(
    shared: SharedConfig,
    environment: Mapping[str, str],
    *,
    session: str | None = None,
    profile: str | None = None,
    start_url: str | None = None,
    region: str | None = None,
    endpoint_url: str | None = None,
    scopes: tuple[str, ...] | None = None,
) -> Session:
    """The sign-in that these arguments mean: the named ``session``; else that of the ``profile``; else that of the
    profile which the environment names, or of the default one; else the only one that is configured. What is given
    besides goes before what is configured.

    Raises:
        ConfigurationError: none or several are meant; the text says which there are and what to do.
    """
    found = _configured(shared, environment, session, profile, start_url, region)
    changed = found._replace(
        start_url=start_url or found.start_url,
        region=region or found.region,
        scopes=scopes or found.scopes,
        endpoint_url=endpoint_url,
    )
    if changed.name is None or changed.profile is not None:
        return changed
    return changed._replace(profile=_profile_of(shared, environment, changed))


def all_sessions(shared: SharedConfig) -> list[Session]:
    """Every sign-in that is configured: the sso-sessions, then the start URLs of profiles that name no session.
    Incomplete ones are left out.
    """
    found: dict[tuple[str | None, str], Session] = {}
    for session in _each(shared):
        found.setdefault((session.name, session.start_url), session)
    return list(found.values())


def profiles_of(shared: SharedConfig, session: Session) -> list[str]:
    """The profiles that sign in through this session."""
    wanted = ("sso_session", session.name) if session.name else ("sso_start_url", session.start_url)
    return [name for name in shared.profile_names if shared.profile(name).get(wanted[0]) == wanted[1]]


def _configured(
    shared: SharedConfig,
    environment: Mapping[str, str],
    session: str | None,
    profile: str | None,
    start_url: str | None,
    region: str | None,
) -> Session:
    if session and start_url and session not in shared.sso_session_names:
        return _given(session, start_url, region, profile)
    if session:
        return _named(shared, session)._replace(profile=profile)
    if profile:
        return _of_profile(shared, profile) or _refuse_profile(profile, start_url, region)
    if start_url:
        return _given(None, start_url, region, None)
    return _implied(shared, environment) or _only(shared)


def _given(name: str | None, start_url: str, region: str | None, profile: str | None) -> Session:
    if not region:
        raise ConfigurationError(f"the region of {start_url} is not known: give it too")
    return Session(name, start_url, region, profile=profile)


def _named(shared: SharedConfig, name: str) -> Session:
    section = shared.sso_session(name)
    scopes = tuple(scope.strip() for scope in section.get("sso_registration_scopes", "").split(",") if scope.strip())
    where = f"[sso-session {name}]"
    return Session(
        name, _member(section, "sso_start_url", where), _member(section, "sso_region", where), scopes or DEFAULT_SCOPES
    )


def _of_profile(shared: SharedConfig, name: str) -> Session | None:
    """The sign-in of a profile, or None if it has none."""
    section = shared.profile(name)
    if "sso_session" in section:
        return _named(shared, section["sso_session"])._replace(profile=name)
    if "sso_start_url" not in section:
        return None
    return Session(None, section["sso_start_url"], _member(section, "sso_region", f"profile {name}"), profile=name)


def _refuse_profile(name: str, start_url: str | None, region: str | None) -> Session:
    if start_url:
        return _given(None, start_url, region, name)
    raise ConfigurationError(
        f"profile {name} has neither sso_session nor sso_start_url: "
        f"run `postern configure sso --profile {name}`, or name another profile"
    )


def _implied(shared: SharedConfig, environment: Mapping[str, str]) -> Session | None:
    name = _current_profile(environment)
    return _of_profile(shared, name) if name in shared.profile_names else None


def _current_profile(environment: Mapping[str, str]) -> str:
    return environment.get("AWS_DEFAULT_PROFILE") or environment.get("AWS_PROFILE") or "default"


def _only(shared: SharedConfig) -> Session:
    names = list(shared.sso_session_names)
    if len(names) == 1:
        return _named(shared, names[0])
    legacy = [session for session in all_sessions(shared) if session.name is None]
    if not names and len(legacy) == 1:
        return legacy[0]
    if names:
        raise ConfigurationError(f"there are several sign-ins: choose a session: {', '.join(sorted(names))}")
    if legacy:
        profiles = ", ".join(sorted(session.profile or "" for session in legacy))
        raise ConfigurationError(f"there are several sign-ins: choose a profile: {profiles}")
    raise ConfigurationError(
        "no sign-in is configured: run `postern configure sso`, or give a start URL and its region"
    )


def _member(section: Mapping[str, str], key: str, where: str) -> str:
    if not section.get(key):
        raise ConfigurationError(f"{where} has no {key}: add it, or run `postern configure sso`")
    return section[key]


def _profile_of(shared: SharedConfig, environment: Mapping[str, str], session: Session) -> str | None:
    """Endpoints are configured by profile, and not by session: the profile of the environment if it names the session,
    else any that does, if all of them lead to the same place.
    """
    profiles = [each for each in shared.profile_names if shared.profile(each).get("sso_session") == session.name]
    if _current_profile(environment) in profiles:
        return _current_profile(environment)
    if len({_endpoints(shared, profile) for profile in profiles}) <= 1:
        return profiles[0] if profiles else None
    if session.endpoint_url or any(environment.get(name) for name in _ENDPOINT_VARIABLES):
        return None
    raise ConfigurationError(
        f"profiles {', '.join(sorted(profiles))} name session {session.name} and lead to different endpoints: "
        "choose one of them, or give an endpoint URL"
    )


def _endpoints(shared: SharedConfig, profile: str) -> tuple[str | None, ...]:
    section = shared.profile(profile)
    services = shared.services(section["services"]) if "services" in section else {}
    return tuple(services.get(key, {}).get("endpoint_url", section.get("endpoint_url")) for key in _ENDPOINT_KEYS)


def _each(shared: SharedConfig) -> Iterator[Session]:
    for name in shared.sso_session_names:
        try:
            session = _named(shared, name)
        except ConfigurationError:
            continue
        profiles = [each for each in shared.profile_names if shared.profile(each).get("sso_session") == name]
        yield session._replace(profile=profiles[0] if profiles else None)
    for name in shared.profile_names:
        if "sso_session" in shared.profile(name):
            continue
        try:
            legacy = _of_profile(shared, name)
        except ConfigurationError:
            continue
        if legacy is not None:
            yield legacy
