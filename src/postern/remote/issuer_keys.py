"""The signing keys of trusted token issuers, by OIDC discovery (OpenID Connect Discovery 4): fetched when they are
needed, kept for a while, and never asked for so often that we become a nuisance.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from postern.core.issuer_keys import IssuerUnavailable
from postern.core.policy import TrustedIssuerPolicy
from postern.remote.addresses import Destinations

if TYPE_CHECKING:  # PERF: the modules behind them take 150 ms to import; servers without trusted issuers never do
    from joserfc.jwk import Key

    from postern.remote.fetching import Fetcher
    from postern.remote.key_sets import KeySet

MAX_ISSUERS = 100
REFETCH_SECONDS = 30
FETCH_SECONDS = 3.0
_DISCOVERY = "/.well-known/openid-configuration"
_log = logging.getLogger(__name__)


class _Discovery(msgspec.Struct, frozen=True):
    issuer: str
    jwks_uri: str


class _Issuer:
    """What is known of an issuer. Times are those of the clock; ``failure`` is why the last fetch came to nothing."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.keys: KeySet | None = None
        self.fetched_at = 0.0
        self.tried_at: float | None = None
        self.failure: str | None = None
        self.fetch: asyncio.Task[None] | None = None


class RemoteIssuerKeys:
    """`postern.core.issuer_keys.IssuerKeys` over HTTP.

    Keys are kept for ``policy.keys_lifetime``. A ``kid`` that is not among them is looked for once more, at most every
    30 seconds, and an issuer that failed is left alone for as long. Callers that wait for one issuer share one fetch.

    ``clock`` counts seconds from any moment; ``make_fetcher`` runs in a thread, when the first key is asked for.

    Raises:
        ValueError: ``policy.allowed_networks`` has a text that is not a network.
    """

    def __init__(
        self,
        policy: TrustedIssuerPolicy,
        public_url: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        make_fetcher: "Callable[[Destinations], Fetcher] | None" = None,
        fetch_seconds: float = FETCH_SECONDS,
    ) -> None:
        self._lifetime = policy.keys_lifetime
        self._destinations = Destinations(policy.allowed_networks, public_url)
        self._clock = clock
        self._make_fetcher = make_fetcher or _make_fetcher
        self._fetch_seconds = fetch_seconds
        self._fetcher: Fetcher | None = None
        self._issuers: dict[str, _Issuer] = {}

    async def find(self, issuer_url: str, key_id: str | None) -> "Key | None":
        """The issuer's key with that ``kid``; without one, its only key. ``None`` if it has no such key.

        Raises:
            IssuerUnavailable: the issuer does not answer as it should, or may not be asked.
        """
        issuer = self._remembered(issuer_url)
        if key := self._current(issuer, key_id):
            return key
        if self._may_fetch(issuer):
            await self._fetch(issuer)
            if key := self._current(issuer, key_id):
                return key
        if issuer.failure is not None:
            raise IssuerUnavailable(issuer.failure)
        return None

    async def aclose(self) -> None:
        """End the fetches that are under way."""
        fetches = [issuer.fetch for issuer in self._issuers.values() if issuer.fetch is not None]
        for fetch in fetches:
            fetch.cancel()
        await asyncio.gather(*fetches, return_exceptions=True)

    def _remembered(self, issuer_url: str) -> _Issuer:
        """The issuer, as the one that was asked for last."""
        issuer = self._issuers.pop(issuer_url, None) or _Issuer(issuer_url)
        self._issuers[issuer_url] = issuer
        if len(self._issuers) > MAX_ISSUERS:
            longest_unasked = next((each for each in self._issuers.values() if each.fetch is None), None)
            if longest_unasked is not None:
                del self._issuers[longest_unasked.url]
        return issuer

    def _current(self, issuer: _Issuer, key_id: str | None) -> "Key | None":
        if issuer.keys is None or self._clock() - issuer.fetched_at >= self._lifetime:
            return None
        return issuer.keys.find(key_id)

    def _may_fetch(self, issuer: _Issuer) -> bool:
        """Not again within 30 seconds; who comes while a fetch is under way waits for that one."""
        if issuer.fetch is not None or issuer.tried_at is None:
            return True
        return self._clock() - issuer.tried_at >= REFETCH_SECONDS

    async def _fetch(self, issuer: _Issuer) -> None:
        if issuer.fetch is None:
            issuer.tried_at = self._clock()
            issuer.fetch = asyncio.create_task(self._renew(issuer, issuer.tried_at))
        await asyncio.shield(issuer.fetch)

    async def _renew(self, issuer: _Issuer, now: float) -> None:
        try:
            issuer.keys = await self._read(issuer.url)
            issuer.fetched_at, issuer.failure = now, None
        except IssuerUnavailable as failure:
            issuer.failure = str(failure)
            _log.warning(
                "keys of an issuer cannot be had", extra={"fields": {"issuer": issuer.url, "reason": issuer.failure}}
            )
        finally:
            issuer.fetch = None

    async def _read(self, issuer_url: str) -> "KeySet":
        try:
            if self._fetcher is None:
                self._fetcher = await asyncio.to_thread(self._make_fetcher, self._destinations)
            async with asyncio.timeout(self._fetch_seconds):
                return await _discover(self._fetcher, issuer_url)
        except TimeoutError:
            raise IssuerUnavailable(f"no answer within {self._fetch_seconds:g} seconds") from None
        except OSError as failure:
            raise IssuerUnavailable(f"the certificates that TLS trusts cannot be read: {failure}") from failure


def _make_fetcher(destinations: Destinations) -> "Fetcher":
    """PERF: the imports, and reading the certificates that TLS trusts, take 200 ms: not in the event loop."""
    from postern.remote import key_sets  # noqa: F401  # to have it loaded
    from postern.remote.fetching import Fetcher

    return Fetcher(destinations)


async def _discover(fetcher: "Fetcher", issuer_url: str) -> "KeySet":
    """
    Raises:
        IssuerUnavailable: one of the two documents cannot be had, or is not as it should be.
    """
    from postern.remote import key_sets

    if "?" in issuer_url:
        raise IssuerUnavailable("the issuer URL has a query")
    try:
        document = msgspec.json.decode(await fetcher.get(issuer_url.removesuffix("/") + _DISCOVERY), type=_Discovery)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise IssuerUnavailable("the discovery document is not one") from None
    if document.issuer != issuer_url:
        raise IssuerUnavailable("the discovery document is of another issuer")
    return key_sets.read(await fetcher.get(document.jwks_uri))
