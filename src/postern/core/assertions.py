"""Assertions (RFC 7523 3): JSON Web Tokens in which a trusted token issuer says who a person is.

Nothing in a token chooses its key or its algorithm (RFC 8725 3): the issuer's record and its published keys do. Keys
that a header brings along (``jwk``, ``jku``, ``x5u``, ``x5c``) are not looked at.
"""

import json
import math
import re
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from postern.api.errors import InvalidGrantException
from postern.core import base64url, users
from postern.core.directory.records import AuthorizedTokenIssuer, TrustedTokenIssuer, instance_id_of
from postern.core.directory.trusted_token_issuers import ALGORITHMS
from postern.core.issuer_keys import IssuerUnavailable
from postern.core.records import User
from postern.core.service import Service

if TYPE_CHECKING:
    from joserfc.jwk import Key

MAX_TEXT = 64 * 1024
MAX_HEADER = 8 * 1024
MAX_SUBJECT = 255
MAX_TOKEN_ID = 512
MAX_ATTRIBUTE = 512
SKEW = 60

_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_TYPES = ("jwt", "at+jwt")
_MAX_DATE = 2**53  # beyond it a float is no longer exact, and no year that anybody means


class Assertion(msgspec.Struct, frozen=True, kw_only=True):
    """What a verified assertion says. ``digest`` stands for issuer and ``jti``, and must be remembered until
    ``forget_at``; ``authenticated_at`` is its ``auth_time``, if it has one.
    """

    digest: bytes
    forget_at: int
    trusted_token_issuer_arn: str
    user_id: str
    authenticated_at: int | None


class _Token(msgspec.Struct, frozen=True):
    """A token that was taken apart, and of which nothing is verified yet."""

    header: dict[str, object]
    claims: dict[str, object]
    signed: bytes
    signature: bytes


async def verify(service: Service, application_arn: str, text: str) -> Assertion:
    """What the assertion says, if an issuer that the application trusts made it for the application, and lately.

    Nobody is asked for keys unless the issuer is trusted. That it was not presented before is for the store to say.

    Raises:
        InvalidGrantException: the assertion is not good; ``reason`` says what of it.
    """
    token = _take_apart(text)
    issuer, authorized = await _find_issuer(service, application_arn, token.claims)
    algorithm = _require_algorithm(token.header, issuer)
    key = await _find_key(service, issuer, token.header)
    _require_signature(token, algorithm, key)
    max_lifetime = service.policy.trusted_issuers.max_assertion_lifetime
    expires_at = _require_time(token.claims, service.now(), max_lifetime)
    if service.restored_at is not None:
        _require_of_epoch(token.claims, service.restored_at, max_lifetime)
    _require_audience(token.claims.get("aud"), authorized)
    _require_text(token.claims, "sub", MAX_SUBJECT)
    token_id = _require_text(token.claims, "jti", MAX_TOKEN_ID)
    user = await _find_user(service, issuer, token.claims)
    return Assertion(
        digest=sha256(f"{issuer.issuer_url}\0{token_id}".encode()).digest(),
        forget_at=math.ceil(expires_at) + SKEW,
        trusted_token_issuer_arn=issuer.trusted_token_issuer_arn,
        user_id=user.user_id,
        authenticated_at=_authenticated_at(token.claims.get("auth_time"), service.now()),
    )


def _refusal(reason: str) -> InvalidGrantException:
    return InvalidGrantException("Invalid assertion provided", reason=reason)


# The form of the token (RFC 7515 3.1, 5.2)


def _take_apart(text: str) -> _Token:
    """Sizes come first: nothing is split or decoded that is too large."""
    if len(text) > MAX_TEXT:
        raise _refusal("the assertion is too large")
    if text.find(".") > MAX_HEADER:
        raise _refusal("the header of the assertion is too large")
    parts = text.split(".", 3)
    if len(parts) != 3:
        raise _refusal("the assertion does not have three parts")
    header, payload, signature = parts
    token = _Token(
        header=_object(_decoded(header, "header"), "header"),
        claims=_object(_decoded(payload, "payload"), "payload"),
        signed=f"{header}.{payload}".encode(),
        signature=_decoded(signature, "signature"),
    )
    _require_header(token.header)
    return token


