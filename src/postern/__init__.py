"""The open IAM Identity Center sign-in: server and client. Importing this costs next to nothing; names are found when
they are asked for.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from postern.client import (
        SSOOIDC,
        AsyncSSOOIDC,
        AsyncTokenProvider,
        CredentialProviderChain,
        Credentials,
        Endpoint,
        TokenProvider,
        async_login,
        config,
        login,
    )

__all__ = [
    "SSOOIDC",
    "AsyncSSOOIDC",
    "AsyncTokenProvider",
    "CredentialProviderChain",
    "Credentials",
    "Endpoint",
    "TokenProvider",
    "__version__",
    "async_login",
    "config",
    "login",
]


def __dir__() -> list[str]:
    return [*__all__]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'postern' has no attribute {name!r}")
    from postern import client

    return getattr(client, name)
