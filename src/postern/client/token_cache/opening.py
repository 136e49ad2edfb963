"""Which token cache a person has chosen."""

# ruff: noqa: PTH111  # PERF: pathlib costs 3 ms of a start-up, os.path nothing

import os
from collections.abc import Callable, Mapping

from postern.client.errors import ConfigurationError
from postern.client.token_cache.aws import FileTokenCache, default_folder
from postern.client.token_cache.port import TokenCache

SPEC_VARIABLE = "POSTERN_TOKEN_CACHE"
KEY_VARIABLE = "POSTERN_TOKEN_CACHE_KEY"
KEY_FILE_VARIABLE = "POSTERN_TOKEN_CACHE_KEY_FILE"


def open_token_cache(
    spec: str | None, environment: Mapping[str, str], *, passphrase: Callable[[], str] | None = None
) -> TokenCache:
    """The cache that ``spec`` names, or else ``POSTERN_TOKEN_CACHE``, or else the AWS CLI's.

    ``aws`` or ``aws:/folder``: the files of the AWS CLI. ``keyring``: the operating system's keyring.
    ``encrypted:/folder``: encrypted files; their key, 32 bytes as hex or Base64, is in ``POSTERN_TOKEN_CACHE_KEY`` or
    in the file that ``POSTERN_TOKEN_CACHE_KEY_FILE`` names (there also raw), or made from what ``passphrase`` returns.

    Raises:
        ConfigurationError: there is no such cache, or it cannot be opened: no keyring, no key, the wrong key.
    """
    home = environment.get("HOME") or os.path.expanduser("~")
    kind, _, folder = (spec or environment.get(SPEC_VARIABLE) or "aws").partition(":")
    if folder.startswith("~/"):
        folder = home + folder[1:]
    match kind:
        case "aws":
            return FileTokenCache(folder or default_folder(home))
        case "keyring" if not folder:
            from postern.client.token_cache.keyring import KeyringTokenCache

            return KeyringTokenCache(folder=default_folder(home))
        case "encrypted" if folder:
            return _encrypted(folder, environment, passphrase)
    raise ConfigurationError(
        f"there is no token cache {kind}:{folder}: it is aws, aws:/folder, keyring or encrypted:/folder"
    )


def _encrypted(folder: str, environment: Mapping[str, str], passphrase: Callable[[], str] | None) -> TokenCache:
    from postern.client.token_cache.encrypted import EncryptedFileTokenCache
    from postern.client.token_cache.sealing import read_key, read_key_file

    if text := environment.get(KEY_VARIABLE):
        return EncryptedFileTokenCache(folder, read_key(text.encode(), KEY_VARIABLE))
    if path := environment.get(KEY_FILE_VARIABLE):
        return EncryptedFileTokenCache(folder, read_key_file(path))
    if passphrase is not None:
        return EncryptedFileTokenCache.from_passphrase(folder, passphrase())
    raise ConfigurationError(f"the tokens in {folder} are encrypted: set {KEY_VARIABLE} or {KEY_FILE_VARIABLE}")
