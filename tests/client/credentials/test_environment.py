import pytest

from postern.client.credentials import Credentials, EnvironmentCredentials
from tests.client.credentials.flows import CANARY, LATER, NOW, drive, found, refusal

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}


@pytest.mark.parametrize(
    "more, expected",
    [
        ({}, {}),
        ({"AWS_SESSION_TOKEN": "token"}, {"session_token": "token"}),
        ({"AWS_SESSION_TOKEN": ""}, {}),
        ({"AWS_SECURITY_TOKEN": "older"}, {"session_token": "older"}),
        ({"AWS_SESSION_TOKEN": "token", "AWS_SECURITY_TOKEN": "older"}, {"session_token": "token"}),
        ({"AWS_CREDENTIAL_EXPIRATION": LATER}, {"expires_at": NOW + 3600}),
    ],
)
def test_keys_of_the_environment(more: dict[str, str], expected: dict[str, object]) -> None:
    credentials = found(EnvironmentCredentials({**KEYS, **more}).load())
    given: dict[str, object] = {"session_token": None, "expires_at": None, **expected}
    assert (credentials.access_key_id, credentials.secret_access_key) == ("AKIDEXAMPLE", "secret")
    assert {name: getattr(credentials, name) for name in given} == given
    assert credentials.source == "environment"


@pytest.mark.parametrize("environment", [{}, dict.fromkeys(KEYS, ""), {"AWS_SESSION_TOKEN": "token"}])
def test_without_keys_the_next_is_asked(environment: dict[str, str]) -> None:
    assert drive(EnvironmentCredentials(environment).load()) is None


@pytest.mark.parametrize("missing", KEYS)
@pytest.mark.parametrize("how", ["absent", "empty"])
def test_half_a_pair_is_an_error_that_names_the_missing_half(missing: str, how: str) -> None:
    environment = dict.fromkeys(KEYS, CANARY)
    if how == "absent":
        del environment[missing]
    else:
        environment[missing] = ""
    assert f"{missing} is not" in refusal(EnvironmentCredentials(environment).load())


def test_an_expiration_that_is_no_time_is_refused() -> None:
    environment = {**KEYS, "AWS_CREDENTIAL_EXPIRATION": "soon"}
    assert "ISO 8601" in refusal(EnvironmentCredentials(environment).load())


def test_credentials_show_their_access_key_id_and_nothing_else() -> None:
    credentials = Credentials(access_key_id="AKIDEXAMPLE", secret_access_key=CANARY, session_token=CANARY)
    assert repr(credentials) == "Credentials(AKIDEXAMPLE)"
    assert credentials.__rich_repr__() == [("access_key_id", "AKIDEXAMPLE")]
