"""What the commands of those who sign in share: which sign-in is meant, where its token is kept, how it is shown."""

import argparse
import os
from typing import TYPE_CHECKING

from postern.cli.output import is_interactive
from postern.client.sessions import Session, all_sessions, resolve_session
from postern.client.shared_config import SharedConfig
from postern.client.token_cache import open_token_cache

if TYPE_CHECKING:
    from postern.client.options import HttpOptions, Options
    from postern.client.sso_oidc import SSOOIDC
    from postern.client.token_cache import CachedToken, TokenCache

# Milliseconds. A person is waiting: better to say soon that nothing answers than to hang for two minutes.
_HTTP: "HttpOptions" = {"connect_timeout": 10_000, "timeout": 30_000}
_CHOICES = ("session", "profile", "start_url", "region", "endpoint_url")


def chosen_session(options: argparse.Namespace, shared: SharedConfig | None = None) -> Session:
    """The sign-in that the command line means.

    Raises:
        ConfigurationError: it means none, or several.
    """
    return resolve_session(
        shared or SharedConfig.load(os.environ),
        os.environ,
        **{name: getattr(options, name) for name in _CHOICES},
        scopes=getattr(options, "scopes", None),
    )


def names_one(options: argparse.Namespace) -> bool:
    """Whether the command line says which sign-in is meant."""
    return any(getattr(options, name) for name in ("session", "profile", "start_url"))


def opened_cache(options: argparse.Namespace) -> "TokenCache":
    """
    Raises:
        ConfigurationError: there is no such cache.
    """
    return open_token_cache(options.cache, os.environ, passphrase=_ask_passphrase if is_interactive() else None)


def all_sign_ins(shared: SharedConfig, cache: "TokenCache") -> "list[tuple[Session, CachedToken | None, bool]]":
    """Every sign-in with its token; first those that are configured (True), then those that are only cached."""
    sessions = all_sessions(shared)
    configured = [(session, cache.load(session.key), True) for session in sessions]
    seen = {token.access_token for _, token, _ in configured if token}
    others = [token for token in cache.list() if token.access_token not in seen]
    return [*configured, *((_session_of(token, sessions), token, False) for token in others)]


def _session_of(token: "CachedToken", sessions: list[Session]) -> Session:
    """For a token that nothing is configured for, the endpoints of what is configured for the same start URL."""
    alike = next((session for session in sessions if session.start_url == token.start_url), None)
    profile = alike.profile if alike else None
    return Session(token.session_name, token.start_url, token.region, profile=profile)


def _ask_passphrase() -> str:
    import getpass

    return getpass.getpass("Passphrase of the token cache: ")


def opened_client(session: Session) -> "SSOOIDC":
    """
    Raises:
        ConfigurationError: a setting cannot be used.
    """
    from postern.client.sso_oidc import SSOOIDC

    chosen: Options = {**session.options(), "http_options": _HTTP}
    return SSOOIDC(**chosen)


def shown(session: Session, token: "CachedToken") -> dict[str, object]:
    """A sign-in for programs: without its secrets."""
    return {
        "session": session.name,
        "start_url": session.start_url,
        "region": session.region,
        "expires_at": int(token.expires_at),
        "refreshable": is_refreshable(token),
    }


def is_refreshable(token: "CachedToken") -> bool:
    import time

    if not (token.refresh_token and token.client_id and token.client_secret):
        return False
    return token.registration_expires_at is None or token.registration_expires_at > time.time()
