"""The master key: from the settings, or from a file with mode 0600 that is made on first start."""

import os
import secrets
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from pathlib import Path

from postern.core.directory.records import AccessKey
from postern.core.iam.access_keys import secret_of
from postern.core.keys import SECRET_BYTES, MasterKey, MasterKeyError
from postern.core.store import Store
from postern.server.settings import Settings


async def master_key_of(settings: Settings, store: Store) -> MasterKey:
    """The master key for ``store``, which is made if nothing in the store was sealed yet.

    Raises:
        MasterKeyError: it cannot be read, or is not the one that the store's keys were sealed under.
    """
    ring, keys = await store.list_ring_keys(), await store.list_configuration(AccessKey)
    master = load_master_key(settings, may_create=not (ring or keys))
    for record in ring:
        master.unwrap(record)
    for key in keys[:1]:
        secret_of(master, key)
    return master


def load_master_key(settings: Settings, *, may_create: bool = True) -> MasterKey:
    """The master key of the settings. Its file is made if it is not there and ``may_create``: a store that has keys
    already was made with another.

    Raises:
        MasterKeyError: the value is not 32 bytes in base64, or the file cannot be read, is open to others, or missing.
    """
    if settings.master_key.value:
        return _parse(settings.master_key.value, "master_key.value")
    path = settings.master_key_file
    try:
        if not path.exists():
            if not may_create:
                raise MasterKeyError(
                    f"the store's keys were wrapped under a master key, and {path} is not there: "
                    "give this node the one that the others have"
                )
            _create(path)
        if path.stat().st_mode & 0o077:
            raise MasterKeyError(f"the master key file {path} is open to others: chmod 600 it")
        return _parse(path.read_text("ascii"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise MasterKeyError(f"the master key file {path} cannot be used: {error}") from None


def _create(path: Path) -> None:
    """Written aside and linked into place, so that of two servers starting at once both read one whole key."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(b64encode(secrets.token_bytes(SECRET_BYTES)) + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()


def _parse(text: str, where: str) -> MasterKey:
    try:
        return MasterKey(b64decode(text.strip(), validate=True))
    except (Base64Error, MasterKeyError):
        raise MasterKeyError(f"{where} is not a master key: it must be {SECRET_BYTES} bytes in base64") from None
