"""Sessions of boto3 and aiobotocore whose credentials renew themselves, from a sign-in of `postern login`."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from time import time
from typing import TYPE_CHECKING, Any, NamedTuple

from postern.client.driver import run
from postern.client.errors import ConfigurationError
from postern.client.role_credentials.sealed_files import RoleCredentials, RoleKey, open_role_credential_files
from postern.client.role_credentials.usable import usable_role_credentials
from postern.client.sessions import Session, resolve_session
from postern.client.shared_config import SharedConfig
from postern.client.token_cache import TokenCache, open_token_cache

if TYPE_CHECKING:
    from postern.client.options import Options

_METHOD = "postern"


class Role(NamedTuple):
    """A role of a sign-in, with all that it takes to get its credentials."""

    key: RoleKey
    cache: TokenCache
    options: "Options"
    profile: str | None
    region: str | None
    environment: Mapping[str, str]


def session(
    session: str | None = None,
    *,
    account_id: str | None = None,
    role_name: str | None = None,
    profile: str | None = None,
    start_url: str | None = None,
    region: str | None = None,
    endpoint_url: str | None = None,
    region_name: str | None = None,
    cache: TokenCache | str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Any:
    """A ``boto3.Session`` with the credentials of a role, which are renewed for as long as the sign-in lasts.

    Which sign-in is meant is said as for `TokenProvider.for_session`; account and role come from the ``profile`` if
    they are not given, and so do the endpoints of the session's clients. ``region_name`` is where they work.

    Raises:
        ConfigurationError: no sign-in, account or role is meant; or boto3 is not installed.
        SignInRequired: somebody has to sign in.
    """
    boto3 = _module("boto3", "boto3")
    from botocore.credentials import RefreshableCredentials
    from botocore.session import get_session

    role = _role(session, profile, start_url, region, endpoint_url, account_id, role_name, cache, environment)

    def fetch() -> dict[str, str]:
        return _metadata(_fetched(role))

    made = _with_profile(get_session(), role.profile)
    made._credentials = RefreshableCredentials.create_from_metadata(
        metadata=fetch(), refresh_using=fetch, method=_METHOD
    )
    return boto3.Session(botocore_session=made, region_name=region_name or role.region)


async def async_session(
    session: str | None = None,
    *,
    account_id: str | None = None,
    role_name: str | None = None,
    profile: str | None = None,
    start_url: str | None = None,
    region: str | None = None,
    endpoint_url: str | None = None,
    region_name: str | None = None,
    cache: TokenCache | str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Any:
    """The same for aiobotocore: an ``AioSession``.

    Raises:
        ConfigurationError: as `session`; or aiobotocore is not installed.
        SignInRequired: somebody has to sign in.
    """
    refreshable = _module("aiobotocore.credentials", "aiobotocore").AioRefreshableCredentials
    get_session = _module("aiobotocore.session", "aiobotocore").get_session
    role = _role(session, profile, start_url, region, endpoint_url, account_id, role_name, cache, environment)

    async def fetch() -> dict[str, str]:
        return _metadata(await _async_fetched(role))

    made = _with_profile(get_session(), role.profile)
    made._credentials = refreshable.create_from_metadata(metadata=await fetch(), refresh_using=fetch, method=_METHOD)
    if region_name or role.region:
        made.set_config_variable("region", region_name or role.region)
    return made


def role_of(
    found: Session, shared: SharedConfig, profile: str | None, account_id: str | None, role_name: str | None
) -> tuple[str, str]:
    """Account and role: what is given, else what the profile has.

    Raises:
        ConfigurationError: one of them is neither given nor configured.
    """
    name = profile or found.profile
    settings = shared.profile(name) if name in shared.profile_names else {}
    account_id = account_id or settings.get("sso_account_id")
    role_name = role_name or settings.get("sso_role_name")
    if not account_id or not role_name:
        raise ConfigurationError("no account and role are meant: give them, or a profile that has them")
    return account_id, role_name


def _role(
    session: str | None,
    profile: str | None,
    start_url: str | None,
    region: str | None,
    endpoint_url: str | None,
    account_id: str | None,
    role_name: str | None,
    cache: TokenCache | str | None,
    environment: Mapping[str, str] | None,
) -> Role:
    environment = os.environ if environment is None else environment
    shared = SharedConfig.load(environment)
    found = resolve_session(
        shared,
        environment,
        session=session,
        profile=profile,
        start_url=start_url,
        region=region,
        endpoint_url=endpoint_url,
    )
    account_id, role_name = role_of(found, shared, profile, account_id, role_name)
    name = profile or found.profile
    settings = shared.profile(name) if name in shared.profile_names else {}
    if cache is None or isinstance(cache, str):
        cache = open_token_cache(cache, environment)
    options: Options = {**found.options(), "environment": environment}
    return Role(RoleKey(found.key, account_id, role_name), cache, options, name, settings.get("region"), environment)


def _with_profile(made: Any, profile: str | None) -> Any:
    """botocore reads the files that the process's own environment names: the profile need not be there."""
    if profile in made.available_profiles:
        made.set_config_variable("profile", profile)
    return made


def _fetched(role: Role) -> RoleCredentials:
    from postern.client.sso_oidc import SSOOIDC
    from postern.client.sso_portal import SSOPortal

    kept = open_role_credential_files(role.environment)
    with SSOOIDC(**role.options) as oidc, SSOPortal(**role.options) as portal:
        return run(usable_role_credentials(role.key, role.cache, kept, oidc, portal, now=time), oidc.transport)


async def _async_fetched(role: Role) -> RoleCredentials:
    from postern.client.async_driver import run as run_async
    from postern.client.sso_oidc import AsyncSSOOIDC
    from postern.client.sso_portal import AsyncSSOPortal

    kept = open_role_credential_files(role.environment)
    async with AsyncSSOOIDC(**role.options) as oidc, AsyncSSOPortal(**role.options) as portal:
        flow = usable_role_credentials(role.key, role.cache, kept, oidc, portal, now=time)
        return await run_async(flow, oidc.transport)


def _metadata(credentials: RoleCredentials) -> dict[str, str]:
    return {
        "access_key": credentials.access_key_id,
        "secret_key": credentials.secret_access_key,
        "token": credentials.session_token,
        "expiry_time": datetime.fromtimestamp(credentials.expires_at, UTC).isoformat(),
    }


def _module(name: str, extra: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError:
        raise ConfigurationError(f"{extra} is not installed: pip install 'postern[{extra}]'") from None
