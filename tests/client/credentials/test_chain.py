from types import SimpleNamespace
from typing import Any

import pytest

from postern.client.credentials import CredentialProviderChain, Credentials, static_credentials
from postern.client.effects import Flow
from postern.client.errors import ConfigurationError, CredentialsError
from postern.client.token_cache import TokenCacheError
from tests.client.credentials.flows import Driver, drive, refusal

FIRST = Credentials(access_key_id="AKIDFIRST", secret_access_key="s")
SECOND = Credentials(access_key_id="AKIDSECOND", secret_access_key="s", source="somewhere")


class Provider:
    def __init__(self, name: str, gives: Credentials | Exception | None) -> None:
        self.name = name
        self._gives = gives
        self.asked = 0

    def load(self) -> Flow[Credentials | None]:
        yield from ()
        self.asked += 1
        if isinstance(self._gives, Exception):
            raise self._gives
        return self._gives


def test_the_first_that_has_any_is_taken_and_no_other_is_asked() -> None:
    empty, full, last = Provider("a", None), Provider("b", SECOND), Provider("c", FIRST)
    assert drive(CredentialProviderChain([empty, full, last]).resolve()) is SECOND
    assert (empty.asked, full.asked, last.asked) == (1, 1, 0)


@pytest.mark.parametrize("error", [CredentialsError("half a pair"), TokenCacheError("half a pair")])
def test_one_that_fails_stops_the_chain_and_is_named(error: Exception) -> None:
    last = Provider("c", FIRST)
    assert refusal(CredentialProviderChain([Provider("b", error), last]).resolve()) == "b: half a pair"
    assert last.asked == 0


def test_a_file_that_is_wrong_is_no_matter_of_credentials() -> None:
    chain = CredentialProviderChain([Provider("b", ConfigurationError("no profile 'x'"))])
    with pytest.raises(ConfigurationError, match=r"^no profile 'x'$"):
        drive(chain.resolve())


def test_when_none_has_any_all_are_listed() -> None:
    def local() -> None:
        return None

    chain = CredentialProviderChain([Provider("environment", None), local])
    assert "(asked: environment, local)" in refusal(chain.resolve())


def test_an_empty_chain_says_so() -> None:
    assert "(asked: nobody)" in refusal(CredentialProviderChain().resolve())


def test_providers_are_a_list_that_may_be_changed() -> None:
    chain = CredentialProviderChain([Provider("a", FIRST)])
    chain.providers.insert(0, Provider("b", SECOND))
    assert drive(chain.resolve()) is SECOND
    assert repr(chain) == "CredentialProviderChain(b, a)"


@pytest.mark.parametrize(
    "value",
    [FIRST, SimpleNamespace(access_key="AKIDFIRST", secret_key="s", token=None), static_credentials(FIRST)],
    ids=["ours", "an object", "a provider"],
)
def test_a_callable_gives_credentials_or_a_provider_and_may_block(value: Any) -> None:
    driver = Driver()
    credentials = driver.run(CredentialProviderChain([lambda: None, lambda: value]).resolve())
    assert credentials.access_key_id == "AKIDFIRST"
    assert len(driver.calls) == 2


def test_a_callable_that_gives_something_else() -> None:
    assert "of type str" in refusal(CredentialProviderChain([lambda: "AKID"]).resolve())


def test_a_coroutine_function_is_refused() -> None:
    async def later() -> Credentials:
        return FIRST

    assert "later is asynchronous" in refusal(CredentialProviderChain([later]).resolve())


def test_what_a_callable_raises_comes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        drive(CredentialProviderChain([lambda: 1 / 0]).resolve())
