"""What the consumers of web identity tokens refuse, each check being one sentence of theirs: the API references of STS
and IAM, and the manuals of Ceph, MinIO and RustFS.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from urllib.parse import urlsplit

import msgspec

TAGS = "https://aws.amazon.com/tags"
SOURCE_IDENTITY = "https://aws.amazon.com/source_identity"
MAX_TAGS = 50
MAX_TAG_KEY = 128
MAX_TAG_VALUE = 256
MAX_SUBJECT = 255
MAX_AUDIENCE = 255
MAX_KEYS = 100

_NOT_IN_A_TAG = re.compile(r"[^\w\s.:/=+@-]")
_SOURCE_IDENTITY = re.compile(r"(?!aws:)[A-Za-z0-9_+=,.@-]{2,64}")
_POLICY = re.compile(r"[^\s,]+")

Claims = Mapping[str, object]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a consumer would not accept: which part of the token or the call, and why."""

    part: str
    text: str


class PresentedToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token as its consumer meets it. ``issuer`` is where it gets the keys ``jwks``; ``role_arn`` is the role that is
    asked for with it, empty for none, or ``None`` if that is not known.
    """

    header: Claims
    claims: Claims
    length: int
    issuer: str
    jwks: Sequence[Mapping[str, object]]
    role_arn: str | None = None

    @property
    def published_key(self) -> Mapping[str, object] | None:
        kid = self.header.get("kid")
        return next((key for key in self.jwks if key.get("kid") == kid), None) if kid is not None else None

    def __repr__(self) -> str:
        return f"PresentedToken(of {self.issuer}, {self.length} characters)"


Check = Callable[[PresentedToken], "Finding | None"]


def issuer_is_for_aws(token: PresentedToken) -> Finding | None:
    """IAM takes an https URL that "should not contain a port number", and STS gets the keys from there."""
    parts = urlsplit(token.issuer)
    if parts.scheme != "https":
        return Finding(part="iss", text="the issuer must be https: set server.public_url")
    if ":" in parts.netloc:
        return Finding(part="iss", text="the issuer must have no port")
    if "?" in token.issuer or "#" in token.issuer:
        return Finding(part="iss", text="the issuer must have neither query nor fragment")
    return issuer_is_ours(token)


def issuer_is_ours(token: PresentedToken) -> Finding | None:
    if token.claims.get("iss") != token.issuer:
        return Finding(part="iss", text="iss is not the issuer that publishes the keys")
    return None


def times_are_integers(token: PresentedToken) -> Finding | None:
    for name in ("iat", "exp"):
        if type(token.claims.get(name)) is not int:
            return Finding(part=name, text=f"{name} must be there, as an integer")
    return None


def audience_is_one(token: PresentedToken) -> Finding | None:
    audience = token.claims.get("aud")
    if not isinstance(audience, str) or not 1 <= len(audience) <= MAX_AUDIENCE:
        return Finding(part="aud", text=f"the audience must be one text of up to {MAX_AUDIENCE} characters")
    return None


def subject_is_short(token: PresentedToken) -> Finding | None:
    subject = token.claims.get("sub")
    if not isinstance(subject, str) or not subject.isascii() or not 1 <= len(subject) <= MAX_SUBJECT:
        return Finding(part="sub", text=f"the subject must be 1 to {MAX_SUBJECT} ASCII characters")
    return None


def key_is_published(token: PresentedToken) -> Finding | None:
    if token.published_key is None:
        return Finding(part="kid", text="the key is not among those that the issuer publishes")
    return None


def key_set_is_small(token: PresentedToken) -> Finding | None:
    for kind in ("RSA", "EC"):
        if sum(key.get("kty") == kind for key in token.jwks) > MAX_KEYS:
            return Finding(part="jwks", text=f"the issuer publishes more than {MAX_KEYS} {kind} keys")
    return None


def key_has_certificate(token: PresentedToken) -> Finding | None:
    """Ceph computes the thumbprint that it knows an issuer by from the certificate."""
    key = token.published_key
    if key is not None and not key.get("x5c"):
        return Finding(part="x5c", text="the published key must have a certificate (x5c), which only RS256 keys have")
    return None


def tags_are_an_object(token: PresentedToken) -> Finding | None:
    """As AWS takes them: each with one value."""
    tags = token.claims.get(TAGS)
    return None if tags is None else _check_tags(tags, single=True)


def tags_are_in_a_list(token: PresentedToken) -> Finding | None:
    """As Ceph takes them, where a tag may have several values."""
    tags = token.claims.get(TAGS)
    if tags is None:
        return None
    if not isinstance(tags, list) or len(tags) != 1:
        return Finding(part=TAGS, text="session tags must be a list that holds one object")
    return _check_tags(tags[0], single=False)


def _check_tags(tags: object, *, single: bool) -> Finding | None:
    values = tags.get("principal_tags") if isinstance(tags, dict) else None
    if not isinstance(tags, dict) or not isinstance(values, dict):
        return Finding(part=TAGS, text="session tags must be an object with principal_tags")
    if len(values) > MAX_TAGS:
        return Finding(part=TAGS, text=f"there are more than {MAX_TAGS} session tags")
    for key, texts in values.items():
        if not isinstance(texts, list) or not texts or (single and len(texts) > 1):
            return Finding(part=TAGS, text=f"a tag's value must be a list{' of one text' if single else ''}")
        if complaint := _tag_complaint(key, texts):
            return Finding(part=TAGS, text=complaint)
    transitive = tags.get("transitive_tag_keys", [])
    if not isinstance(transitive, list) or not all(key in values for key in transitive):
        return Finding(part=TAGS, text="a transitive tag key is not the key of a session tag")
    return None


def _tag_complaint(key: str, texts: list[object]) -> str:
    """Why it is no session tag, or nothing."""
    if not 1 <= len(key) <= MAX_TAG_KEY or key.lower().startswith("aws:") or _NOT_IN_A_TAG.search(key):
        return f"a tag's key has 1 to {MAX_TAG_KEY} letters, digits, spaces and any of _.:/=+@-, and not aws: before it"
    if not all(_is_tag_value(text) for text in texts):
        return f"a tag's value has up to {MAX_TAG_VALUE} letters, digits, spaces and any of _.:/=+@-"
    return ""


def _is_tag_value(text: object) -> bool:
    return isinstance(text, str) and len(text) <= MAX_TAG_VALUE and not _NOT_IN_A_TAG.search(text)


def source_identity_fits(token: PresentedToken) -> Finding | None:
    identity = token.claims.get(SOURCE_IDENTITY)
    if identity is None or (isinstance(identity, str) and _SOURCE_IDENTITY.fullmatch(identity)):
        return None
    return Finding(part=SOURCE_IDENTITY, text="a source identity has 2 to 64 letters, digits and any of _+=,.@-")


def has_role(token: PresentedToken) -> Finding | None:
    if token.role_arn == "":
        return Finding(part="role_arn", text="a role's ARN must be asked for")
    return None


def policy_or_role(token: PresentedToken) -> Finding | None:
    """MinIO takes the policies from the claim, and then no RoleArn; or from the configured role, by its RoleArn."""
    policy = token.claims.get("policy")
    if policy is None:
        if token.role_arn:
            return None
        return Finding(part="policy", text="policy must name policies, or else a role's ARN must be asked for")
    if token.role_arn:
        return Finding(part="role_arn", text="with policies no role's ARN may be asked for: role_arn must be empty")
    return None if _names_policies(policy) else Finding(part="policy", text="policy must be a name, or names in a list")


def policy_or_groups(token: PresentedToken) -> Finding | None:
    """RustFS takes the names of policies from a claim, by default ``groups``."""
    claimed = [token.claims.get(name) for name in ("policy", "groups")]
    if not any(claimed):
        return Finding(part="groups", text="neither groups nor policy names a policy: the session can do nothing")
    return None


def _names_policies(policy: object) -> bool:
    names: Iterable[object] = policy if isinstance(policy, list) else [policy]
    return bool(policy) and all(isinstance(name, str) and _POLICY.fullmatch(name) for name in names)
