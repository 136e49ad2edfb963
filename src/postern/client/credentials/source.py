"""What a client signs with, by its options. What these do not need is not imported: keys ask no provider."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from postern.client.credentials.model import Credentials, CredentialSource
from postern.client.errors import ConfigurationError

if TYPE_CHECKING:
    from postern.client.credentials.chain import CredentialProviderChain
    from postern.client.shared_config import SharedConfig


def source_of(
    given: Mapping[str, Any],
    *,
    environment: Mapping[str, str],
    shared: "SharedConfig",
    profile: str | None,
    now: Callable[[], float],
) -> CredentialSource:
    """What a client signs with, by its options ``given``: keys, else ``credentials``, else ``credential_provider`` (a
    chain, a provider or a callable), else the default chain for ``profile``.

    Raises:
        ConfigurationError: an option is not what it should be.
    """
    from postern.client.credentials.given import static_credentials

    if given.get("access_key_id") or given.get("secret_access_key"):
        return static_credentials(_keys(given))
    if given.get("credentials") is not None:
        return static_credentials(given["credentials"])
    from postern.client.credentials.refreshing import RefreshingCredentials

    if given.get("credential_provider") is not None:
        return RefreshingCredentials(_chain(given["credential_provider"]), now)
    return RefreshingCredentials(_default(given, environment, shared, profile, now), now)


def _keys(given: Mapping[str, Any]) -> Credentials:
    for name in ("access_key_id", "secret_access_key"):
        if not given.get(name):
            raise ConfigurationError(f"option {name} is missing: both keys are needed")
    return Credentials(
        access_key_id=given["access_key_id"],
        secret_access_key=given["secret_access_key"],
        session_token=given.get("session_token") or None,
        source="options",
    )


def _chain(value: Any) -> Any:
    from postern.client.credentials.chain import CredentialProviderChain

    if hasattr(value, "resolve"):
        return value
    if not hasattr(value, "load") and not callable(value):
        raise ConfigurationError(f"option credential_provider takes a chain or a provider, not {type(value).__name__}")
    return CredentialProviderChain([value])


def _default(
    given: Mapping[str, Any],
    environment: Mapping[str, str],
    shared: "SharedConfig",
    profile: str | None,
    now: Callable[[], float],
) -> "CredentialProviderChain":
    from postern.client.credentials.default import default_chain
    from postern.client.settings import service_settings

    chosen = given.get("profile")
    sso = service_settings("sso", profile=chosen, environment=environment, shared=shared)
    oidc = service_settings("sso_oidc", profile=chosen, environment=environment, shared=shared)
    return default_chain(
        environment=environment,
        shared=shared,
        profile=profile,
        token_cache=None,
        now=now,
        endpoint_url_sso=sso.endpoint_url,
        endpoint_url_sso_oidc=oidc.endpoint_url,
        use_fips=sso.use_fips_endpoint,
        use_dualstack=sso.use_dualstack_endpoint,
        uses_environment=chosen is None,
    )
