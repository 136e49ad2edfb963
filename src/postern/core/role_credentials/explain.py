"""Why an STS takes a token or a call, or does not: what `postern explain` shows.

Tokens are secrets: an explanation holds what a token says, and never the token.
"""

import json
from collections.abc import Mapping, Sequence

import msgspec

from postern.core import base64url
from postern.core.directory.records import (
    AssignedRole,
    AssumeRoleSource,
    CredentialSource,
    Group,
    LocalSource,
    WebIdentitySource,
)
from postern.core.records import User
from postern.core.role_credentials import templates, trust_policies
from postern.core.role_credentials.port import SourceFaulty
from postern.core.role_credentials.session_names import reserved_role_arn, session_name
from postern.core.role_credentials.sources import duration_of
from postern.core.role_credentials.token_checks import Finding, PresentedToken
from postern.core.role_credentials.token_profiles import PROFILES, TokenProfile, algorithm_of
from postern.core.role_credentials.trust_policies import ExplainedTrust, TrustCall
from postern.core.role_credentials.web_identity import claims_of
from postern.core.service import Service
from postern.core.signing_keys import ES256, RS256, SigningKey, key_kid

MAX_TOKEN = 64 * 1024
_SIGNATURE_LENGTHS = {ES256: 86, RS256: 342}  # in base64url; our RSA keys have 2048 bits


class NoToken(ValueError):
    """A text is no token that can be looked into; the error says why, and repeats nothing of it."""


class ProfileVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one consumer would refuse; nothing if it accepts."""

    name: str
    title: str
    findings: tuple[Finding, ...]

    @property
    def accepts(self) -> bool:
        return not self.findings


class ExplainedToken(msgspec.Struct, frozen=True, kw_only=True):
    """``faults`` are what is wrong with it whoever reads it: signature, times."""

    header: dict[str, object]
    claims: dict[str, object]
    faults: tuple[Finding, ...]
    profiles: tuple[ProfileVerdict, ...]


class ExplainedRole(msgspec.Struct, frozen=True, kw_only=True):
    """What would be asked for a person's role. ``kind`` is that of the source, ``call`` the members of the call, in
    order; ``claims`` are those of the token where there is one. ``faults`` are why nobody would be asked, or what of
    the source is lost; ``profiles`` what consumers say of the token that they would get, the source's own first.
    """

    source: str
    kind: str
    call: dict[str, object]
    claims: dict[str, object] | None
    faults: tuple[Finding, ...]
    profiles: tuple[ProfileVerdict, ...]
    trust: ExplainedTrust | None


# A token


def explain_token(service: Service, text: str) -> ExplainedToken:
    """
    Raises:
        NoToken: see there.
    """
    header, claims = _take_apart(text)
    token = PresentedToken(
        header=header,
        claims=claims,
        length=len(text),
        issuer=service.policy.public_url,
        jwks=[key.jwk for key in service.signing_keys.keys],
    )
    return ExplainedToken(
        header=header,
        claims=claims,
        faults=tuple(_signature_faults(service, header, text)) + tuple(_time_faults(claims, service.now())),
        profiles=tuple(_verdict(profile, token) for profile in PROFILES.values()),
    )


def _take_apart(text: str) -> tuple[dict[str, object], dict[str, object]]:
    parts = text.split(".")
    if len(text) > MAX_TOKEN:
        raise NoToken(f"a token has up to {MAX_TOKEN} characters")
    if len(parts) == 5:
        raise NoToken("it is encrypted (a JWE, as identity contexts are): only its receiver can read it")
    if len(parts) != 3:
        raise NoToken("it is no JWT: that has three parts with dots between; access and refresh tokens are none")
    return _object(parts[0], "header"), _object(parts[1], "payload")


def _object(part: str, name: str) -> dict[str, object]:
    try:
        members = json.loads(base64url.decode(part))
    except (ValueError, RecursionError):
        raise NoToken(f"its {name} is not JSON in base64url") from None
    if not isinstance(members, dict):
        raise NoToken(f"its {name} is not a JSON object")
    return members


def _signature_faults(service: Service, header: Mapping[str, object], text: str) -> Sequence[Finding]:
    key = service.signing_keys.find(str(header.get("kid", "")))
    if key is None:
        return [Finding(part="signature", text="no key of this server, or one that is gone, is named: not verified")]
    if header.get("alg") != key.algorithm or not _is_signed_by(key, text):
        return [Finding(part="signature", text="it is not the signature of the key that is named")]
    return []


def _is_signed_by(key: SigningKey, text: str) -> bool:
    signed, _, signature = text.rpartition(".")
    try:
        return key.verifies(signed.encode(), base64url.decode(signature))
    except ValueError:
        return False


def _time_faults(claims: Mapping[str, object], now: int) -> Sequence[Finding]:
    expires_at, begins_at = claims.get("exp"), claims.get("nbf", claims.get("iat"))
    found = []
    if isinstance(expires_at, int | float) and expires_at <= now:
        found.append(Finding(part="exp", text="it has expired"))
    if isinstance(begins_at, int | float) and begins_at > now:
        found.append(
            Finding(part="nbf" if "nbf" in claims else "iat", text="its time has not come: look at the clocks")
        )
    return found


def _verdict(profile: TokenProfile, token: PresentedToken) -> ProfileVerdict:
    return ProfileVerdict(name=profile.name, title=profile.title, findings=tuple(profile.check(token)))


# A role


def explain_role(
    service: Service,
    user: User,
    groups: Sequence[Group],
    role: AssignedRole,
    source: CredentialSource,
    trust_policy: str | None = None,
) -> ExplainedRole:
    """What GetRoleCredentials would do. With the text of the role's trust policy, what that makes of it.

    Raises:
        InvalidTrustPolicy: it is none.
    """
    options = source.options
    if isinstance(options, LocalSource):
        return _explain_local(service, user, role, source)
    if isinstance(options, AssumeRoleSource):
        return _explain_assume_role(user, groups, role, source, options, trust_policy)
    return _explain_web_identity(service, user, groups, role, source, options, trust_policy)


def _explain_local(service: Service, user: User, role: AssignedRole, source: CredentialSource) -> ExplainedRole:
    return ExplainedRole(
        source=source.name,
        kind="local",
        call=_call("(none: Postern makes them itself)", "", reserved_role_arn(service, role), user, role),
        claims=None,
        faults=(),
        profiles=(),
        trust=None,
    )


def _explain_assume_role(
    user: User,
    groups: Sequence[Group],
    role: AssignedRole,
    source: CredentialSource,
    options: AssumeRoleSource,
    trust_policy: str | None,
) -> ExplainedRole:
    role_arn, faults = _role_arn(options.role_arn, user, groups, role)
    tags = {key: templates.tag_value(text, user, groups, role) for key, text in options.session_tags.items()}
    identity = options.source_identity and templates.source_identity(options.source_identity, user, groups, role)
    further: dict[str, object] = {
        "access_key_id": options.access_key_id,
        "external_id": options.external_id,
        "session_tags": tags,
        "transitive_tag_keys": list(options.transitive_tag_keys),
        "source_identity": identity,
    }
    call = trust_policies.assume_role_call(
        account_id=role.account.account_id,
        session_name=session_name(user),
        external_id=options.external_id,
        tags=tags,
        transitive_tag_keys=options.transitive_tag_keys,
        source_identity=identity,
    )
    return ExplainedRole(
        source=source.name,
        kind="assume-role",
        call=_call("AssumeRole", options.endpoint, role_arn, user, role)
        | {name: value for name, value in further.items() if value},
        claims=None,
        faults=faults,
        profiles=(),
        trust=_trust(trust_policy, call),
    )


def _explain_web_identity(
    service: Service,
    user: User,
    groups: Sequence[Group],
    role: AssignedRole,
    source: CredentialSource,
    options: WebIdentitySource,
    trust_policy: str | None,
) -> ExplainedRole:
    role_arn, faults = _role_arn(options.role_arn, user, groups, role)
    claims: dict[str, object] = {}
    profiles: list[ProfileVerdict] = []
    for name in sorted(PROFILES, key=lambda name: name != options.token_profile):
        written, verdict = _as_written_for(service, user, groups, role, options, PROFILES[name], role_arn)
        profiles.append(verdict)
        if name == options.token_profile:
            claims = written
    call = trust_policies.web_identity_call(
        claims,
        profile=options.token_profile,
        account_id=role.account.account_id,
        session_name=session_name(user),
        issuer=service.policy.public_url,
    )
    members: dict[str, object] = {"token_profile": options.token_profile, "algorithm": algorithm_of(options)}
    return ExplainedRole(
        source=source.name,
        kind="web-identity",
        call=_call("AssumeRoleWithWebIdentity", options.endpoint, role_arn, user, role) | members,
        claims=claims,
        faults=(*faults, *_unwritten(options)),
        profiles=tuple(profiles),
        trust=_trust(trust_policy, call),
    )


def _as_written_for(
    service: Service,
    user: User,
    groups: Sequence[Group],
    role: AssignedRole,
    options: WebIdentitySource,
    profile: TokenProfile,
    role_arn: str,
) -> tuple[dict[str, object], ProfileVerdict]:
    """The claims that the consumer would get of this source if it had its profile, and what it would say of them."""
    algorithm = options.algorithm if options.algorithm in profile.algorithms else ""
    of_profile = msgspec.structs.replace(options, token_profile=profile.name, algorithm=algorithm)
    try:
        claims = claims_of(service, user, groups, role, of_profile)
    except SourceFaulty as fault:
        finding = Finding(part="source", text=fault.reason)
        return {}, ProfileVerdict(name=profile.name, title=profile.title, findings=(finding,))
    signs_by, active = algorithm_of(of_profile), service.signing_keys.active
    header = {"alg": signs_by, "kid": key_kid(active.key_id, signs_by) if active else "", "typ": "JWT"}
    parts = [len(base64url.encode(msgspec.json.encode(each))) for each in (header, claims)]
    length = sum(parts) + _SIGNATURE_LENGTHS[signs_by] + len("..")
    token = PresentedToken(
        header=header,
        claims=claims,
        length=length,
        issuer=service.policy.public_url,
        jwks=_keys_with(service, header),
        role_arn=role_arn,
    )
    return claims, _verdict(profile, token)


def _keys_with(service: Service, header: Mapping[str, str]) -> list[Mapping[str, object]]:
    """The published keys. An RSA key is made as soon as a source wants one: until then, one like it."""
    keys: list[Mapping[str, object]] = [key.jwk for key in service.signing_keys.keys]
    if header["alg"] == RS256 and not any(key["kid"] == header["kid"] for key in keys):
        keys.append({"kid": header["kid"], "kty": "RSA", "x5c": ["a certificate"]})
    return keys


def _call(action: str, endpoint: str, role_arn: str, user: User, role: AssignedRole) -> dict[str, object]:
    members: dict[str, object] = {
        "action": action,
        "endpoint": endpoint,
        "role_arn": role_arn,
        "session_name": session_name(user),
        "duration": duration_of(role),
    }
    return {name: value for name, value in members.items() if value != ""}


def _role_arn(
    template: str, user: User, groups: Sequence[Group], role: AssignedRole
) -> tuple[str, tuple[Finding, ...]]:
    try:
        return templates.role_arn(template, user, groups, role), ()
    except SourceFaulty as fault:
        return "", (Finding(part="role_arn", text=fault.reason),)


def _unwritten(options: WebIdentitySource) -> Sequence[Finding]:
    """What the source says that its consumer is never told."""
    profile = PROFILES.get(options.token_profile)
    if profile is None:
        return [Finding(part="token_profile", text="there is no such token profile")]
    lost = {
        "session_tags": bool(options.session_tags) and profile.write_tags is None,
        "source_identity": bool(options.source_identity) and not profile.has_source_identity,
        "policies": bool(options.policies) and not profile.has_policies,
    }
    return [
        Finding(part=name, text=f"not written: {profile.title} does not read them in a token")
        for name, is_lost in lost.items()
        if is_lost
    ]


def _trust(trust_policy: str | None, call: TrustCall) -> ExplainedTrust | None:
    return None if trust_policy is None else trust_policies.explain_trust(trust_policy, call)