def _decoded(part: str, name: str) -> bytes:
    """Only the one spelling that an encoder writes: no padding, no bits left over."""
    if not _BASE64URL.fullmatch(part) or len(part) % 4 == 1:
        raise _refusal(f"the {name} is not base64url")
    try:
        return base64url.decode(part)
    except ValueError:
        raise _refusal(f"the {name} is not base64url as an encoder writes it") from None


def _object(text: bytes, name: str) -> dict[str, object]:
    try:
        members = _decode_object(text)
        _find_repetition(text.decode())
    except _Repeated:
        raise _refusal(f"the {name} repeats a member") from None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise _refusal(f"the {name} is not one JSON object") from None
    return members


class _Repeated(ValueError):
    pass


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Repeated
    return members


_decode_object = msgspec.json.Decoder(dict[str, object]).decode
_find_repetition = json.JSONDecoder(object_pairs_hook=_unique).decode


def _require_header(header: dict[str, object]) -> None:
    if "crit" in header:
        raise _refusal("the header has crit, and no extension is understood")
    if "b64" in header:
        raise _refusal("the header has b64")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in _TYPES:
        raise _refusal("typ is neither JWT nor at+jwt")
    if "cty" in header:
        raise _refusal("the header has cty: the payload is not claims but another token")
    if not isinstance(header.get("kid", ""), str):
        raise _refusal("kid is not a string")


# Who made it


async def _find_issuer(
    service: Service, application_arn: str, claims: dict[str, object]
) -> tuple[TrustedTokenIssuer, AuthorizedTokenIssuer]:
    """The issuer whose URL is ``iss``, byte for byte, if the application trusts it; of several with one URL the one
    that is authorized for the audience.
    """
    issuer_url = claims.get("iss")
    if not isinstance(issuer_url, str):
        raise _refusal("iss is missing or not a string")
    if issuer_url == service.policy.public_url:
        raise _refusal("iss is this server, whose tokens are no assertions")
    application = await service.store.find_application(application_arn)
    options = application.grants.jwt_bearer if application else None
    found: list[tuple[TrustedTokenIssuer, AuthorizedTokenIssuer]] = []
    for authorized in options.authorized_token_issuers if options else ():
        issuer = await service.store.find_trusted_token_issuer(authorized.trusted_token_issuer_arn)
        if issuer is None or issuer.instance_id != instance_id_of(application_arn):
            continue
        if issuer.issuer_url == issuer_url:
            found.append((issuer, authorized))
    enabled = [(issuer, authorized) for issuer, authorized in found if issuer.enabled]
    if found and not enabled:
        raise _refusal("iss is an issuer that is disabled")
    if not found:
        raise _refusal("iss is not an issuer that the application trusts")
    named = _audiences(claims.get("aud"))
    return next((pair for pair in enabled if named & set(pair[1].authorized_audiences)), enabled[0])


def _require_algorithm(header: dict[str, object], issuer: TrustedTokenIssuer) -> str:
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in issuer.algorithms or algorithm not in ALGORITHMS:
        raise _refusal("alg is not one that is allowed for the issuer")
    return algorithm


async def _find_key(service: Service, issuer: TrustedTokenIssuer, header: dict[str, object]) -> "Key":
    key_id = header.get("kid")
    try:
        key = await service.issuer_keys.find(issuer.issuer_url, key_id if isinstance(key_id, str) else None)
    except IssuerUnavailable as failure:
        reason = f"the keys of {issuer.trusted_token_issuer_arn} cannot be had: {failure}"
        raise _refusal(reason) from failure
    if key is None:
        raise _refusal("the issuer has no such key")
    return key


def _require_signature(token: _Token, algorithm: str, key: "Key") -> None:
    from joserfc.errors import JoseError
    from joserfc.jws import JWSRegistry

    model = JWSRegistry.algorithms[algorithm]
    try:
        model.check_key(key)
        good = model.verify(token.signed, token.signature, key)
    except JoseError as error:
        raise _refusal(f"the key that kid names is not for {algorithm}") from error
    if not good:
        raise _refusal("the signature is wrong")


