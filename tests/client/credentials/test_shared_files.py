import pytest

from postern.client.credentials import SharedFilesCredentials
from postern.client.credentials.profile import Profile
from postern.client.errors import ConfigurationError
from tests.client.credentials.flows import CANARY, drive, found, refusal, shared_config

KEYS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret"}


def provider(name: str | None, **profiles: dict[str, str]) -> SharedFilesCredentials:
    return SharedFilesCredentials(Profile(shared_config(profiles), name))


@pytest.mark.parametrize("name, section", [(None, "default"), ("default", "default"), ("work", "work")])
def test_keys_of_the_profile(name: str | None, section: str) -> None:
    credentials = found(provider(name, **{section: KEYS}).load())
    assert (credentials.access_key_id, credentials.secret_access_key) == ("AKIDEXAMPLE", "secret")
    assert (credentials.session_token, credentials.expires_at) == (None, None)
    assert section in credentials.source


@pytest.mark.parametrize("key", ["aws_session_token", "aws_security_token"])
def test_the_session_token_goes_by_two_names(key: str) -> None:
    assert found(provider(None, default={**KEYS, key: "token"}).load()).session_token == "token"


@pytest.mark.parametrize("profiles", [{}, {"default": {}}, {"default": {"region": "us-east-1"}}])
def test_without_keys_the_next_is_asked(profiles: dict[str, dict[str, str]]) -> None:
    assert drive(provider(None, **profiles).load()) is None


@pytest.mark.parametrize("missing", KEYS)
def test_half_a_pair_is_an_error_that_names_the_profile_and_the_missing_half(missing: str) -> None:
    half = {key: CANARY for key in KEYS if key != missing}
    text = refusal(provider("work", work=half).load())
    assert text.startswith("profile 'work' has ")
    assert text.endswith(f" and no {missing}")


def test_a_named_profile_has_to_exist() -> None:
    with pytest.raises(ConfigurationError, match="no profile 'work'"):
        drive(provider("work", default=KEYS).load())
