"""What the browser brings back (RFC 6749 4.1.2, RFC 9207), be it to our listener or by hand of the person: whose it is
and what it says.
"""

import hmac
from urllib.parse import parse_qsl

import msgspec

from postern.client.errors import SignInDenied, SignInError
from postern.client.sign_in import addresses

PATH = "/oauth/callback"
_MAX_PASTE = 8192
_MAX_PARAMETERS = 32
_MAX_TEXT = 200


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What to make of a callback: an authorization ``code``, or the ``error`` that ends the sign-in. With neither it is
    not for us, and the right one may still come. ``status``, ``heading`` and ``text`` are for the person.
    """

    status: int
    heading: str
    text: str
    code: str | None = None
    error: SignInError | None = None

    def __repr__(self) -> str:
        return f"Verdict({self.status}, {self.heading!r})"

    @property
    def is_final(self) -> bool:
        return self.code is not None or self.error is not None


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """The ``state`` that we sent, and the issuers that may answer it."""

    state: str
    issuers: frozenset[str]

    def __repr__(self) -> str:
        return f"Expectation({', '.join(sorted(self.issuers))})"

    def judge(self, query: str) -> Verdict:
        """Read the query of a callback. Only what bears our state can end the sign-in, for good or ill."""
        parameters = _parameters(query)
        if parameters is None or not _same(parameters.get("state", ""), self.state):
            return _NOT_OURS
        if "iss" in parameters and addresses.normalised(parameters["iss"]) not in self.issuers:
            issuer = _printable(parameters["iss"])
            return _refused(SignInError(f"the answer is from another issuer than the one that was asked: {issuer}"))
        if "error" in parameters:
            return _refused(_error(parameters["error"], parameters.get("error_description", "")))
        if not parameters.get("code"):
            return _NOT_OURS
        return _allowed(parameters["code"])


def issuers(*urls: str) -> frozenset[str]:
    """The issuers that these URLs may stand for: each as it is, and its origin."""
    return frozenset(each for url in urls for each in (addresses.normalised(url), addresses.origin(url)))


def query_of(pasted: str) -> str | None:
    """The query in what a person pasted: the whole address, or the query alone. None if it is neither."""
    text = pasted.strip().strip("<>\"'")
    if len(text) > _MAX_PASTE:
        return None
    before, mark, query = text.partition("?")
    if not mark:
        query = before
    return query.partition("#")[0] if "state=" in query else None


def _parameters(query: str) -> dict[str, str] | None:
    """None if there are too many, or one twice (RFC 6749 3.1)."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MAX_PARAMETERS)
    except ValueError:
        return None
    parameters = dict(pairs)
    return parameters if len(parameters) == len(pairs) else None


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())


def _printable(text: str) -> str:
    """What came through the browser may be anybody's: printable ASCII, and not endless."""
    return "".join(character if " " <= character <= "~" else "?" for character in text[:_MAX_TEXT])


def _error(code: str, description: str) -> SignInError:
    text = ": ".join(_printable(part) for part in (code, description) if part)
    return (
        SignInDenied(f"the sign-in was denied: {text}")
        if code == "access_denied"
        else SignInError(f"the service refused: {text}")
    )


def _refused(error: SignInError) -> Verdict:
    return Verdict(status=400, heading="Not signed in", text=str(error), error=error)


def _allowed(code: str) -> Verdict:
    heading = "You can close this window"
    return Verdict(status=200, heading=heading, text="The sign-in goes on in your terminal.", code=code)


_NOT_OURS = Verdict(
    status=400,
    heading="Not the sign-in that is going on",
    text="This address belongs to another or an earlier sign-in. Finish the one that your terminal shows.",
)
NOT_A_CALLBACK = Verdict(
    status=400,
    heading="Not an address to return to",
    text="That is not the address that the browser ended at: it has code= and state= in it.",
)
