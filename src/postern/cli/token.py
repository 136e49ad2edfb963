"""``postern token``: a good access token on standard output, and nothing else. Programs call this at each step, so from
a warm cache it imports hardly anything.
"""

import argparse
import time
from typing import TYPE_CHECKING

from postern.cli.sign_ins import chosen_session, opened_cache, opened_client, shown
from postern.client.token_demand import TokenDemand

if TYPE_CHECKING:
    from postern.client.sessions import Session
    from postern.client.token_cache import CachedToken, TokenCache


def token(options: argparse.Namespace) -> None:
    """
    Raises:
        SignInRequired: there is none that is good for long enough, and none that could be refreshed.
    """
    session, cache = chosen_session(options), opened_cache(options)
    found = cache.load(session.key)
    if found is None or not TokenDemand(time.time, options.min_ttl).is_met_by(found):
        found = _refreshed(session, cache, options.min_ttl)
    if options.json:
        import json

        print(json.dumps({"access_token": found.access_token, **shown(session, found)}, indent=2))
    else:
        print(found.access_token)


def _refreshed(session: "Session", cache: "TokenCache", min_ttl: float) -> "CachedToken":
    from postern.client.token_refresh import usable_token

    with opened_client(session) as client:
        return client.drive(usable_token(session.key, cache, client, now=time.time, min_ttl=min_ttl))
