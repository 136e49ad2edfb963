"""What signs requests: the credentials, the derived key of the day, and the offset to the service's clock."""

import re
from collections.abc import Callable

from postern.api import sigv4
from postern.client.credentials import CredentialSource
from postern.client.effects import Flow
from postern.client.errors import ConfigurationError, ServiceError
from postern.client.http import HttpRequest, HttpResponse

_CLOCK_SKEW = frozenset(
    {
        "AuthFailure",
        "InvalidSignatureException",
        "RequestExpired",
        "RequestInTheFuture",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    }
)
_EXPIRED_CREDENTIALS = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"})
_SIGNATURE_HEADERS = frozenset({"x-amz-date", "x-amz-security-token", "authorization"})
_MAX_KEYS = 50
_SKEW_LIMIT = 300.0
_FIRST_YEAR = 1970
_FIXDATE = re.compile(r"[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT", re.ASCII)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Signer:
    """Signs for one client. ``offset`` is what is added to this machine's clock for signing, in seconds.

    With ``caches_keys`` the derived keys are kept (AWS.config.signatureCache); with ``corrects_clock`` a refusal that
    comes of a wrong clock sets the offset by the service's own clock and is worth another try.
    """

    def __init__(
        self,
        source: CredentialSource,
        *,
        service: str,
        region: str | None,
        now: Callable[[], float],
        offset: float,
        caches_keys: bool,
        corrects_clock: bool,
    ) -> None:
        self.offset = offset
        self._source = source
        self._service = service
        self._region = region
        self._now = now
        self._caches_keys = caches_keys
        self._corrects_clock = corrects_clock
        self._keys: dict[tuple[str, str, sigv4.CredentialScope], bytes] = {}

    def sign(self, request: HttpRequest) -> Flow[str]:
        """Add the signature to the request's headers, or replace it; the access key id.

        Raises:
            ConfigurationError: there is no region to sign for.
            CredentialsError: there are no credentials.
        """
        if self._region is None:
            raise ConfigurationError("signing needs a region: pass region=…, or set AWS_REGION")
        credentials = yield from self._source.resolve()
        for name in [name for name in request.headers if name.lower() in _SIGNATURE_HEADERS]:
            del request.headers[name]
        moment = self._now() + self.offset
        scope = sigv4.CredentialScope(sigv4.amz_date(moment)[:8], self._region, self._service)
        request.headers |= sigv4.sign(
            method=request.method,
            url=request.url,
            headers=request.headers,
            body=request.body,
            access_key_id=credentials.access_key_id,
            secret_access_key=credentials.secret_access_key,
            session_token=credentials.session_token,
            region=self._region,
            service=self._service,
            now=moment,
            key=self._key(credentials.access_key_id, credentials.secret_access_key, scope),
        )
        return credentials.access_key_id

    def mend(self, error: Exception, answer: HttpResponse, request: HttpRequest) -> bool:
        """Take the service's clock, or drop credentials that it says have expired, if ``error`` tells of such a thing;
        whether signing anew may help.
        """
        if not isinstance(error, ServiceError):
            return False
        if error.code in _EXPIRED_CREDENTIALS:
            self._source.expire(_access_key_id(request))
            return True
        if not self._corrects_clock or error.code not in _CLOCK_SKEW:
            return False
        service_time = unix_time(answer.headers.get("date", ""))
        # By the time that this request was signed with: another thread may have set the offset meanwhile.
        if service_time is None or abs(service_time - sigv4.unix_seconds(request.headers["X-Amz-Date"])) < _SKEW_LIMIT:
            return False
        self.offset = service_time - self._now()
        return True

    def _key(self, access_key_id: str, secret: str, scope: sigv4.CredentialScope) -> bytes:
        if not self._caches_keys:
            return sigv4.signing_key(secret, scope)
        key = self._keys.get((access_key_id, secret, scope))
        if key is None:
            if len(self._keys) >= _MAX_KEYS:
                self._keys.clear()
            key = self._keys[access_key_id, secret, scope] = sigv4.signing_key(secret, scope)
        return key


def _access_key_id(request: HttpRequest) -> str:
    """What it was signed with: others may have come meanwhile."""
    return request.headers.get("Authorization", "").partition("Credential=")[2].partition("/")[0]


def unix_time(date: str) -> float | None:
    """The Unix seconds of an IMF-fixdate, ``Tue, 15 Nov 1994 08:12:31 GMT`` (RFC 9110 5.6.7); None for all else."""
    from datetime import UTC, datetime

    found = _FIXDATE.fullmatch(date)
    if found is None:
        return None
    day, month, year, hour, minute, second = found.groups()
    try:
        numbers = (int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second))
        moment = datetime(*numbers, tzinfo=UTC)
    except ValueError:
        return None
    return moment.timestamp() if moment.year >= _FIRST_YEAR else None
