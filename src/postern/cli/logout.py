"""``postern logout``: the sign-in ends at the service, and its token is forgotten here. Registrations stay."""

import argparse
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from postern.api.errors import ModelledError, UnauthorizedException
from postern.api.portal import LOGOUT
from postern.cli.exit_codes import UsageError, complaint_about
from postern.cli.output import show, tell
from postern.cli.sign_ins import (
    all_sign_ins,
    cached_token,
    chosen_session,
    client_options,
    names_one,
    opened_cache,
    opened_client,
)
from postern.cli.whereabouts import NowhereKnown, located
from postern.client.errors import ClientError, ServiceError
from postern.client.service import Service
from postern.client.sessions import Session
from postern.client.shared_config import SharedConfig

if TYPE_CHECKING:
    from postern.client.token_cache import CachedToken, TokenCache

Portal = Service.define_service("sso", operations=[LOGOUT], endpoint_prefix="portal.sso")
_UNAUTHORIZED = 401


def logout(options: argparse.Namespace) -> None:
    """
    Raises:
        UsageError: with ``--all``, a sign-in is named too.
    """
    if options.all and names_one(options):
        raise UsageError("--all ends every sign-in: name none besides")
    shared, cache = SharedConfig.load(os.environ), opened_cache(options)
    chosen = _chosen(options, shared, cache)
    ended = [done for session, token in chosen if (done := _end(session, token, shared, cache))]
    titles = ", ".join(str(each["session"] or each["start_url"]) for each in ended)
    show(options, ended, f"signed out of {titles}" if ended else "no sign-in is cached: nothing to do")


def _chosen(
    options: argparse.Namespace, shared: SharedConfig, cache: "TokenCache"
) -> "list[tuple[Session, CachedToken | None]]":
    if options.all:
        return [(session, token) for session, token, _ in all_sign_ins(shared, cache)]
    session = chosen_session(options, shared, cache)
    return [(session, cache.load(session.key))]


def _end(
    session: Session, token: "CachedToken | None", shared: SharedConfig, cache: "TokenCache"
) -> dict[str, object] | None:
    """What was ended, for programs; None if there was nothing. What cannot be read may hold a secret, and goes too."""
    if token is None and not _has_folder(cache):
        return None
    at_service = token is not None and _ends_at_service(session, token, shared, cache)
    held = token or cached_token(session.name, None, cache)  # or one of another start URL
    with cache.lock(session.key):  # a refresh that is under way would bring the token back
        was_there = cache.delete(session.key)
        if held is not None:
            cache.forget(held)
    if token is None and not was_there:
        return None
    if token is None:
        tell(f"postern: {session.title} may go on at the service: its entry was of no use, and is removed")
    return {"session": session.name, "start_url": session.start_url, "ended_at_service": at_service}


def _has_folder(cache: "TokenCache") -> bool:
    """Whether anything was ever kept: the lock would make the folder."""
    folder = getattr(cache, "folder", None)
    return folder is None or Path(folder).is_dir()


def _ends_at_service(session: Session, token: "CachedToken", shared: SharedConfig, cache: "TokenCache") -> bool:
    """Whether the service says that it is over. That it cannot be asked keeps nobody from forgetting the token."""
    try:
        token = _live(session, token, shared, cache)
        _say_goodbye(located(session, token, shared, "sso"), token)
    except NowhereKnown:
        tell(
            f"postern: {session.title} may go on at its service, and nothing says which that is. To end such a sign-in "
            "there too, add --endpoint-url, or configure it first: postern configure sso"
        )
        return False
    except (ClientError, ModelledError) as error:
        tell(f"postern: {session.title} may go on at the service; {complaint_about(error)}")
        return False
    return True


def _live(session: Session, token: "CachedToken", shared: SharedConfig, cache: "TokenCache") -> "CachedToken":
    """A token that the service still knows: with one that has expired it could not tell which sign-in is to end."""
    if token.expires_at > time.time() or not token.is_refreshable(time.time()):
        return token
    from postern.client.token_refresh import usable_token

    with opened_client(located(session, token, shared)) as client:
        return client.drive(usable_token(session.key, cache, client, now=time.time))


def _say_goodbye(session: Session, token: "CachedToken") -> None:
    """Raises what kept the sign-in from being ended; that it is over already is none of it."""
    try:
        with Portal(**client_options(session)) as portal:
            portal.call(LOGOUT, {"access_token": token.access_token})
    except UnauthorizedException:
        return
    except ServiceError as error:
        if error.status != _UNAUTHORIZED:
            raise
