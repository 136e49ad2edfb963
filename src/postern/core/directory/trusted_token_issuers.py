"""Trusted token issuers: what one may be (``sso-admin``, CreateTrustedTokenIssuer)."""

import re
import uuid
from urllib.parse import urlsplit

from postern.core.directory.errors import InvalidDirectoryRecord
from postern.core.directory.records import Status, TrustedTokenIssuer
from postern.core.records import Instance
from postern.core.store import NotFound, Store

ALGORITHMS = (
    *("RS256", "RS384", "RS512"),
    *("PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512"),
    *("EdDSA", "Ed25519"),
)
DEFAULT_ALGORITHMS = ("RS256", "ES256")
ATTRIBUTES = ("userName", "emails.value", "externalIds.id")
MAX_ISSUER_URL = 512

_NAME = re.compile(r"[\w+=,.@-]{1,255}")
_ARN = re.compile(r"arn:aws[a-z-]*:sso::[0-9]{12}:trustedTokenIssuer/[!-~]{1,100}/tti-[0-9a-f-]{36}")
_CLAIM_PATH = re.compile(r"[^\W\d_]+(?:[._][^\W\d_]+){0,2}")


def new_trusted_token_issuer(
    instance: Instance,
    *,
    name: str,
    issuer_url: str,
    claim_attribute_path: str,
    identity_store_attribute_path: str,
    now: int,
    algorithms: tuple[str, ...] = DEFAULT_ALGORITHMS,
    status: Status = Status.ENABLED,
) -> TrustedTokenIssuer:
    """An issuer that the instance trusts, with an ARN of its own.

    Raises:
        InvalidDirectoryRecord: see `require_valid`.
    """
    account, instance_id = instance.owner_account_id, instance.instance_id
    return require_valid(
        TrustedTokenIssuer(
            trusted_token_issuer_arn=f"arn:aws:sso::{account}:trustedTokenIssuer/{instance_id}/tti-{uuid.uuid4()}",
            name=name,
            issuer_url=issuer_url,
            claim_attribute_path=claim_attribute_path,
            identity_store_attribute_path=identity_store_attribute_path,
            algorithms=algorithms,
            status=status,
            created_at=now,
        )
    )


def require_valid(issuer: TrustedTokenIssuer) -> TrustedTokenIssuer:
    """The issuer, if it can be kept.

    Raises:
        InvalidDirectoryRecord: its name, URL, mapping or algorithms are not what they have to be.
    """
    _require(_ARN.fullmatch(issuer.trusted_token_issuer_arn) is not None, "the trusted token issuer's ARN is not one")
    _require(_NAME.fullmatch(issuer.name) is not None, "a name has 1 to 255 letters, digits and any of _+=,.@-")
    _require(_is_issuer_url(issuer.issuer_url), "the issuer URL is not http(s) without query, fragment and user")
    _require(
        _CLAIM_PATH.fullmatch(issuer.claim_attribute_path) is not None,
        "the claim is up to three words of letters, joined by . or _",
    )
    _require(issuer.identity_store_attribute_path in ATTRIBUTES, f"the attribute is not one of {', '.join(ATTRIBUTES)}")
    _require(bool(issuer.algorithms), "an issuer needs an algorithm")
    _require(len(set(issuer.algorithms)) == len(issuer.algorithms), "an algorithm is there twice")
    unknown = [algorithm for algorithm in issuer.algorithms if algorithm not in ALGORITHMS]
    _require(not unknown, f"{', '.join(unknown)}: the algorithms are {', '.join(ALGORITHMS)}")
    return issuer


def _is_issuer_url(url: str) -> bool:
    if len(url) > MAX_ISSUER_URL or not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port  # checked only when it is asked for
    except ValueError:
        return False
    known = url.startswith(("https://", "http://")) and bool(parts.hostname)
    return known and not any(mark in url for mark in "?#@\\")


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise InvalidDirectoryRecord(otherwise)


async def find_by_name_or_arn(store: Store, text: str) -> TrustedTokenIssuer:
    """
    Raises:
        NotFound: there is no such issuer.
    """
    for issuer in await store.list_configuration(TrustedTokenIssuer):
        if text in (issuer.name, issuer.trusted_token_issuer_arn):
            return issuer
    raise NotFound(f"there is no trusted token issuer {text!r}")
