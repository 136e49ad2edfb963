"""The client: it asks what the server answers. Flows decide what is sent next, drivers send it; only `postern.api` is
known here.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from postern.client.credentials import CredentialProviderChain, Credentials
    from postern.client.endpoints import Endpoint
    from postern.client.global_config import config
    from postern.client.role_credentials.aws_sessions import async_session, session
    from postern.client.sign_in.login import async_login, login
    from postern.client.sso_oidc import SSOOIDC, AsyncSSOOIDC
    from postern.client.sso_portal import AsyncSSOPortal, SSOPortal
    from postern.client.token_provider import AsyncTokenProvider, TokenProvider

_ROOMS = {
    "SSOOIDC": "sso_oidc",
    "AsyncSSOOIDC": "sso_oidc",
    "SSOPortal": "sso_portal",
    "AsyncSSOPortal": "sso_portal",
    "AsyncTokenProvider": "token_provider",
    "CredentialProviderChain": "credentials",
    "Credentials": "credentials",
    "Endpoint": "endpoints",
    "TokenProvider": "token_provider",
    "async_login": "sign_in.login",
    "async_session": "role_credentials.aws_sessions",
    "config": "global_config",
    "login": "sign_in.login",
    "session": "role_credentials.aws_sessions",
}

__all__ = [
    "SSOOIDC",
    "AsyncSSOOIDC",
    "AsyncSSOPortal",
    "AsyncTokenProvider",
    "CredentialProviderChain",
    "Credentials",
    "Endpoint",
    "SSOPortal",
    "TokenProvider",
    "async_login",
    "async_session",
    "config",
    "login",
    "session",
]


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'postern.client' has no attribute {name!r}")
    return getattr(import_module(f"postern.client.{_ROOMS[name]}"), name)
