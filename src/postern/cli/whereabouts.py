"""At which service a sign-in is. A token is a secret: it is shown to the service that it is from, and to nobody on a
guess, not even to AWS.

A sign-in records its service beside its token, in a member of the cache entry that other tools leave alone.
"""

import os
from itertools import product
from typing import TYPE_CHECKING, Literal

from postern.cli.sign_ins import configured_alike, is_configured
from postern.client import endpoints
from postern.client.errors import ConfigurationError
from postern.client.sessions import Session
from postern.client.settings import service_settings
from postern.client.shared_config import SharedConfig

if TYPE_CHECKING:
    from postern.client.token_cache import CachedToken

ServiceId = Literal["sso_oidc", "sso"]
PREFIXES = {"sso_oidc": "oidc", "sso": "portal.sso"}


class NowhereKnown(ConfigurationError):
    """Nothing says at which service a sign-in is."""


def located(
    session: Session, token: "CachedToken", shared: SharedConfig, service_id: ServiceId = "sso_oidc"
) -> Session:
    """The session with the endpoint of this service that its token may be shown to: what is given or configured, else
    what was recorded with the token. Without ``endpoint_url``, the client finds the configured one, or AWS's own.

    Raises:
        NowhereKnown: it is not configured, and nothing says where it is.
        ConfigurationError: what is configured cannot be used.
    """
    is_own = is_configured(session, shared)
    url = session.endpoint_url or (None if is_own else token.endpoint_url)
    if url is None and configured_url(session, shared, service_id):
        return session
    url = url or configured_url(session, shared, "sso_oidc") or token.endpoint_url
    if url is not None:
        return session._replace(endpoint_url=_at(url, session.region, service_id))
    if is_own or configured_alike(session.start_url, shared):
        return session
    raise NowhereKnown(
        f"nothing says at which service {session.title} is signed in: give it by --endpoint-url{_of_aws(session)}"
    )


def configured_url(session: Session, shared: SharedConfig, service_id: ServiceId) -> str | None:
    """The endpoint that the environment or the profile has for a service.

    Raises:
        ConfigurationError: what is configured cannot be used.
    """
    return service_settings(service_id, profile=session.profile, environment=os.environ, shared=shared).endpoint_url


def is_of_aws(url: str, region: str) -> bool:
    """Whether it is AWS's own endpoint of SSO OIDC in this region."""
    return endpoints.parse(url).hostname in _hosts_of_aws(region)


def _at(url: str, region: str, service_id: ServiceId) -> str:
    """Who runs a service of their own has both at one address; AWS has not."""
    if service_id == "sso" and is_of_aws(url, region):
        return endpoints.resolve(PREFIXES[service_id], region)
    return url


def _hosts_of_aws(region: str) -> set[str]:
    hosts = set()
    for use_fips, use_dualstack in product((False, True), repeat=2):
        try:
            url = endpoints.resolve(PREFIXES["sso_oidc"], region, use_fips=use_fips, use_dualstack=use_dualstack)
        except ConfigurationError:
            continue
        hosts.add(endpoints.parse(url).hostname)
    return hosts


def _of_aws(session: Session) -> str:
    try:
        return f" (AWS's own is {endpoints.resolve(PREFIXES['sso_oidc'], session.region)})"
    except ConfigurationError:
        return ""
