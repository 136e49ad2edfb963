"""``postern status``: who is signed in where, and for how long."""

import argparse
import os
import time
from typing import TYPE_CHECKING, NamedTuple

from postern.cli.output import columns, show, utc
from postern.cli.sign_ins import all_sign_ins, chosen_session, names_one, opened_cache
from postern.client.sessions import Session
from postern.client.shared_config import SharedConfig

if TYPE_CHECKING:
    from postern.client.token_cache import CachedToken, TokenCache

_SIGNED_OUT = 4


class SignIn(NamedTuple):
    """A sign-in, be it configured, cached or both. ``place`` is where its token is."""

    session: Session
    token: "CachedToken | None"
    place: str
    configured: bool = True

    @property
    def is_live(self) -> bool:
        """Whether a program gets a token without a person."""
        return self.token is not None and (
            self.token.expires_at > time.time() or self.token.is_refreshable(time.time())
        )


def status(options: argparse.Namespace) -> int:
    """0 if the sign-in that is meant (any, when none is named) is good, or can be made so without a person."""
    shared, cache = SharedConfig.load(os.environ), opened_cache(options)
    found = [_one(chosen_session(options, shared, cache), cache)] if names_one(options) else _all(shared, cache)
    table = columns([_row(each) for each in found], ("SESSION", "START URL", "REGION", "SIGNED IN", "TOKEN"))
    nothing = "no sign-in is configured and none is cached; next: postern configure sso"
    show(options, [_shown(each) for each in found], table if found else nothing)
    return 0 if any(each.is_live for each in found) else _SIGNED_OUT


def _one(session: Session, cache: "TokenCache") -> SignIn:
    return SignIn(session, cache.load(session.key), _place(session, cache))


def _all(shared: SharedConfig, cache: "TokenCache") -> list[SignIn]:
    return [
        SignIn(session, token, _place(session, cache), is_configured)
        for session, token, is_configured in all_sign_ins(shared, cache)
    ]


def _place(session: Session, cache: "TokenCache") -> str:
    """The file, in a cache of files; in another, the name of the entry. A token that some tool keeps under a session's
    name of its own cannot be traced.
    """
    path = getattr(cache, "path", str)
    return path(session.key.primary) if cache.load(session.key) else "elsewhere in the cache"


def _row(found: SignIn) -> tuple[str, ...]:
    session = found.session
    name = session.name or (f"(profile {session.profile})" if session.profile and found.configured else "-")
    return (name, session.start_url, session.region, _until(found), found.place if found.token else "-")


def _until(found: SignIn) -> str:
    token = found.token
    if token is None:
        return "no"
    if token.expires_at <= time.time():
        return "expired, refreshable" if token.is_refreshable(time.time()) else "expired"
    return f"until {utc(token.expires_at)}" + (", refreshable" if token.is_refreshable(time.time()) else "")


def _shown(found: SignIn) -> dict[str, object]:
    session, token = found.session, found.token
    return {
        "session": session.name,
        "start_url": session.start_url,
        "region": session.region,
        "profile": session.profile,
        "configured": found.configured,
        "signed_in": found.is_live,
        "expires_at": int(token.expires_at) if token else None,
        "refreshable": bool(token and token.is_refreshable(time.time())),
        "registration_expires_at": int(token.registration_expires_at or 0) or None if token else None,
        "token": found.place if token else None,
    }
