"""``postern login``: a sign-in, by a browser here or by a code on any device."""

import argparse
import os
import time
from typing import TYPE_CHECKING

from postern.cli.exit_codes import CommandFailed
from postern.cli.output import show, utc
from postern.cli.sign_ins import (
    check_time_left,
    chosen_session,
    is_configured,
    opened_cache,
    opened_client,
    shown,
)
from postern.cli.whereabouts import located
from postern.client.shared_config import SharedConfig
from postern.client.sign_in.interface import TerminalInterface
from postern.client.sign_in.login import login_flow
from postern.client.sign_in.login_request import LoginRequest

if TYPE_CHECKING:
    from postern.client.sessions import Session
    from postern.client.token_cache import CachedToken, TokenCache


def login(options: argparse.Namespace) -> None:
    """
    Raises:
        SignInError: the person said no, or did not decide in time.
        ClientError: the service cannot be used.
        CommandFailed: the token could not be kept, or is never good for as long as was asked for.
    """
    shared, cache = SharedConfig.load(os.environ), opened_cache(options)
    session = _placed(chosen_session(options, shared, cache), options, shared, cache)
    interface = _Interface()
    with opened_client(session) as client:
        request = _request(session, options)
        token = client.drive(login_flow(client, request, cache, interface, now=time.time, environment=os.environ))
    if interface.has_finished and not _is_kept(token, cache.load(session.key)):
        raise CommandFailed("the sign-in could not be kept, so no other command can use it: see `postern doctor`")
    check_time_left(token, options.min_ttl)
    text = "" if interface.has_finished else f"still signed in to {session.title} until {utc(token.expires_at)}"
    show(options, shown(session, token) | {"new": interface.has_finished}, text)


def _is_kept(token: "CachedToken", held: "CachedToken | None") -> bool:
    """Whether it is in the cache, or what another process has refreshed it to."""
    return held is not None and held.expires_at >= int(token.expires_at)


def _placed(session: "Session", options: argparse.Namespace, shared: SharedConfig, cache: "TokenCache") -> "Session":
    """Of a sign-in that is not configured, the service is where it was the last time, unless all is given anew."""
    held = cache.load(session.key)
    if held is None or is_configured(session, shared):
        return session
    is_given = options.start_url and options.region
    return located(session, held, shared) if held.endpoint_url or not is_given else session


def _request(session: "Session", options: argparse.Namespace) -> LoginRequest:
    return LoginRequest(
        start_url=session.start_url,
        region=session.region,
        session_name=session.name,
        scopes=session.scopes,
        method="device_code" if options.use_device_code else "auto",
        open_browser=not options.no_browser,
        callback_port=options.callback_port,
        timeout=options.timeout or None,
        min_ttl=options.min_ttl,
        force=options.force,
    )


class _Interface(TerminalInterface):
    """Knows whether the person had to do anything, and was told how it ended."""

    has_finished = False

    def finished(self, token: "CachedToken") -> None:
        super().finished(token)
        self.has_finished = True
