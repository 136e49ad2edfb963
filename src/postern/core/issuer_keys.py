"""The port to the signing keys of trusted token issuers. `postern.remote` fetches them; the rules only ask for one."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # PERF: joserfc takes 60 ms to import, and every command imports this
    from joserfc.jwk import Key


class IssuerUnavailable(Exception):
    """The keys of an issuer cannot be had now; the text says why, for the log."""


class IssuerKeys(Protocol):
    """Where keys come from. Only issuers that the directory trusts and that are enabled are ever asked for."""

    async def find(self, issuer_url: str, key_id: str | None) -> "Key | None":
        """The issuer's key with that ``kid``; without one, its only key. ``None`` if it has no such key.

        Raises:
            IssuerUnavailable: the issuer does not answer as it should, or may not be asked.
        """
        ...


class _NoIssuerKeys:
    async def find(self, issuer_url: str, key_id: str | None) -> "Key | None":
        raise IssuerUnavailable("this service asks nobody for keys")


NO_ISSUER_KEYS: IssuerKeys = _NoIssuerKeys()
