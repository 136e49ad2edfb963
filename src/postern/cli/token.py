"""``postern token``: a good access token on standard output, and nothing else. Programs call this at each step, so from
a warm cache it imports hardly anything.
"""

import os
import time
from typing import TYPE_CHECKING

from postern.cli.sign_ins import (
    check_time_left,
    chosen_session,
    login_command,
    opened_cache,
    opened_client,
    shown,
)
from postern.client.errors import ConfigurationError, SignInRequired
from postern.client.shared_config import SharedConfig
from postern.client.token_demand import TokenDemand

if TYPE_CHECKING:
    import argparse

    from postern.client.sessions import Session
    from postern.client.token_cache import CachedToken, TokenCache


def token(options: "argparse.Namespace") -> None:
    """
    Raises:
        SignInRequired: there is none that is good for long enough, and none that could be refreshed.
        CommandFailed: tokens of this service are never good for that long.
    """
    shared, cache = SharedConfig.load(os.environ), opened_cache(options)
    session = chosen_session(options, shared, cache)
    found = cache.load(session.key)
    if found is None:
        raise SignInRequired(f"nobody is signed in: run {login_command(session, shared, cache)}")
    demand = TokenDemand(time.time, options.min_ttl)
    if not demand.is_met_by(found):
        found = _refreshed(session, found, demand, shared, cache)
    check_time_left(found, options.min_ttl)
    if options.json:
        import json

        print(json.dumps({"access_token": found.access_token, **shown(session, found)}, indent=2))
    else:
        print(found.access_token)


def _refreshed(
    session: "Session", found: "CachedToken", demand: TokenDemand, shared: SharedConfig, cache: "TokenCache"
) -> "CachedToken":
    from postern.cli.whereabouts import located
    from postern.client.token_refresh import usable_token

    if found.is_refreshable(time.time()):
        try:
            session = located(session, found, shared)
        except ConfigurationError:
            if demand.is_tolerated(found):
                return found
            raise
    with opened_client(session) as client:
        return client.drive(usable_token(session.key, cache, client, now=demand.now, min_ttl=demand.min_ttl))
