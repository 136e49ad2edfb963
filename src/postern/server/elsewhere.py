"""Ports whose answers come from elsewhere: while a request waits for one it is not counted as work of this server,
which could do nothing to hurry it. Each of them bounds in its own way how many may wait.
"""

from typing import TYPE_CHECKING

from postern.core.iam.access_keys import TemporaryCredentials
from postern.core.issuer_keys import IssuerKeys
from postern.core.passwords import PasswordHasher
from postern.core.role_credentials.port import IssuedCredentials, Make, SigninTokenCall, Sts
from postern.server.admission import Admission

if TYPE_CHECKING:  # PERF: joserfc takes 60 ms to import
    from joserfc.jwk import Key


class KeysElsewhere:
    """Keys of trusted token issuers."""

    def __init__(self, keys: IssuerKeys, admission: Admission) -> None:
        self._keys = keys
        self._admission = admission

    async def find(self, issuer_url: str, key_id: str | None) -> "Key | None":
        with self._admission.elsewhere():
            return await self._keys.find(issuer_url, key_id)


class CredentialsElsewhere:
    """Role credentials. All who wait for the same call of an STS wait here, while that is made by one of them."""

    def __init__(self, issued: IssuedCredentials, admission: Admission) -> None:
        self._issued = issued
        self._admission = admission

    async def get(self, key: bytes, make: Make) -> TemporaryCredentials:
        with self._admission.elsewhere():
            return await self._issued.get(key, make)


class SigninElsewhere:
    """Sign-in tokens for the console. Role credentials of the same STS are waited for in `CredentialsElsewhere`."""

    def __init__(self, sts: Sts, admission: Admission) -> None:
        self.assume_role_with_web_identity = sts.assume_role_with_web_identity
        self.assume_role = sts.assume_role
        self._sts = sts
        self._admission = admission

    async def signin_token(self, call: SigninTokenCall) -> str:
        with self._admission.elsewhere():
            return await self._sts.signin_token(call)


class HashesElsewhere:
    """Passwords, which are hashed in threads of their own."""

    def __init__(self, hasher: PasswordHasher, admission: Admission) -> None:
        self._hasher = hasher
        self._admission = admission

    async def hash(self, password: str) -> str:
        with self._admission.elsewhere():
            return await self._hasher.hash(password)

    async def verify(self, password_hash: str | None, password: str) -> bool:
        with self._admission.elsewhere():
            return await self._hasher.verify(password_hash, password)
