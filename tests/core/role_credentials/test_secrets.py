"""The secret that a source signs with: sealed for one source and one key."""

import pytest

from postern.core.keys import MasterKey, MasterKeyError
from postern.core.role_credentials.secrets import seal_secret, unseal_secret
from tests.core.world import MASTER

SECRET = "a secret access key"


def test_what_was_sealed_opens() -> None:
    sealed = seal_secret(MASTER, "lab", "AKIA1", SECRET)
    assert SECRET.encode() not in sealed
    assert unseal_secret(MASTER, "lab", "AKIA1", sealed) == SECRET


@pytest.mark.parametrize(
    "master, name, access_key_id",
    [
        (MasterKey(b"x" * 32), "lab", "AKIA1"),
        (MASTER, "prod", "AKIA1"),
        (MASTER, "lab", "AKIA2"),
    ],
    ids=["another master key", "another source", "another key"],
)
def test_elsewhere_it_does_not(master: MasterKey, name: str, access_key_id: str) -> None:
    with pytest.raises(MasterKeyError):
        unseal_secret(master, name, access_key_id, seal_secret(MASTER, "lab", "AKIA1", SECRET))
