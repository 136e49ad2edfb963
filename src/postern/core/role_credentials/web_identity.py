"""Web identity tokens: what Postern says of a person to an STS that trusts it as an OIDC issuer.

A token is for one audience and a few minutes. It is no access token and no assertion: nothing of ours takes it.
"""

import secrets
from collections.abc import Sequence

import msgspec

from postern.core.directory.records import AssignedRole, CredentialSource, Group, WebIdentitySource
from postern.core.policy import MINUTE
from postern.core.records import User
from postern.core.role_credentials import templates
from postern.core.role_credentials.port import SourceFaulty
from postern.core.role_credentials.token_checks import SOURCE_IDENTITY, TAGS
from postern.core.role_credentials.token_profiles import PROFILES, TokenProfile, algorithm_of
from postern.core.service import Service

LIFETIME = 5 * MINUTE
_ID_BYTES = 16
_encode = msgspec.json.Encoder().encode


async def write_token(service: Service, user: User, role: AssignedRole, source: CredentialSource) -> str:
    """The token of the person for a source that is an STS with a web identity.

    Raises:
        SourceFaulty: a value has no place where the source puts it, the source has no such profile, or the token is
            longer than its consumer takes.
    """
    options = source.options
    assert isinstance(options, WebIdentitySource)
    profile = PROFILES.get(options.token_profile)
    if profile is None:
        raise SourceFaulty("the credential source has a token profile that there is none of")
    groups = await service.store.list_groups_of(user.user_id)
    claims = claims_of(service, user, groups, role, options)
    try:
        token = service.signing_keys.sign(_encode(claims), algorithm_of(options))
    except LookupError:
        raise SourceFaulty("the key that the credential source wants is still to be made") from None
    if len(token) > profile.max_length:
        raise SourceFaulty("the token is longer than its consumer takes: the person is in too many groups")
    return token


def claims_of(
    service: Service, user: User, groups: Sequence[Group], role: AssignedRole, options: WebIdentitySource
) -> dict[str, object]:
    """What the token says, in its order. Without ``nbf``: a consumer whose clock is a second late would refuse it.

    Raises:
        SourceFaulty: a value has no place where the source puts it.
    """
    profile = PROFILES[options.token_profile]
    now = service.now()
    claims: dict[str, object] = {
        "iss": service.policy.public_url,
        "sub": user.user_id,
        "aud": options.audience,
        "iat": now,
        "exp": now + LIFETIME,
        "jti": secrets.token_urlsafe(_ID_BYTES),
    }
    return claims | _personal(profile, user, groups) | _further(profile, user, groups, role, options)


def _personal(profile: TokenProfile, user: User, groups: Sequence[Group]) -> dict[str, object]:
    """What the consumer can read of the person.

    Raises:
        SourceFaulty: it would read another group than those of the person.
    """
    if profile.splits_groups and any("," in group.display_name for group in groups):
        raise SourceFaulty("the name of a group has a comma, and the consumer would take it for several")
    known = {
        "preferred_username": user.user_name,
        "name": user.display_name,
        "email": user.email,
        "groups": [group.display_name for group in groups],
    }
    return {name: known[name] for name in profile.personal_claims if known[name]}


def _further(
    profile: TokenProfile, user: User, groups: Sequence[Group], role: AssignedRole, options: WebIdentitySource
) -> dict[str, object]:
    """The claims that the source's options make."""
    claims: dict[str, object] = {}
    if options.policies and profile.has_policies:
        each = [templates.policies(policy, user, groups, role) for policy in options.policies]
        names = list(dict.fromkeys(name for named in each for name in named))
        if names:
            claims["policy"] = names[0] if len(names) == 1 else names
    if options.session_tags and profile.write_tags is not None:
        tags = {
            key: [templates.tag_value(template, user, groups, role)] for key, template in options.session_tags.items()
        }
        claims[TAGS] = profile.write_tags(tags, options.transitive_tag_keys)
    if options.source_identity and profile.has_source_identity:
        claims[SOURCE_IDENTITY] = templates.source_identity(options.source_identity, user, groups, role)
    return claims
