"""What the commands of those who sign in share: which sign-in is meant, what it is called on the command line, where
its token is kept, how it is shown.

`postern token` comes through here on its way to a warm cache, so nothing that is costly to import is imported.
"""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from postern.cli.exit_codes import CommandFailed
from postern.cli.output import is_interactive
from postern.client.errors import ConfigurationError
from postern.client.sessions import Session, all_sessions, resolve_session
from postern.client.shared_config import SharedConfig
from postern.client.token_cache import SessionKey, open_token_cache

if TYPE_CHECKING:
    import argparse

    from postern.client.options import HttpOptions, Options
    from postern.client.sso_oidc import SSOOIDC
    from postern.client.token_cache import CachedToken, TokenCache

# Milliseconds. A person is waiting: better to say soon that nothing answers than to hang for two minutes.
_HTTP: "HttpOptions" = {"connect_timeout": 10_000, "timeout": 30_000}
_CHOICES = ("session", "profile", "start_url", "region", "endpoint_url")


def chosen_session(options: "argparse.Namespace", shared: SharedConfig, cache: "TokenCache") -> Session:
    """The sign-in that the command line means. What it does not say of a sign-in that is not configured, its token in
    the cache may know.

    Raises:
        ConfigurationError: it means none, or several.
    """
    given = {name: getattr(options, name) for name in _CHOICES}
    return _session_of(given, shared, cache, getattr(options, "scopes", None))


def names_one(options: "argparse.Namespace") -> bool:
    """Whether the command line says which sign-in is meant."""
    return any(getattr(options, name) for name in ("session", "profile", "start_url"))


def is_configured(session: Session, shared: SharedConfig) -> bool:
    """Whether the configuration has this sign-in itself, and not just another of the same start URL."""
    if session.name is not None:
        return session.name in shared.sso_session_names
    return any((each.name, each.start_url) == (None, session.start_url) for each in all_sessions(shared))


def configured_alike(start_url: str | None, shared: SharedConfig) -> Session | None:
    """What is configured for the same start URL, a profile without a session first."""
    alike = [each for each in all_sessions(shared) if each.start_url == start_url]
    return min(alike, key=lambda each: each.name is not None, default=None)


def login_command(session: Session, shared: SharedConfig, cache: "TokenCache", more: str = "") -> str:
    """What to run to sign in, in backquotes: with all that is neither configured nor cached."""
    from shlex import quote

    words = [f"--{name.replace('_', '-')} {quote(value)}" for name, value in _naming(session, shared, cache).items()]
    return f"`{' '.join(['postern login', *words])}{more}`"


def opened_cache(options: "argparse.Namespace") -> "TokenCache":
    """
    Raises:
        ConfigurationError: there is no such cache.
    """
    return open_token_cache(options.cache, os.environ, passphrase=_ask_passphrase if is_interactive() else None)


def cached_token(name: str | None, start_url: str | None, cache: "TokenCache") -> "CachedToken | None":
    """The token under that name, or without one that of the start URL. What another tool wrote does not say its name,
    so each start URL that there is a token of is tried.
    """
    if name is None:
        return cache.load(SessionKey(start_url)) if start_url else None
    urls = [start_url] if start_url else [token.start_url for token in cache.list() if token.start_url]
    found = (cache.load(SessionKey(url, name)) for url in urls)
    return next((token for token in found if token is not None), None)


def all_sign_ins(shared: SharedConfig, cache: "TokenCache") -> "list[tuple[Session, CachedToken | None, bool]]":
    """Every sign-in with its token; first those that are configured (True), then those that are only cached."""
    configured = [(session, cache.load(session.key), True) for session in all_sessions(shared)]
    seen = {token.access_token for _, token, _ in configured if token}
    others = [token for token in cache.list() if token.access_token not in seen]
    return [*configured, *((_unconfigured(token, shared), token, False) for token in others)]


def _unconfigured(token: "CachedToken", shared: SharedConfig) -> Session:
    """For a token that nothing is configured for, the endpoints of what is configured for the same start URL."""
    alike = configured_alike(token.start_url, shared)
    return Session(token.session_name, token.start_url, token.region, profile=alike.profile if alike else None)


def client_options(session: Session) -> "Options":
    """What a client for this sign-in is made with."""
    return {**session.options(), "http_options": _HTTP}


@contextmanager
def opened_client(session: Session) -> "Iterator[SSOOIDC]":
    """
    Raises:
        ConfigurationError: a setting cannot be used.
    """
    from postern.cli.remarks import remarks_shown
    from postern.client.sso_oidc import SSOOIDC

    with remarks_shown(), SSOOIDC(**client_options(session)) as client:
        yield client


def check_time_left(token: "CachedToken", min_ttl: float) -> None:
    """
    Raises:
        CommandFailed: the token has not more than ``min_ttl`` seconds left, although it is the best there is.
    """
    now = time.time()
    if token.expires_at - now > min_ttl:
        return
    lifetime = token.expires_at - (now if token.issued_at is None else token.issued_at)
    raise CommandFailed(f"tokens of this service live {lifetime:.0f} s: none has {min_ttl:.0f} s left")


def shown(session: Session, token: "CachedToken") -> dict[str, object]:
    """A sign-in for programs: without its secrets."""
    return {
        "session": session.name,
        "start_url": session.start_url,
        "region": session.region,
        "expires_at": int(token.expires_at),
        "refreshable": token.is_refreshable(time.time()),
    }


def _session_of(
    given: Mapping[str, str | None], shared: SharedConfig, cache: "TokenCache", scopes: tuple[str, ...] | None = None
) -> Session:
    """What is given, with what the configuration has for the same start URL, and what a cached token says of itself."""
    name, start_url = given.get("session"), given.get("start_url")
    if given.get("profile") or (name in shared.sso_session_names if name else not start_url):
        return resolve_session(shared, os.environ, **given, scopes=scopes)
    token = cached_token(name, start_url, cache)
    start_url = start_url or (token.start_url if token else None)
    alike = configured_alike(start_url, shared)
    regions = [each.region for each in ((token, alike) if name else (alike, token)) if each is not None]
    region = given.get("region") or next(filter(None, regions), None)
    known = {**given, "start_url": start_url, "region": region}
    found = resolve_session(shared, os.environ, **known, scopes=scopes)
    is_alike = alike is not None and alike.region == found.region
    return found._replace(profile=alike.profile) if alike is not None and is_alike else found


def _naming(session: Session, shared: SharedConfig, cache: "TokenCache") -> dict[str, str]:
    """The fewest options that mean this sign-in and no other."""
    from itertools import combinations

    fixed = {"session": session.name, "endpoint_url": session.endpoint_url}
    kept = {name: value for name, value in fixed.items() if value}
    others = {"profile": session.profile, "start_url": session.start_url, "region": session.region}
    usable = [(name, value) for name, value in others.items() if value]
    for count in range(0 if session.name else 1, len(usable) + 1):
        for chosen in combinations(usable, count):
            given = {**kept, **dict(chosen)}
            if _means(given, session, shared, cache):
                return {name: given[name] for name in _CHOICES if name in given}
    return {name: value for name, value in {**kept, **others}.items() if value and name != "profile"}


def _means(given: Mapping[str, str], session: Session, shared: SharedConfig, cache: "TokenCache") -> bool:
    try:
        found = _session_of({name: given.get(name) for name in _CHOICES}, shared, cache)
    except ConfigurationError:
        return False
    return found._replace(scopes=session.scopes) == session


def _ask_passphrase() -> str:
    import getpass

    return getpass.getpass("Passphrase of the token cache: ")
