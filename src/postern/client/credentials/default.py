"""Who is asked when no options say what to sign with."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from postern.client.credentials.chain import AnyProvider, CredentialProviderChain
from postern.client.credentials.container import ContainerCredentials
from postern.client.credentials.delegated import DelegatedCredentials
from postern.client.credentials.environment import EnvironmentCredentials
from postern.client.credentials.instance import InstanceCredentials
from postern.client.credentials.process import ProcessCredentials
from postern.client.credentials.profile import Profile
from postern.client.credentials.shared_files import SharedFilesCredentials
from postern.client.credentials.sso import SsoCredentials

if TYPE_CHECKING:
    from postern.client.base_service import BaseService
    from postern.client.shared_config import SharedConfig
    from postern.client.token_cache import TokenCache


def default_chain(
    *,
    environment: Mapping[str, str],
    shared: "SharedConfig",
    profile: str | None,
    token_cache: "TokenCache | None",
    now: Callable[[], float],
    endpoint_url_sso: str | None = None,
    endpoint_url_sso_oidc: str | None = None,
    use_fips: bool = False,
    use_dualstack: bool = False,
    uses_environment: bool = True,
) -> CredentialProviderChain:
    """The chain in botocore's order: environment, role, sso, shared files, login, process, container, instance.

    ``role`` and ``login`` are fetched by botocore, if it is installed. One thing is as in the SDK for JavaScript: in a
    profile that has both, keys win over ``credential_process`` in whichever file they are; botocore lets keys of the
    config file wait until after it. Without ``uses_environment`` the variables of keys and of web identity are not
    looked at: botocore does the same for a profile that was chosen in the program. ``token_cache`` None opens the one
    that the environment names, when it is needed.
    """
    section = Profile(shared, profile)

    def tokens() -> "TokenCache":
        from postern.client.token_cache import open_token_cache

        return open_token_cache(None, environment) if token_cache is None else token_cache

    def caller(region: str, kind: "type[BaseService]", prefix: str, url: str | None) -> "BaseService":
        from postern.client.endpoints import resolve

        url = url or resolve(prefix, region, use_fips=use_fips, use_dualstack=use_dualstack)
        return kind(region=region, endpoint=url, environment=environment, now=now, client_side_monitoring=False)

    def oidc(region: str) -> "BaseService":
        from postern.client.sso_oidc import SSOOIDCCalls

        return caller(region, SSOOIDCCalls, "oidc", endpoint_url_sso_oidc)

    def portal(region: str) -> "BaseService":
        from postern.client.sso_portal import SSOPortalCalls

        return caller(region, SSOPortalCalls, "portal.sso", endpoint_url_sso)

    providers: list[AnyProvider] = [
        DelegatedCredentials("role", section, environment, uses_environment=uses_environment),
        SsoCredentials(section, tokens=tokens, oidc=oidc, portal=portal, now=now),
        SharedFilesCredentials(section),
        DelegatedCredentials("login", section, environment, uses_environment=uses_environment),
        ProcessCredentials(section, environment),
        ContainerCredentials(environment),
        InstanceCredentials(section, environment, now),
    ]
    if uses_environment:
        providers.insert(0, EnvironmentCredentials(environment))
    return CredentialProviderChain(providers)
