"""The open IAM Identity Center sign-in: server and client. Importing this costs next to nothing; names are found when
they are asked for.
"""

TYPE_CHECKING = False  # PERF: to import typing takes as long as the interpreter itself; type checkers know the name

__version__ = "0.1.0"

if TYPE_CHECKING:
    from typing import Any

    from postern.client import (
        SSOOIDC,
        AsyncSSOOIDC,
        AsyncSSOPortal,
        AsyncTokenProvider,
        CredentialProviderChain,
        Credentials,
        Endpoint,
        SSOPortal,
        TokenProvider,
        async_login,
        async_session,
        config,
        login,
        session,
    )

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
    "__version__",
    "async_login",
    "async_session",
    "config",
    "login",
    "session",
]


def __dir__() -> list[str]:
    return [*__all__]


def __getattr__(name: str) -> "Any":
    if name not in __all__:
        raise AttributeError(f"module 'postern' has no attribute {name!r}")
    from postern import client

    return getattr(client, name)
