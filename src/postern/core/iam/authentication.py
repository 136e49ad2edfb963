"""Who signed a request: Signature Version 4 verified, by header or presigned query, with long-term or temporary
credentials.

As the IAM User Guide has it ("Elements of an AWS API request signature", "Troubleshoot Signature Version 4"). Nothing
of the body is interpreted here, and of the store only the access key is read, each time: one that was made inactive
stops at once.
"""

import hmac
import re
from collections.abc import Callable
from functools import lru_cache
from inspect import unwrap

import msgspec

from postern.api import sigv4
from postern.api.errors import (
    ExpiredCredentialsException,
    InvalidSignatureException,
    SignatureRefused,
    UnrecognizedClientException,
)
from postern.api.sigv4 import CredentialScope, MalformedSignature
from postern.api.sigv4_authorization import Authorization, PresignedAuthorization, expected_signature
from postern.api.sso_oidc import SIGNING_NAME
from postern.core.audit import AuditEvent, EventName
from postern.core.caller import Caller, Principal
from postern.core.directory.records import AccessKey, AccessKeyStatus
from postern.core.iam.access_keys import Session, open_session_token, secret_of
from postern.core.iam.signed_request import Presented, SignedRequest, nonconforming, read, text_of
from postern.core.keys import MasterKey
from postern.core.service import Service

_MINUTE = 60
_LOGGABLE_ID = re.compile(r"[A-Z0-9]{16,32}")  # and no secret that was put in its place


