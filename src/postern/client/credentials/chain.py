"""Providers in order: AWS.CredentialProviderChain of the SDK for JavaScript."""

from collections.abc import Callable, Iterable
from typing import Any, cast

from postern.client.credentials.given import carries_credentials, credentials_of, refuse_awaitable
from postern.client.credentials.model import CredentialProvider, Credentials
from postern.client.effects import Call, Flow
from postern.client.errors import ClientError, ConfigurationError, CredentialsError

AnyProvider = CredentialProvider | Callable[[], Any]


class CredentialProviderChain:
    """``providers`` may be changed at any time. A callable among them returns credentials, None, or a provider, and may
    block.
    """

    def __init__(self, providers: Iterable[AnyProvider] = ()) -> None:
        self.providers: list[AnyProvider] = list(providers)

    def __repr__(self) -> str:
        return f"CredentialProviderChain({', '.join(map(_name, self.providers))})"

    def resolve(self) -> Flow[Credentials]:
        """The credentials of the first provider that has any.

        Raises:
            CredentialsError: none has any, or one that is configured fails; the text names it.
            ConfigurationError: a shared file has no such profile or session.
        """
        asked = []
        for provider in tuple(self.providers):
            name = _name(provider)
            try:
                credentials = yield from _ask(provider, name)
            except ConfigurationError:
                raise
            except ClientError as error:
                raise CredentialsError(f"{name}: {error}") from error
            if credentials is not None:
                return credentials
            asked.append(name)
        raise CredentialsError(
            f"no credentials to sign with (asked: {', '.join(asked) or 'nobody'}): pass credentials=…, or set"
            " AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or configure a profile"
        )


def _ask(provider: Any, name: str) -> Flow[Credentials | None]:
    if not hasattr(provider, "load"):
        provider = refuse_awaitable((yield Call(provider)), name)
    if provider is None:
        return None
    if hasattr(provider, "load"):
        return (yield from cast(CredentialProvider, provider).load())
    if not carries_credentials(provider):
        raise CredentialsError(f"credentials cannot be read from an object of type {type(provider).__name__}")
    return (yield from credentials_of(provider, source=name))


def _name(provider: object) -> str:
    for attribute in ("name", "__name__"):
        name = getattr(provider, attribute, None)
        if isinstance(name, str):
            return name
    return type(provider).__name__
