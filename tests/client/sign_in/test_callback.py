"""What a callback says, and whom it is taken from."""

import pytest

from postern.client.errors import SignInDenied, SignInError
from postern.client.sign_in import callback
from postern.client.sign_in.callback import Expectation

STATE = "s" * 43
ISSUER = "https://sso.example.test"
EXPECTED = Expectation(
    state=STATE,
    issuers=callback.issuers(f"{ISSUER}/authorize", "https://oidc.example.test/", "https://d-1.awsapps.com/start/#/"),
)

ALLOWED = {
    "code and state": f"code=abc&state={STATE}",
    "with the issuer": f"code=abc&state={STATE}&iss=https%3A%2F%2Fsso.example.test",
    "with the endpoint as issuer": f"code=abc&state={STATE}&iss=https%3A%2F%2Foidc.example.test/",
    "with the start URL as issuer": f"code=abc&state={STATE}&iss=https%3A%2F%2Fd-1.awsapps.com/start",
    "with the issuer and its port": f"code=abc&state={STATE}&iss=https%3A%2F%2Fsso.example.test:443",
    "with the issuer in other case": f"code=abc&state={STATE}&iss=HTTPS%3A%2F%2FSSO.Example.test",
    "and parameters that we do not know": f"code=abc&state={STATE}&session_state=1",
}

NOT_OURS = {
    "nothing": "",
    "another state": f"code=abc&state={'t' * 43}",
    "no state": "code=abc",
    "an empty state": "code=abc&state=",
    "half a state": f"code=abc&state={STATE[:20]}",
    "a state that is not ASCII": "code=abc&state=%C3%A9%FF",
    "two states": f"code=abc&state={STATE}&state={STATE}",
    "two codes": f"code=abc&code=def&state={STATE}",
    "no code": f"state={STATE}",
    "an empty code": f"code=&state={STATE}",
    "an error of somebody else's": "error=access_denied&state=other",
    "too many parameters": f"code=abc&state={STATE}" + "&x=1" * 40,
}

ENDS = {
    "another issuer (RFC 9207 2.4)": (f"code=abc&state={STATE}&iss=https%3A%2F%2Fevil.test", SignInError, "evil.test"),
    "an issuer below ours": (f"code=abc&state={STATE}&iss={ISSUER}/other", SignInError, "another issuer"),
    "an issuer at another port": (f"code=abc&state={STATE}&iss={ISSUER}:8443", SignInError, "another issuer"),
    "an issuer with a user": (f"code=abc&state={STATE}&iss=https://x@sso.example.test", SignInError, "another issuer"),
    "an issuer that is no address": (f"code=abc&state={STATE}&iss=https://[x", SignInError, "another issuer"),
    "an empty issuer": (f"code=abc&state={STATE}&iss=", SignInError, "another issuer"),
    "an error from another issuer": (f"error=access_denied&state={STATE}&iss=https://e.test", SignInError, "another"),
    "access_denied": (f"error=access_denied&state={STATE}", SignInDenied, "access_denied"),
    "another error": (
        f"error=invalid_scope&error_description=Too%20wide&state={STATE}", SignInError, "invalid_scope: Too wide",
    ),
    "an error and a code": (f"error=server_error&code=abc&state={STATE}", SignInError, "server_error"),
}  # fmt: skip


@pytest.mark.parametrize("query", ALLOWED.values(), ids=ALLOWED)
def test_a_code_for_our_state_is_taken(query: str) -> None:
    verdict = EXPECTED.judge(query)
    assert (verdict.status, verdict.code, verdict.error) == (200, "abc", None)


@pytest.mark.parametrize("query", NOT_OURS.values(), ids=NOT_OURS)
def test_what_is_not_for_us_ends_nothing(query: str) -> None:
    verdict = EXPECTED.judge(query)
    assert verdict.status == 400
    assert not verdict.is_final


@pytest.mark.parametrize("query, error, text", ENDS.values(), ids=ENDS)
def test_a_refusal_for_our_state_ends_the_sign_in(query: str, error: type[SignInError], text: str) -> None:
    verdict = EXPECTED.judge(query)
    assert verdict.status == 400
    assert verdict.code is None
    assert type(verdict.error) is error
    assert text in str(verdict.error)


def test_what_the_browser_says_cannot_reach_the_terminal_as_it_is() -> None:
    query = f"error=x%1B%5B2J%0A%E2%80%AE&error_description={'y' * 5000}&state={STATE}"
    text = str(EXPECTED.judge(query).error)
    assert text.isascii()
    assert text.isprintable()
    assert len(text) < 500


def test_neither_code_nor_state_is_in_a_repr() -> None:
    assert "abc" not in repr(EXPECTED.judge(f"code=abc&state={STATE}"))
    assert STATE not in repr(EXPECTED)


PASTED = {
    f"http://127.0.0.1:5000/oauth/callback?code=abc&state={STATE}": f"code=abc&state={STATE}",
    f"  <http://127.0.0.1:5000/oauth/callback?code=abc&state={STATE}#x>\n": f"code=abc&state={STATE}",
    f"127.0.0.1:5000/oauth/callback?code=abc&state={STATE}": f"code=abc&state={STATE}",
    f"code=abc&state={STATE}": f"code=abc&state={STATE}",
    f"?code=abc&state={STATE}": f"code=abc&state={STATE}",
    "": None,
    "yes": None,
    "http://127.0.0.1:5000/oauth/callback": None,
    "code=abc&state=" + "x" * 9000: None,
}


@pytest.mark.parametrize("text, query", PASTED.items(), ids=[str(number) for number in range(len(PASTED))])
def test_the_address_or_its_query_can_be_pasted(text: str, query: str | None) -> None:
    assert callback.query_of(text) == query
