"""The client: it asks what the server answers. Flows decide what is sent next, drivers send it; only `postern.api` is
known here.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from postern.client.credentials import CredentialProviderChain, Credentials
    from postern.client.endpoints import Endpoint
    from postern.client.global_config import config
    from postern.client.sign_in.login import async_login, login
    from postern.client.sso_oidc import SSOOIDC, AsyncSSOOIDC
    from postern.client.token_provider import AsyncTokenProvider, TokenProvider

_ROOMS = {
    "SSOOIDC": "sso_oidc",
    "AsyncSSOOIDC": "sso_oidc",
    "AsyncTokenProvider": "token_provider",
    "CredentialProviderChain": "credentials",
    "Credentials": "credentials",
    "Endpoint": "endpoints",
    "TokenProvider": "token_provider",
    "async_login": "sign_in.login",
    "config": "global_config",
    "login": "sign_in.login",
}

__all__ = [
    "SSOOIDC",
    "AsyncSSOOIDC",
    "AsyncTokenProvider",
    "CredentialProviderChain",
    "Credentials",
    "Endpoint",
    "TokenProvider",
    "async_login",
    "config",
    "login",
]


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'postern.client' has no attribute {name!r}")
    return getattr(import_module(f"postern.client.{_ROOMS[name]}"), name)
