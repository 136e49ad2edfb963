"""``postern logout``: the sign-in ends at the service, and its token is forgotten here. Registrations stay."""

import argparse
import os
import time
from typing import TYPE_CHECKING

from postern.cli.exit_codes import UsageError, complaint_about
from postern.cli.output import show, tell
from postern.cli.sign_ins import (
    all_sign_ins,
    chosen_session,
    is_refreshable,
    names_one,
    opened_cache,
    opened_client,
)
from postern.client.errors import ClientError, ConfigurationError
from postern.client.sessions import Session
from postern.client.shared_config import SharedConfig

if TYPE_CHECKING:
    from postern.client.sso_oidc import SSOOIDC
    from postern.client.token_cache import CachedToken, TokenCache

_OK, _UNAUTHORIZED = 200, 401


def logout(options: argparse.Namespace) -> int:
    """
    Raises:
        UsageError: with ``--all``, a sign-in is named too.
    """
    if options.all and names_one(options):
        raise UsageError("--all ends every sign-in: name none besides")
    shared, cache = SharedConfig.load(os.environ), opened_cache(options)
    ended = []
    for session, token in _chosen(options, shared, cache):
        at_service = _end_at_service(session, token, cache)
        with cache.lock(session.key):  # a refresh that is under way would bring the token back
            cache.delete(session.key)
            cache.forget(token)
        ended.append({"session": session.name, "start_url": session.start_url, "ended_at_service": at_service})
    titles = ", ".join(str(each["session"] or each["start_url"]) for each in ended)
    show(options, ended, f"signed out of {titles}" if ended else "no sign-in is cached: nothing to do")
    return 0


def _chosen(
    options: argparse.Namespace, shared: SharedConfig, cache: "TokenCache"
) -> "list[tuple[Session, CachedToken]]":
    if options.all:
        return [(session, token) for session, token, _ in all_sign_ins(shared, cache) if token is not None]
    session = chosen_session(options, shared)
    token = cache.load(session.key)
    return [] if token is None else [(session, token)]


def _end_at_service(session: Session, token: "CachedToken", cache: "TokenCache") -> bool:
    """Whether the service says that it is over. That it cannot be asked keeps nobody from forgetting the token."""
    from postern.api.errors import ModelledError

    try:
        with opened_client(session) as client:
            return _end(client, session, _live(client, session, token, cache))
    except (ClientError, ModelledError) as error:
        tell(f"postern: {session.title} may go on at the service: {complaint_about(error)}")
        return False


def _live(client: "SSOOIDC", session: Session, token: "CachedToken", cache: "TokenCache") -> "CachedToken":
    """A token that the service still knows: with one that has expired it could not tell which sign-in is to end."""
    if token.expires_at > time.time() or not is_refreshable(token):
        return token
    from postern.client.token_refresh import usable_token

    return client.drive(usable_token(session.key, cache, client, now=time.time))


def _end(client: "SSOOIDC", session: Session, token: "CachedToken") -> bool:
    from postern.api.portal import BEARER_HEADER, LOGOUT
    from postern.client.answers import error_of
    from postern.client.http import HttpRequest

    url = f"{_portal(client, session)}{LOGOUT.request_uri}"
    headers = {BEARER_HEADER: token.access_token, "User-Agent": client.user_agent}
    answer = client.transport.send(HttpRequest(method=LOGOUT.method, url=url, headers=headers))
    if answer.status == _UNAUTHORIZED:
        return True  # it is over already
    if answer.status != _OK:
        raise error_of(answer, LOGOUT)
    return True


def _portal(client: "SSOOIDC", session: Session) -> str:
    """The address of the access portal, without a slash at its end."""
    from postern.client import endpoints
    from postern.client.settings import service_settings

    configuration = client.configuration
    settings = service_settings(
        "sso", profile=session.profile, environment=configuration.environment, shared=client.shared_config
    )
    url = session.endpoint_url or settings.endpoint_url
    if url is None:
        if not session.region:
            raise ConfigurationError("the region of this sign-in is not known")
        url = endpoints.resolve(
            "portal.sso",
            session.region,
            use_fips=settings.use_fips_endpoint,
            use_dualstack=settings.use_dualstack_endpoint,
        )
    return endpoints.parse(url).base
