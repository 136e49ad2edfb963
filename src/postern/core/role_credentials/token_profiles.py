"""Token profiles: for whom a web identity token is written, and what each of them would refuse and why.

An STS takes tokens of one issuer in its own way: AWS wants session tags as an object of lists, Ceph the same within a
list, stores like MinIO a short token with a claim ``policy``.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from postern.core.directory.records import CredentialSource, WebIdentitySource
from postern.core.role_credentials import token_checks as checks
from postern.core.role_credentials.token_checks import Check, Finding, PresentedToken
from postern.core.signing_keys import ES256, RS256

# What a token may say of the person beside their id. Nobody is told what they do not read.
PERSONAL_CLAIMS = ("preferred_username", "name", "email", "groups")
_LONGEST = 20_000

WriteTags = Callable[[Mapping[str, Sequence[str]], Sequence[str]], object]


class TokenProfile(msgspec.Struct, frozen=True, kw_only=True):
    """One consumer. ``algorithms`` are those it takes, the first being what it gets; ``personal_claims`` those of
    `PERSONAL_CLAIMS` that it can read; ``write_tags`` makes the claim of session tags, and is absent where there is
    none; ``has_policies`` is whether it takes policies from a claim, ``splits_groups`` whether it takes a group whose
    name has a comma for several.
    """

    name: str
    title: str
    algorithms: tuple[str, ...]
    checks: tuple[Check, ...]
    max_length: int = _LONGEST
    personal_claims: tuple[str, ...] = PERSONAL_CLAIMS
    write_tags: WriteTags | None = None
    has_policies: bool = False
    splits_groups: bool = False
    has_source_identity: bool = False

    def check(self, token: PresentedToken) -> list[Finding]:
        """What it would refuse the token for; nothing if it accepts it. Signature and times are not looked at."""
        found = [check(token) for check in self.checks]
        if token.header.get("alg") not in self.algorithms:
            known = " or ".join(self.algorithms)
            found.append(Finding(part="alg", text=f"the signature must be {known}"))
        if token.length > self.max_length:
            text = f"it has {token.length} characters, and {self.max_length} are the most that are taken"
            found.append(Finding(part="token", text=text))
        return [finding for finding in found if finding is not None]


def algorithms_of(sources: Iterable[CredentialSource]) -> frozenset[str]:
    """By which algorithms tokens are signed for these sources."""
    web = (source.options for source in sources if isinstance(source.options, WebIdentitySource))
    return frozenset(filter(None, (algorithm_of(options) for options in web)))


def algorithm_of(options: WebIdentitySource) -> str:
    """The source's, else its profile's; empty if there is no such profile."""
    profile = PROFILES.get(options.token_profile)
    return options.algorithm or (profile.algorithms[0] if profile else "")


def wants_rsa(sources: Iterable[CredentialSource]) -> bool:
    """Whether one of them gets tokens by RS256."""
    return RS256 in algorithms_of(sources)


def _tags_as_object(tags: Mapping[str, Sequence[str]], transitive: Sequence[str]) -> object:
    written: dict[str, object] = {"principal_tags": {key: list(values) for key, values in tags.items()}}
    if transitive:
        written["transitive_tag_keys"] = list(transitive)
    return written


def _tags_in_list(tags: Mapping[str, Sequence[str]], transitive: Sequence[str]) -> object:
    return [_tags_as_object(tags, transitive)]


_COMMON: tuple[Check, ...] = (
    checks.times_are_integers,
    checks.audience_is_one,
    checks.subject_is_short,
    checks.key_is_published,
)

PROFILES: Mapping[str, TokenProfile] = {
    profile.name: profile
    for profile in (
        TokenProfile(
            name="aws",
            title="AWS STS",
            algorithms=(ES256, RS256),
            checks=(
                checks.issuer_is_for_aws,
                *_COMMON,
                checks.key_set_is_small,
                checks.tags_are_an_object,
                checks.source_identity_fits,
                checks.has_role,
            ),
            personal_claims=(),
            write_tags=_tags_as_object,
            has_source_identity=True,
        ),
        TokenProfile(
            name="ceph",
            title="Ceph RGW",
            algorithms=(RS256,),
            checks=(
                checks.issuer_is_ours,
                *_COMMON,
                checks.key_has_certificate,
                checks.tags_are_in_a_list,
                checks.has_role,
            ),
            write_tags=_tags_in_list,
        ),
        TokenProfile(
            name="minio",
            title="MinIO and AIStor",
            algorithms=(RS256, ES256),
            checks=(checks.issuer_is_ours, *_COMMON, checks.policy_or_role),
            max_length=2048,
            personal_claims=("preferred_username", "email"),
            has_policies=True,
        ),
        TokenProfile(
            name="rustfs",
            title="RustFS",
            algorithms=(RS256, ES256),
            checks=(checks.issuer_is_ours, *_COMMON, checks.policy_or_groups),
            has_policies=True,
            splits_groups=True,
        ),
        TokenProfile(
            name="seaweedfs",
            title="SeaweedFS",
            algorithms=(RS256, ES256),
            checks=(checks.issuer_is_ours, *_COMMON),
            has_policies=True,
        ),
        TokenProfile(
            name="plain",
            title="any other",
            algorithms=(ES256, RS256),
            checks=(checks.issuer_is_ours, *_COMMON),
            write_tags=_tags_as_object,
            has_policies=True,
            has_source_identity=True,
        ),
    )
}
