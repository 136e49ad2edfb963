"""What `postern.testing.sts` thinks of a web identity token: found out from the issuer's discovery document and keys,
over HTTP, and with nothing of the code that writes such tokens.
"""

import json
import threading
import urllib.request
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

DISCOVERY = "/.well-known/openid-configuration"
TAGS = "https://aws.amazon.com/tags"
SOURCE_IDENTITY = "https://aws.amazon.com/source_identity"
SKEW = 60
_LONGEST = {"aws": 20_000, "ceph": 20_000, "minio": 2048}
_ALGORITHMS = {"aws": ("RS256", "ES256"), "ceph": ("RS256",), "minio": ("RS256", "ES256")}
_REQUIRED_MEMBERS = (
    *("issuer", "jwks_uri", "response_types_supported", "subject_types_supported"),
    *("id_token_signing_alg_values_supported", "claims_supported"),
)

Members = dict[str, Any]


class Refusal(Exception):
    """An error of STS: its code, the HTTP status, and what was wrong."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class Issuer:
    """What is known of an OIDC issuer. ``url`` is its name; ``reached_at`` is where its server listens, which may be
    elsewhere than the name says, as behind a proxy that ends TLS.
    """

    def __init__(self, url: str, reached_at: str) -> None:
        self.url = url
        self._reached_at = reached_at
        self._keys: list[Members] = []
        self._algorithms: list[str] = []
        self._lock = threading.Lock()

    def key_of(self, header: Members) -> Members:
        """The key of a token. One that is not known is asked for, as all consumers do after a rotation.

        Raises:
            Refusal: the issuer cannot be reached, is not as it has to be, or has no such key.
        """
        with self._lock:
            found = self._find(header)
            if found is None:
                self._fetch()
                found = self._find(header)
            if found is None:
                raise Refusal("InvalidIdentityToken", "the issuer publishes no such key")
            if header.get("alg") not in self._algorithms:
                raise Refusal("InvalidIdentityToken", "the issuer does not say that it signs with that algorithm")
            return found

    def _find(self, header: Members) -> Members | None:
        return next((key for key in self._keys if key.get("kid") == header.get("kid")), None)

    def _fetch(self) -> None:
        document = self._get(self.url + DISCOVERY)
        missing = [name for name in _REQUIRED_MEMBERS if not document.get(name)]
        if missing or document["issuer"] != self.url:
            raise Refusal("InvalidIdentityToken", f"the discovery document is not good: {missing or 'issuer'}")
        self._algorithms = document["id_token_signing_alg_values_supported"]
        self._keys = self._get(document["jwks_uri"])["keys"]

    def _get(self, url: str) -> Members:
        if not url.startswith(f"{self.url}/"):
            raise Refusal("InvalidIdentityToken", "the keys are not at the issuer")
        try:
            with urllib.request.urlopen(self._reached_at + url.removeprefix(self.url), timeout=10) as answer:  # noqa: S310
                members: Members = json.load(answer)
                return members
        except (OSError, ValueError) as error:
            raise Refusal("IDPCommunicationError", f"the issuer cannot be reached: {error}") from None


def verify(token: str, issuer: Issuer, audience: str, profile: str, now: float) -> Members:
    """The claims of a token that is good for ``audience``.

    Raises:
        Refusal: it is not.
    """
    if not 4 <= len(token) <= _LONGEST[profile]:
        raise Refusal("ValidationError", f"the token has {len(token)} characters")
    header = header_of(token)
    if header.get("alg") not in _ALGORITHMS[profile]:
        raise Refusal("InvalidIdentityToken", "the algorithm is not taken")
    claims = _verified(token, header, issuer)
    if claims.get("iss") != issuer.url:
        raise Refusal("InvalidIdentityToken", "iss is not the provider")
    if claims.get("aud") != audience:
        raise Refusal("InvalidIdentityToken", "incorrect token audience")
    _require_times(claims, now)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject.isascii() or not 1 <= len(subject) <= 255:
        raise Refusal("InvalidIdentityToken", "sub is not good")
    return claims


def header_of(token: str) -> Members:
    try:
        part = token.split(".", maxsplit=1)[0]
        members: Members = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return members
    except ValueError:
        raise Refusal("InvalidIdentityToken", "it is no JWT") from None


def _verified(token: str, header: Members, issuer: Issuer) -> Members:
    key = issuer.key_of(header)
    try:
        signed = jws.deserialize_compact(
            token, KeySet.import_key_set({"keys": [key]}), registry=jws.JWSRegistry(algorithms=[str(key["alg"])])
        )
        claims: Members = json.loads(signed.payload)
    except (JoseError, ValueError):
        raise Refusal("InvalidIdentityToken", "the signature does not verify") from None
    return claims


def _require_times(claims: Members, now: float) -> None:
    if type(claims.get("iat")) is not int or type(claims.get("exp")) is not int:
        raise Refusal("InvalidIdentityToken", "iat and exp are not integers")
    if claims["exp"] <= now:
        raise Refusal("ExpiredTokenException", "the token has expired")
    if max(claims["iat"], claims.get("nbf", 0)) > now + SKEW:
        raise Refusal("InvalidIdentityToken", "the token is of the future")


# What each consumer wants besides


def _as_aws(claims: Members, key: Members, role_arn: str) -> Members:
    issuer = urlsplit(claims["iss"])
    if issuer.scheme != "https" or ":" in issuer.netloc:
        raise Refusal("InvalidIdentityToken", "the issuer is not https, or has a port")
    _require_role(role_arn)
    tags = claims.get(TAGS, {"principal_tags": {}})
    if not isinstance(tags, dict) or not all(len(values) == 1 for values in tags["principal_tags"].values()):
        raise Refusal("InvalidIdentityToken", "session tags are not an object of lists of one text")
    return {
        "tags": {name: values[0] for name, values in tags["principal_tags"].items()},
        "transitive_tag_keys": tags.get("transitive_tag_keys", []),
        "source_identity": claims.get(SOURCE_IDENTITY, ""),
    }


def _as_ceph(claims: Members, key: Members, role_arn: str) -> Members:
    _require_role(role_arn)
    if not key.get("x5c"):
        raise Refusal("AccessDenied", "the key has no certificate", 403)
    certified = x509.load_der_x509_certificate(b64decode(key["x5c"][0])).public_key()
    modulus = int.from_bytes(urlsafe_b64decode(key["n"] + "=" * (-len(key["n"]) % 4)), "big")
    if not isinstance(certified, RSAPublicKey) or certified.public_numbers().n != modulus:
        raise Refusal("AccessDenied", "the certificate is of another key", 403)
    tags = claims.get(TAGS, [{"principal_tags": {}}])
    if not isinstance(tags, list) or not isinstance(tags[0]["principal_tags"], dict):
        raise Refusal("AccessDenied", "session tags are not in a list", 403)
    return {"tags": tags[0]["principal_tags"]}


def _as_minio(claims: Members, key: Members, role_arn: str) -> Members:
    if role_arn:
        raise Refusal("InvalidParameterValue", "a role is asked for, but policies come from the claim")
    policy = claims.get("policy")
    policies = policy if isinstance(policy, list) else [policy]
    if not all(isinstance(name, str) and name for name in policies) or not policies:
        raise Refusal("InvalidParameterValue", "the claim policy names no policy")
    return {"policies": policies}


def _require_role(role_arn: str) -> None:
    if not role_arn.startswith("arn:"):
        raise Refusal("ValidationError", "no role is asked for")


CONSUMERS: Mapping[str, Callable[[Members, Members, str], Members]] = {
    "aws": _as_aws,
    "ceph": _as_ceph,
    "minio": _as_minio,
}
