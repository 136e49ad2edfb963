"""What an STS answers: its XML, success and error, and the JSON of a federation endpoint. Read by local names, since
other stores than AWS use other namespaces, or none.

An answer comes from outside: no document type, no entities, no depth, and of an error nothing is repeated but its code.
"""

import re
from datetime import UTC, datetime
from xml.parsers import expat

import msgspec

from postern.core.iam.access_keys import TemporaryCredentials
from postern.core.role_credentials.port import StsError, StsRefused, StsUnavailable

MAX_ANSWER = 128 * 1024

_MAX_DEPTH = 12
_MAX_ELEMENTS = 200
_CODE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PRINTABLE = re.compile(r"[!-~]+")
# Credentials are pasted into terminals, and cmd.exe has no way to quote a quotation mark or a percent sign.
_PASTEABLE = re.compile(r"[!#$&-~]+")
_ERROR_CODES = (("ErrorResponse", "Error", "Code"), ("Error", "Code"), ("Response", "Errors", "Error", "Code"))
# Codes that ask to come again, whatever status they have. AWS answers IDPCommunicationError when it did not get our
# keys in time.
_COME_AGAIN = frozenset(
    {
        *("Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException"),
        *("RequestLimitExceeded", "TooManyRequestsException", "SlowDown", "BandwidthLimitExceeded"),
        *("PriorRequestNotComplete", "TransactionInProgressException", "RequestTimeout", "RequestTimeoutException"),
        *("InternalError", "InternalFailure", "InternalServerError", "ServiceUnavailable", "IDPCommunicationError"),
    }
)
_COME_AGAIN_STATUSES = frozenset({408, 425, 429})
_OK, _REFUSALS, _FAILURES = 200, 400, 500

Path = tuple[str, ...]


class UnusableAnswer(StsUnavailable):
    """It answered with something that cannot be used, and would do so again."""


class Answer(msgspec.Struct, frozen=True):
    """An HTTP answer. It may hold secrets."""

    status: int
    body: bytes

    def __repr__(self) -> str:
        return f"Answer({self.status}, {len(self.body)} bytes)"


def read_credentials(answer: Answer, action: str, now: float) -> TemporaryCredentials:
    """The credentials of an answer to ``action``, good at ``now`` (Unix seconds).

    Raises:
        StsRefused: it is a refusal.
        StsUnavailable: it is none, and no answer either; `UnusableAnswer` if another one would be like it.
    """
    _require_ok(answer)
    texts = _texts(answer.body)
    if texts is None:
        raise UnusableAnswer("the answer is not the XML of an STS")
    where = (f"{action}Response", f"{action}Result", "Credentials")
    access_key_id, secret, token, expiration = (
        texts.get((*where, member), "") for member in ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
    )
    if not all(_PASTEABLE.fullmatch(text) for text in (access_key_id, secret, token)):
        raise UnusableAnswer("the answer lacks credentials")
    expires_at = _unix_seconds(expiration)
    if expires_at is None:
        raise UnusableAnswer("the answer does not say when the credentials expire")
    if expires_at <= now:
        raise UnusableAnswer("the credentials of the answer have expired: are both clocks right?")
    return TemporaryCredentials(
        access_key_id=access_key_id, secret_access_key=secret, session_token=token, expires_at=expires_at
    )


class _SigninToken(msgspec.Struct, frozen=True):
    token: str = msgspec.field(name="SigninToken")

    def __repr__(self) -> str:
        return "_SigninToken()"


def read_signin_token(answer: Answer) -> str:
    """
    Raises:
        StsRefused, StsUnavailable: as for `read_credentials`.
    """
    _require_ok(answer)
    try:
        token = msgspec.json.decode(answer.body, type=_SigninToken).token
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise UnusableAnswer("the answer is not the JSON of a federation endpoint") from None
    if not _PRINTABLE.fullmatch(token):
        raise UnusableAnswer("the answer has no sign-in token")
    return token


def _require_ok(answer: Answer) -> None:
    if answer.status >= _REFUSALS:
        raise _failure(answer)
    if answer.status != _OK:
        raise UnusableAnswer(f"status {answer.status}; redirects are not followed: is the endpoint right?")


def _failure(answer: Answer) -> StsError:
    code = _error_code(answer.body)
    told = code or f"status {answer.status}"
    if answer.status >= _FAILURES or answer.status in _COME_AGAIN_STATUSES or code in _COME_AGAIN:
        return StsUnavailable(told)
    return StsRefused(code, told)


def _error_code(body: bytes) -> str:
    """The error's code, or nothing if there is none that is one."""
    texts = _texts(body) or {}
    for path in _ERROR_CODES:
        if _CODE.fullmatch(texts.get(path, "")):
            return texts[path]
    return ""


def _unix_seconds(text: str) -> int | None:
    """Of an ISO 8601 time; without a zone it is UTC."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    try:
        return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())
    except (OverflowError, ValueError):
        return None


# XML


class _NotOurs(Exception):
    """The document has what no answer of an STS has."""


class _Reader:
    """The texts of a document by the local names that lead to them. Of twins, neither counts."""

    def __init__(self) -> None:
        self.texts: dict[Path, str] = {}
        self._open: list[str] = []
        self._pieces: list[str] = []
        self._seen: set[Path] = set()
        self._elements = 0

    def start(self, name: str, attributes: object) -> None:
        self._elements += 1
        if len(self._open) >= _MAX_DEPTH or self._elements > _MAX_ELEMENTS:
            raise _NotOurs
        self._open.append(name.rpartition(" ")[2])
        self._pieces = []

    def text(self, piece: str) -> None:
        self._pieces.append(piece)

    def end(self, name: str) -> None:
        path = tuple(self._open)
        if path in self._seen:
            self.texts.pop(path, None)
        else:
            self.texts[path] = "".join(self._pieces).strip()
        self._seen.add(path)
        self._open.pop()
        self._pieces = []


def _texts(body: bytes) -> dict[Path, str] | None:
    """``None`` if it is not XML, or has a document type, which entities come with."""
    parser, reader = expat.ParserCreate(encoding="UTF-8", namespace_separator=" "), _Reader()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse
    parser.ProcessingInstructionHandler = _refuse
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, _NotOurs, ValueError):
        return None
    return reader.texts


def _refuse(*_: object) -> None:
    raise _NotOurs
