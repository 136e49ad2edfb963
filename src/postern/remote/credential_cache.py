"""Credentials that an STS gave, in memory: sealed under a key that this process made and nobody else has, given out for
the first half of their life, and asked for once however many want them.
"""

import asyncio
import secrets
import time
from collections.abc import Callable

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from postern.core.iam.access_keys import TemporaryCredentials
from postern.core.role_credentials.port import Make

MAX_KEPT = 10_000
_KEY_BITS = 256
_NONCE_BYTES = 12


class _Kept(msgspec.Struct, frozen=True):
    """Sealed credentials, and until when they are given out."""

    sealed: bytes
    until: float


class CredentialCache:
    """`postern.core.role_credentials.port.IssuedCredentials` in memory. ``clock`` counts Unix seconds."""

    def __init__(self, clock: Callable[[], float] = time.time, max_kept: int = MAX_KEPT) -> None:
        self._clock = clock
        self._max_kept = max_kept
        self._cipher = AESGCM(AESGCM.generate_key(_KEY_BITS))
        self._kept: dict[bytes, _Kept] = {}
        self._being_made: dict[bytes, asyncio.Task[TemporaryCredentials]] = {}

    async def get(self, key: bytes, make: Make) -> TemporaryCredentials:
        """See the port. Who goes away does not take it from the others."""
        if known := self._find(key):
            return known
        task = self._being_made.get(key)
        if task is None:
            task = self._being_made[key] = asyncio.ensure_future(self._make(key, make))
            task.add_done_callback(lambda made: self._made(key, made))
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        """End what is being made, and forget everything."""
        tasks = list(self._being_made.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._kept.clear()

    async def _make(self, key: bytes, make: Make) -> TemporaryCredentials:
        credentials = await make()
        self._keep(key, credentials)
        return credentials

    def _made(self, key: bytes, task: "asyncio.Task[TemporaryCredentials]") -> None:
        del self._being_made[key]
        if not task.cancelled():
            task.exception()  # so that asyncio does not complain when all who waited have gone

    def _find(self, key: bytes) -> TemporaryCredentials | None:
        kept = self._kept.pop(key, None)
        if kept is None or self._clock() >= kept.until:
            return None
        self._kept[key] = kept  # as the one that was asked for last
        nonce, rest = kept.sealed[:_NONCE_BYTES], kept.sealed[_NONCE_BYTES:]
        return msgspec.msgpack.decode(self._cipher.decrypt(nonce, rest, key), type=TemporaryCredentials)

    def _keep(self, key: bytes, credentials: TemporaryCredentials) -> None:
        now = self._clock()
        until = now + (credentials.expires_at - now) / 2
        if until <= now:
            return
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, msgspec.msgpack.encode(credentials), key)
        self._kept[key] = _Kept(sealed, until)
        if len(self._kept) > self._max_kept:
            self._make_room(now)

    def _make_room(self, now: float) -> None:
        """Without those that are over; if none are, without the ones that nobody asked for longest, a tenth of all.
        PERF: room for many at a time, so that not each newcomer costs a look at all.
        """
        self._kept = {key: kept for key, kept in self._kept.items() if kept.until > now}
        if len(self._kept) > self._max_kept:
            for key in list(self._kept)[: len(self._kept) - self._max_kept * 9 // 10]:
                del self._kept[key]
