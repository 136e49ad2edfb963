"""Argon2id off the event loop: a hash takes some 20 ms, and only as many run at once as there are processors."""

import asyncio
import os

from argon2 import PasswordHasher as Argon2
from argon2 import Type
from argon2.exceptions import InvalidHashError, VerificationError

from postern.core import passwords

# The hash of nothing anyone knows: verified against when there is no such person, so that it takes the same time.
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$aX5VBdJu2jXSfvnk+/AWog$YHDXb0q8SP1o9MQLNw0lxY+Y9Eh1s505knBddOxtLYs"


_MAX_WAITING = 64


class ThreadedHasher:
    """See `postern.core.passwords.PasswordHasher`."""

    def __init__(self) -> None:
        self._argon2 = Argon2(
            time_cost=passwords.PASSES, memory_cost=passwords.MEMORY_KIB, parallelism=passwords.LANES, type=Type.ID
        )
        processors = os.cpu_count() or 1
        self._places = asyncio.Semaphore(processors)
        self._max_present = processors + _MAX_WAITING
        self._present = 0

    async def hash(self, password: str) -> str:
        async with self._places:
            return await asyncio.to_thread(self._argon2.hash, password)

    async def verify(self, password_hash: str | None, password: str) -> bool:
        if self._present >= self._max_present:
            raise passwords.HasherBusy
        self._present += 1
        try:
            async with self._places:
                right = await asyncio.to_thread(self._verify, password_hash or _NOBODY, password)
        finally:
            self._present -= 1
        return right and password_hash is not None

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._argon2.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False