class _Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What the signature has to be made with. ``invalid`` is why they are none, though there is a key to compute with:
    whoever guesses access key ids shall not hear by the clock which ones there are.
    """

    key: bytes
    principal: Principal | None = None
    expires_at: int | None = None
    invalid: str = ""

    def __repr__(self) -> str:
        return f"_Credentials({self.principal}, invalid={self.invalid!r})"


async def authenticate(
    service: Service,
    request: SignedRequest,
    caller: Caller,
    *,
    signing_name: str = SIGNING_NAME,
    any_region: bool = False,
) -> Principal:
    """The principal that signed ``request`` for the service ``signing_name`` in this server's region, or in any. A
    refusal is written to the audit log.

    Raises:
        SignatureRefused: one of its kinds, as AWS's services answer.
    """
    access_key_id = None
    try:
        presented = read(request)
        access_key_id = presented.authorization.access_key_id
        _require_scope(presented, signing_name, None if any_region else service.policy.instance.region)
        return await _verify(service, request, presented)
    except SignatureRefused as refusal:
        service.record(_rejection(service, caller, access_key_id, refusal))
        raise


async def _verify(service: Service, request: SignedRequest, presented: Presented) -> Principal:
    now = service.now()
    _require_current(presented, now, service.policy.iam.max_clock_skew)
    _require_own_body(presented, request.body)
    _require_signed_token(presented)
    credentials = await _find_credentials(service, presented)
    expected = _signature_of(request, presented, credentials.key)
    is_right = hmac.compare_digest(expected, presented.authorization.signature)
    if credentials.principal is None:
        raise UnrecognizedClientException(reason=credentials.invalid)
    if not is_right:
        raise InvalidSignatureException(reason="the signature is not that of the request")
    if credentials.expires_at is not None and credentials.expires_at <= now:
        raise ExpiredCredentialsException(reason="the temporary credentials have expired")
    return credentials.principal


# Whether it may say so


def _require_scope(presented: Presented, signing_name: str, region: str | None) -> None:
    scope = presented.authorization.scope
    if region is not None and scope.region != region:
        text = "Credential should be scoped to a valid region."
        raise InvalidSignatureException(text, reason="the scope is of another region")
    if scope.service != signing_name:
        text = f"Credential should be scoped to correct service: '{signing_name}'."
        raise InvalidSignatureException(text, reason="the scope is of another service")
    if scope.date != presented.amz_date[:8]:
        text = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP."
        raise InvalidSignatureException(text, reason="the scope is of another day than X-Amz-Date")


def _require_current(presented: Presented, now: int, skew: int) -> None:
    """From either side ``skew`` seconds; a presigned query lasts as long as it says. Clients set their clocks by what
    is answered.
    """
    authorization, signed_at = presented.authorization, presented.signed_at
    lasts = authorization.expires_in if isinstance(authorization, PresignedAuthorization) else skew
    if signed_at < now - lasts:
        limit = f"{sigv4.amz_date(now - lasts)} ({sigv4.amz_date(now)} - {_span(lasts)})"
        text = f"Signature expired: {presented.amz_date} is now earlier than {limit}"
        raise InvalidSignatureException(text, reason="the signature has expired")
    if signed_at > now + skew:
        limit = f"{sigv4.amz_date(now + skew)} ({sigv4.amz_date(now)} + {_span(skew)})"
        text = f"Signature not yet current: {presented.amz_date} is still later than {limit}"
        raise InvalidSignatureException(text, reason="the signature is of a time to come")


def _span(seconds: int) -> str:
    return f"{seconds} sec." if seconds % _MINUTE else f"{seconds // _MINUTE} min."


def _require_own_body(presented: Presented, body: bytes) -> None:
    """``UNSIGNED-PAYLOAD`` and ``STREAMING-…`` are no digests, and so refused with the rest."""
    stated = presented.content_sha256
    if stated is not None and stated != sigv4.payload_hash(body):
        raise InvalidSignatureException(reason="x-amz-content-sha256 is not the digest of the body")


def _require_signed_token(presented: Presented) -> None:
    """In a presigned query the session token is signed as every parameter is."""
    authorization = presented.authorization
    if presented.session_token is None or isinstance(authorization, PresignedAuthorization):
        return
    if "x-amz-security-token" not in authorization.signed_headers:
        raise nonconforming("X-Amz-Security-Token is not signed")


# Whose signature it has to be


async def _find_credentials(service: Service, presented: Presented) -> _Credentials:
    if presented.session_token is not None:
        return await _find_temporary(service, presented.authorization, presented.session_token)
    authorization = presented.authorization
    record = await service.store.find_access_key(authorization.access_key_id)
    if record is None:
        return _invalid(service, authorization, "there is no such access key")
    principal = Principal(arn=record.principal_arn, access_key_id=record.access_key_id)
    key = _deriving(_key_of, service, authorization)(service.master, record, authorization.scope)
    if record.status is not AccessKeyStatus.ACTIVE:
        return _Credentials(key=key, invalid="the access key is inactive")
    return _Credentials(key=key, principal=principal)


async def _find_temporary(service: Service, authorization: Authorization, session_token: str) -> _Credentials:
    session = open_session_token(service.ring, session_token)
    if session is None:
        return _invalid(service, authorization, "the session token is not one of ours")
    if session.access_key_id != authorization.access_key_id:
        return _invalid(service, authorization, "the session token is of another access key")
    source = await _find_source(service, session)
    key = _deriving(_key_of_session, service, authorization)(session.secret_access_key, authorization.scope)
    if session.source_access_key_id is not None and not _lets_live(source, session):
        return _Credentials(key=key, invalid="the access key that the credentials were made from is gone or inactive")
    return _Credentials(key=key, principal=session.principal, expires_at=session.expires_at)


async def _find_source(service: Service, session: Session) -> AccessKey | None:
    if session.source_access_key_id is None:
        return None
    return await service.store.find_access_key(session.source_access_key_id)


def _lets_live(source: AccessKey | None, session: Session) -> bool:
    return source is not None and source.status is AccessKeyStatus.ACTIVE and session.is_source(source)


def _invalid(service: Service, authorization: Authorization, reason: str) -> _Credentials:
    derive = _deriving(_key_of_stranger, service, authorization)
    return _Credentials(key=derive(authorization.access_key_id, authorization.scope), invalid=reason)


def _deriving(cached: Callable[..., bytes], service: Service, authorization: Authorization) -> Callable[..., bytes]:
    """What derives a key, with its cache only where a key has one scope a day. Where any region will do, a stranger
    could name one after the other, and crowd out all keys.
    """
    scope = authorization.scope
    is_one_a_day = scope.service == SIGNING_NAME and scope.region == service.policy.instance.region
    return cached if is_one_a_day else unwrap(cached)


# PERF: a key is derived once a day, not for each request: 0.1 µs in place of 8. What is unknown has a cache of its own,
# so that it takes as long, and that guesses crowd nobody out.
@lru_cache(maxsize=4096)
def _key_of(master: MasterKey, access_key: AccessKey, scope: CredentialScope) -> bytes:
    return sigv4.signing_key(secret_of(master, access_key), scope)


_key_of_session = lru_cache(maxsize=4096)(sigv4.signing_key)
_key_of_stranger = lru_cache(maxsize=1024)(sigv4.signing_key)


def _signature_of(request: SignedRequest, presented: Presented, key: bytes) -> str:
    try:
        return expected_signature(
            presented.authorization,
            key=key,
            amz_date=presented.amz_date,
            method=request.method,
            path=text_of(request.path),
            query=text_of(request.query),
            headers=presented.headers,
            body=request.body,
        )
    except MalformedSignature as malformed:
        raise nonconforming(str(malformed)) from None


def _rejection(service: Service, caller: Caller, access_key_id: str | None, refusal: SignatureRefused) -> AuditEvent:
    return AuditEvent(
        event_name=EventName.SIGNATURE_REJECTED,
        event_time=service.now(),
        outcome="Failure",
        source_address=caller.address,
        access_key_id=access_key_id if access_key_id and _LOGGABLE_ID.fullmatch(access_key_id) else None,
        reason=refusal.reason,
    )
