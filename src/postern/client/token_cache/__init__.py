"""Where tokens are kept between runs: in the files that the AWS CLI and the SDKs share, in the operating system's
keyring, or in encrypted files.

Importing this room costs little, so that a program that only needs a token that is still good has it at once.
"""

from postern.client.token_cache.aws import FileTokenCache
from postern.client.token_cache.entries import CachedRegistration, CachedToken, RegistrationKey, SessionKey
from postern.client.token_cache.opening import open_token_cache
from postern.client.token_cache.port import CacheLock, LockTimeout, Problem, TokenCache, TokenCacheError

__all__ = [
    "CacheLock",
    "CachedRegistration",
    "CachedToken",
    "FileTokenCache",
    "LockTimeout",
    "Problem",
    "RegistrationKey",
    "SessionKey",
    "TokenCache",
    "TokenCacheError",
    "open_token_cache",
]