# When, for whom, about whom


def _require_time(claims: dict[str, object], now: int, max_lifetime: int) -> float:
    """``exp``, which is in the future, at most ``max_lifetime`` seconds after ``iat``, or after now without one."""
    expires_at = _date(claims, "exp")
    if expires_at is None:
        raise _refusal("exp is missing")
    if now >= expires_at + SKEW:
        raise _refusal("exp is in the past")
    not_before = _date(claims, "nbf")
    if not_before is not None and not_before > now + SKEW:
        raise _refusal("nbf is in the future")
    issued_at = _date(claims, "iat")
    if issued_at is not None and issued_at > now + SKEW:
        raise _refusal("iat is in the future")
    if expires_at - (now if issued_at is None else issued_at) > max_lifetime:
        raise _refusal("the assertion lives longer than trusted_issuers.max_assertion_lifetime")
    return expires_at


def _require_of_epoch(claims: dict[str, object], restored_at: int, max_lifetime: int) -> None:
    """That it cannot have been presented before the store was restored, which may have forgotten it: it was made later
    by a clock that is `SKEW` ahead, or lives longer than was allowed until then.
    """
    issued_at = _date(claims, "iat")
    expires_at = _date(claims, "exp") or 0
    is_later = expires_at > restored_at + max_lifetime if issued_at is None else issued_at > restored_at + SKEW
    if not is_later:
        raise _refusal("the assertion may have been presented before the store was restored")


def _date(claims: dict[str, object], name: str) -> float | None:
    """A NumericDate (RFC 7519 2), in seconds, or ``None`` if there is no such claim."""
    if name not in claims:
        return None
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_MAX_DATE < value < _MAX_DATE:
        raise _refusal(f"{name} is not a date")
    return value


def _require_audience(audience: object, authorized: AuthorizedTokenIssuer) -> None:
    if not _audiences(audience) & set(authorized.authorized_audiences):
        raise _refusal("aud is not an audience that the application authorized for the issuer")


def _audiences(audience: object) -> set[str]:
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or not all(isinstance(each, str) for each in named):
        raise _refusal("aud is missing, or neither a string nor strings")
    return set(named)


def _require_text(claims: dict[str, object], name: str, longest: int) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= longest:
        raise _refusal(f"{name} is missing, or not a string of 1 to {longest} characters")
    return value


def _authenticated_at(value: object, now: int) -> int | None:
    """The moment of ``auth_time``, never one that is still to come."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= now + SKEW:
        return None
    return min(int(value), now)


async def _find_user(service: Service, issuer: TrustedTokenIssuer, claims: dict[str, object]) -> User:
    """The one person who has what the mapped claim says."""
    value = _mapped_claim(claims, issuer.claim_attribute_path)
    if issuer.claim_attribute_path == "email" and claims.get("email_verified", True) is not True:
        raise _refusal("email_verified is not true: anybody may have typed the address")
    path = issuer.identity_store_attribute_path
    found = await service.store.find_users_by_attribute(issuer.instance_id, path, _stored_form(path, value))
    people = [user for user in found if _is_meant(path, value, user)]
    if not people:
        raise _refusal(f"nobody has the {path} that the claim {issuer.claim_attribute_path} says")
    if len(people) > 1:
        raise _refusal(f"several people have the {path} that the claim {issuer.claim_attribute_path} says")
    return people[0]


def _mapped_claim(claims: dict[str, object], path: str) -> str:
    value: object = claims
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_ATTRIBUTE:
        raise _refusal(f"the claim {path} is missing, or not a string of 1 to {MAX_ATTRIBUTE} characters")
    return value


def _stored_form(path: str, value: str) -> str:
    if path == "userName":
        return users.canonical_name(value)
    return users.ascii_lower(value) if path == "emails.value" else value


def _is_meant(path: str, value: str, user: User) -> bool:
    """Whether it is the same text but for the case of ASCII letters. The folding that forgives a person's typing would
    let an issuer's look-alike of Mira be Mira.
    """
    if path == "userName":
        return users.ascii_lower(user.user_name) == users.ascii_lower(value)
    return path != "emails.value" or user.email == users.ascii_lower(value)
