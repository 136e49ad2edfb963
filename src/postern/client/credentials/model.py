"""Credentials, and the two ports through which they come: a provider looks in one place, a source is asked before each
signature.
"""

from typing import Protocol

import msgspec

from postern.client.effects import Flow


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """``expires_at`` is Unix seconds, None for credentials that last. ``source`` says where they were found."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None
    expires_at: float | None = None
    source: str = ""

    def __repr__(self) -> str:
        return f"Credentials({self.access_key_id})"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        """What rich shows in its tracebacks instead of all members."""
        return [("access_key_id", self.access_key_id)]


class CredentialProvider(Protocol):
    """Looks for credentials in one place."""

    @property
    def name(self) -> str: ...

    def load(self) -> Flow[Credentials | None]:
        """What is there; None: nothing is configured here, the next provider may be asked.

        Raises:
            CredentialsError: something is configured here, and it does not give credentials.
        """
        ...


class CredentialSource(Protocol):
    """What a signer asks."""

    def resolve(self) -> Flow[Credentials]:
        """Credentials to sign with now.

        Raises:
            CredentialsError: there are none.
        """
        ...

    def expire(self, access_key_id: str) -> None:
        """The service says that those with this id have expired: do not give them again if there can be others."""
        ...
