"""What requests are signed with, and where it comes from: providers, one file each, a chain that asks them in order,
and a source that renews what expires.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from postern.client.credentials.model import CredentialProvider, Credentials, CredentialSource

if TYPE_CHECKING:
    from postern.client.credentials.botocore_chain import BotocoreCredentials
    from postern.client.credentials.chain import CredentialProviderChain
    from postern.client.credentials.container import ContainerCredentials
    from postern.client.credentials.default import default_chain
    from postern.client.credentials.delegated import DelegatedCredentials
    from postern.client.credentials.environment import EnvironmentCredentials
    from postern.client.credentials.given import static_credentials
    from postern.client.credentials.instance import InstanceCredentials
    from postern.client.credentials.process import ProcessCredentials
    from postern.client.credentials.refreshing import RefreshingCredentials
    from postern.client.credentials.shared_files import SharedFilesCredentials
    from postern.client.credentials.source import source_of
    from postern.client.credentials.sso import SsoCredentials

_ROOMS = {
    "BotocoreCredentials": "botocore_chain",
    "ContainerCredentials": "container",
    "CredentialProviderChain": "chain",
    "DelegatedCredentials": "delegated",
    "EnvironmentCredentials": "environment",
    "InstanceCredentials": "instance",
    "ProcessCredentials": "process",
    "RefreshingCredentials": "refreshing",
    "SharedFilesCredentials": "shared_files",
    "SsoCredentials": "sso",
    "default_chain": "default",
    "source_of": "source",
    "static_credentials": "given",
}

__all__ = [
    "BotocoreCredentials",
    "ContainerCredentials",
    "CredentialProvider",
    "CredentialProviderChain",
    "CredentialSource",
    "Credentials",
    "DelegatedCredentials",
    "EnvironmentCredentials",
    "InstanceCredentials",
    "ProcessCredentials",
    "RefreshingCredentials",
    "SharedFilesCredentials",
    "SsoCredentials",
    "default_chain",
    "source_of",
    "static_credentials",
]


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'postern.client.credentials' has no attribute {name!r}")
    return getattr(import_module(f"postern.client.credentials.{_ROOMS[name]}"), name)
