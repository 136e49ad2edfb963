from types import SimpleNamespace
from typing import Any

import pytest
from botocore.credentials import Credentials as BotocoreKeys
from botocore.credentials import RefreshableCredentials

from postern.client.credentials import Credentials, static_credentials
from postern.client.errors import ConfigurationError
from tests.client.credentials.flows import CANARY, LATER, Driver, drive, found, refusal

REFRESHED = {"access_key": "AKIDNEW", "secret_key": "s", "token": "t", "expiry_time": "2999-01-01T00:00:00Z"}


def refreshable() -> RefreshableCredentials:
    return RefreshableCredentials.create_from_metadata(
        {**REFRESHED, "access_key": "AKIDOLD", "expiry_time": LATER}, refresh_using=lambda: REFRESHED, method="test"
    )


@pytest.mark.parametrize(
    "value, key_id, token",
    [
        (Credentials(access_key_id="AKIDOURS", secret_access_key="s", session_token="t"), "AKIDOURS", "t"),
        (SimpleNamespace(access_key_id="AKIDJS", secret_access_key="s", session_token=None), "AKIDJS", None),
        (SimpleNamespace(access_key_id="AKIDJS", secret_access_key="s"), "AKIDJS", None),
        (SimpleNamespace(access_key="AKIDPY", secret_key="s", token="t"), "AKIDPY", "t"),
        (SimpleNamespace(access_key="AKIDPY", secret_key="s", token=""), "AKIDPY", None),
        (BotocoreKeys("AKIDBOTO", "s", "t"), "AKIDBOTO", "t"),
        (BotocoreKeys("AKIDBOTO", "s").get_frozen_credentials(), "AKIDBOTO", None),
    ],
)
def test_objects_that_carry_credentials(value: object, key_id: str, token: str | None) -> None:
    credentials = found(static_credentials(value).load())
    assert (credentials.access_key_id, credentials.secret_access_key) == (key_id, "s")
    assert credentials.session_token == token
    assert credentials.source == "given"


def test_credentials_of_botocore_that_expire_refresh_themselves() -> None:
    driver = Driver()
    credentials = driver.run(static_credentials(refreshable()).resolve())
    assert credentials.access_key_id == "AKIDNEW"
    assert credentials.expires_at == 32_472_144_000
    assert len(driver.calls) == 1, "it may block, so it is a call"


def test_an_object_is_read_each_time() -> None:
    value = SimpleNamespace(access_key_id="AKIDOLD", secret_access_key="s", session_token=None)
    provider = static_credentials(value)
    drive(provider.resolve())
    value.access_key_id = "AKIDNEW"
    assert drive(provider.resolve()).access_key_id == "AKIDNEW"


@pytest.mark.parametrize("value", ["AKID", {"access_key": "AKID"}, SimpleNamespace(access_key="AKID"), 1])
def test_other_objects_are_refused_by_their_type(value: Any) -> None:
    with pytest.raises(ConfigurationError, match=type(value).__name__):
        static_credentials(value)


@pytest.mark.parametrize(
    "value, missing",
    [
        (SimpleNamespace(access_key=None, secret_key=CANARY), "no access_key"),
        (SimpleNamespace(access_key_id="AKID", secret_access_key=""), "no secret_access_key"),
        (BotocoreKeys("AKID", None), "no secret_key"),
    ],
)
def test_an_object_without_a_key_now(value: object, missing: str) -> None:
    assert missing in refusal(static_credentials(value).load())


def test_an_asynchronous_object_is_refused_and_leaves_no_coroutine_behind() -> None:
    class Asynchronous:
        async def get_frozen_credentials(self) -> object:
            return None

    assert "await" in refusal(static_credentials(Asynchronous()).load())


def test_a_repr_shows_the_type_only() -> None:
    value = BotocoreKeys("AKID", CANARY, CANARY)
    assert repr(static_credentials(value)) == "GivenCredentials(Credentials)"
