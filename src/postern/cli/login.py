"""``postern login``: a sign-in, by a browser here or by a code on any device."""

import argparse
import os
import time
from typing import TYPE_CHECKING

from postern.cli.output import show, utc
from postern.cli.sign_ins import chosen_session, opened_cache, opened_client, shown
from postern.client.sign_in.interface import TerminalInterface
from postern.client.sign_in.login import login_flow
from postern.client.sign_in.login_request import LoginRequest, Method

if TYPE_CHECKING:
    from postern.client.token_cache import CachedToken


def login(options: argparse.Namespace) -> None:
    """
    Raises:
        SignInError: the person said no, or did not decide in time.
        ClientError: the service cannot be used.
    """
    session, cache = chosen_session(options), opened_cache(options)
    method: Method = "device_code" if options.use_device_code else "auto"
    request = LoginRequest(
        start_url=session.start_url,
        region=session.region,
        session_name=session.name,
        scopes=session.scopes,
        method=method,
        open_browser=not options.no_browser,
        callback_port=options.callback_port,
        timeout=options.timeout or None,
        min_ttl=options.min_ttl,
        force=options.force,
    )
    interface = _Interface()
    with opened_client(session) as client:
        flow = login_flow(client, request, cache, interface, now=time.time, environment=os.environ)
        token = client.drive(flow)
    text = "" if interface.has_finished else f"still signed in to {session.title} until {utc(token.expires_at)}"
    show(options, shown(session, token) | {"new": interface.has_finished}, text)


class _Interface(TerminalInterface):
    """Knows whether the person had to do anything, and was told how it ended."""

    has_finished = False

    def finished(self, token: "CachedToken") -> None:
        super().finished(token)
        self.has_finished = True
