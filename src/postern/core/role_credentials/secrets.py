"""The secret of an access key that a credential source signs with: sealed under the master key, for that source and key
only.
"""

from postern.core.keys import MasterKey


def seal_secret(master: MasterKey, name: str, access_key_id: str, secret: str) -> bytes:
    """What `AssumeRoleSource.sealed_secret` holds. Under another name, or for another key, it has to be sealed anew."""
    return master.seal(_label(name, access_key_id), secret.encode())


def unseal_secret(master: MasterKey, name: str, access_key_id: str, sealed: bytes) -> str:
    """
    Raises:
        MasterKeyError: it was sealed under another master key, or for another source or key.
    """
    return master.unseal(_label(name, access_key_id), sealed).decode()


def _label(name: str, access_key_id: str) -> str:
    return f"secret access key {access_key_id} of credential source {name}"
