"""Trust policies of others, explained: which statement of a role's trust policy lets a call of an STS through, and
which of its conditions hold. What cannot be known here is said to be unknown, and never guessed.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import msgspec

from postern.core.iam.conditions import Condition, Context, InvalidCondition
from postern.core.iam.conditions import read as read_condition
from postern.core.iam.patterns import matches
from postern.core.role_credentials.token_checks import SOURCE_IDENTITY, TAGS

MAX_LENGTH = 64 * 1024
_SETS = ("ForAllValues:", "ForAnyValue:")
_PROVIDER = ":oidc-provider/"
# Keys that a call has or has not; of all others (the caller's address, the role's tags) nothing is known here.
_OF_THE_CALL = ("sts:", "oidc:", "aws:requesttag/", "aws:tagkeys")
# IAM User Guide, "Available keys for AWS OIDC federation": of other claims AWS makes no keys.
_KEYS_OF_AWS = ("aud", "sub", "amr", "azp")


class InvalidTrustPolicy(ValueError):
    """A text is no trust policy; the error says why."""


class Verdict(StrEnum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class TrustCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call as the role's trust policy sees it. ``actions`` are all that it needs; ``values`` what conditions can ask
    for, by the lower-case name of the key; ``issuer_key`` is the issuer as it stands before its claims, empty if there
    is no token; ``claim_keys`` are the claims that there are keys of, empty if of all.
    """

    actions: tuple[str, ...]
    account_id: str
    issuer_key: str
    values: dict[str, tuple[str, ...]]
    claim_keys: tuple[str, ...] = ()


class ExplainedCondition(msgspec.Struct, frozen=True, kw_only=True):
    """``actual`` are the values of the call; ``remark`` says what is not understood or known."""

    operator: str
    key: str
    wanted: tuple[str, ...]
    actual: tuple[str, ...]
    holds: Verdict
    remark: str = ""


class ExplainedStatement(msgspec.Struct, frozen=True, kw_only=True):
    """``actions`` are those of the call that it speaks of; ``applies`` is what comes of all its parts."""

    name: str
    effect: str
    principal: Verdict
    actions: tuple[str, ...]
    conditions: tuple[ExplainedCondition, ...]
    applies: Verdict


class ExplainedTrust(msgspec.Struct, frozen=True, kw_only=True):
    """``allowed`` says of each action that the call needs whether the policy allows it."""

    allowed: dict[str, Verdict]
    statements: tuple[ExplainedStatement, ...]


def web_identity_call(
    claims: Mapping[str, object], *, profile: str, account_id: str, session_name: str, issuer: str
) -> TrustCall:
    """AssumeRoleWithWebIdentity with a token of these claims."""
    issuer_key = issuer.partition("://")[2]
    values: dict[str, tuple[str, ...]] = {"sts:rolesessionname": (session_name,)}
    for name, claim in claims.items():
        texts = _texts(claim)
        if texts and not name.startswith("https://"):
            values |= {f"{prefix}{name}".lower(): texts for prefix in _prefixes(name, profile, issuer_key)}
    if profile == "ceph":
        values[f"{issuer_key}:app_id".lower()] = _texts(claims.get("aud"))
    tags = claims.get(TAGS)
    document = tags[0] if isinstance(tags, list) and tags else tags
    principal_tags = document.get("principal_tags", {}) if isinstance(document, dict) else {}
    transitive = document.get("transitive_tag_keys", []) if isinstance(document, dict) else []
    identity = claims.get(SOURCE_IDENTITY)
    values |= _session_values({key: _texts(texts) for key, texts in principal_tags.items()}, _texts(transitive))
    values |= {"sts:sourceidentity": (str(identity),)} if identity else {}
    return TrustCall(
        actions=_actions("sts:AssumeRoleWithWebIdentity", principal_tags, identity),
        account_id=account_id,
        issuer_key=issuer_key,
        values=values,
        claim_keys=_KEYS_OF_AWS if profile == "aws" else (),
    )


def assume_role_call(
    *,
    account_id: str,
    session_name: str,
    external_id: str,
    tags: Mapping[str, str],
    transitive_tag_keys: Sequence[str],
    source_identity: str,
) -> TrustCall:
    """AssumeRole with these members."""
    given = {"rolesessionname": session_name, "externalid": external_id, "sourceidentity": source_identity}
    values: dict[str, tuple[str, ...]] = {f"sts:{name}": (text,) for name, text in given.items() if text}
    values |= _session_values({key: (text,) for key, text in tags.items()}, transitive_tag_keys)
    return TrustCall(
        actions=_actions("sts:AssumeRole", tags, source_identity), account_id=account_id, issuer_key="", values=values
    )


def explain_trust(text: str, call: TrustCall) -> ExplainedTrust:
    """What the trust policy ``text`` makes of the call.

    Raises:
        InvalidTrustPolicy: it is no policy.
    """
    statements = tuple(_explain_statement(number, each, call) for number, each in enumerate(_statements(text)))
    return ExplainedTrust(
        allowed={action: _allowed(action, statements) for action in call.actions}, statements=statements
    )


def _prefixes(name: str, profile: str, issuer_key: str) -> tuple[str, ...]:
    if profile == "seaweedfs":
        return ("oidc:",)
    return (f"{issuer_key}:",) if profile != "aws" or name in _KEYS_OF_AWS else ()


def _actions(action: str, tags: object, source_identity: object) -> tuple[str, ...]:
    """A call with tags, or with a source identity, needs to be allowed these too."""
    more = {"sts:TagSession": tags, "sts:SetSourceIdentity": source_identity}
    return (action, *(name for name, given in more.items() if given))


def _session_values(tags: Mapping[str, tuple[str, ...]], transitive: Iterable[str]) -> dict[str, tuple[str, ...]]:
    values = {f"aws:requesttag/{key}".lower(): texts for key, texts in tags.items()}
    lists = {"aws:tagkeys": tuple(tags), "sts:transitivetagkeys": tuple(transitive)}
    return values | {name: keys for name, keys in lists.items() if keys}


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(text for text in value if isinstance(text, str))
    if isinstance(value, bool):
        return ("true" if value else "false",)
    return (str(value),) if isinstance(value, str | int) else ()


# Reading


def _statements(text: str) -> list[dict[str, object]]:
    if len(text) > MAX_LENGTH:
        raise InvalidTrustPolicy(f"the trust policy has more than {MAX_LENGTH} characters")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidTrustPolicy("the trust policy is not JSON") from None
    found = document.get("Statement") if isinstance(document, dict) else None
    statements = [found] if isinstance(found, dict) else found
    if not isinstance(statements, list) or not statements or not all(isinstance(each, dict) for each in statements):
        raise InvalidTrustPolicy("the trust policy has no statements")
    return statements


def _explain_statement(number: int, members: dict[str, object], call: TrustCall) -> ExplainedStatement:
    principal = _principal(members, call)
    patterns, is_negated = _listed(members.get("Action")), False
    if "NotAction" in members:
        patterns, is_negated = _listed(members["NotAction"]), True
    actions = tuple(
        action
        for action in call.actions
        if any(matches(pattern.lower(), action.lower()) for pattern in patterns) != is_negated
    )
    conditions = tuple(_conditions(members.get("Condition", {}), call))
    applies = _all([principal, Verdict.YES if actions else Verdict.NO, *(each.holds for each in conditions)])
    return ExplainedStatement(
        name=str(members.get("Sid") or f"Statement[{number}]"),
        effect=str(members.get("Effect", "")),
        principal=principal,
        actions=actions,
        conditions=conditions,
        applies=applies,
    )


def _principal(members: dict[str, object], call: TrustCall) -> Verdict:
    """Whether a statement speaks of who calls: an OIDC provider by its ARN, which is that of the issuer. Who an access
    key belongs to, and what a store calls a provider, is not known here.
    """
    named = members.get("Principal")
    if named == "*":
        return Verdict.YES
    if not isinstance(named, dict):
        return Verdict.UNKNOWN
    providers, others = _listed(named.get("Federated")), _listed(named.get("AWS"))
    if "*" in (*providers, *others):
        return Verdict.YES
    if not call.issuer_key:
        return Verdict.UNKNOWN if others else Verdict.NO
    verdicts = [_is_provider(each, call) for each in providers]
    if Verdict.YES in verdicts:
        return Verdict.YES
    return Verdict.UNKNOWN if Verdict.UNKNOWN in verdicts else Verdict.NO


def _is_provider(arn: str, call: TrustCall) -> Verdict:
    if _PROVIDER not in arn:
        return Verdict.UNKNOWN
    account, _, issuer = arn.partition(_PROVIDER)
    owner = account.rpartition(":")[2]
    return Verdict.YES if issuer == call.issuer_key and owner in ("", call.account_id) else Verdict.NO


def _conditions(blocks: object, call: TrustCall) -> Iterable[ExplainedCondition]:
    if not isinstance(blocks, dict):
        yield _not_understood("", "Condition is not an object")
        return
    for operator, keys in blocks.items():
        if not isinstance(keys, dict):
            yield _not_understood(operator, "it is not an object")
            continue
        for key, wanted in keys.items():
            yield _explain_condition(operator, key, _listed(wanted), call)


def _not_understood(operator: str, remark: str) -> ExplainedCondition:
    return ExplainedCondition(operator=operator, key="", wanted=(), actual=(), holds=Verdict.UNKNOWN, remark=remark)


def _explain_condition(operator: str, key: str, wanted: tuple[str, ...], call: TrustCall) -> ExplainedCondition:
    actual = call.values.get(key.lower(), ())
    shown = ExplainedCondition(operator=operator, key=key, wanted=wanted, actual=actual, holds=Verdict.UNKNOWN)
    among = next((each for each in _SETS if operator.startswith(each)), "")
    try:
        condition = read_condition(operator.removeprefix(among), key, wanted, any_key=True)
    except InvalidCondition as error:
        return msgspec.structs.replace(shown, remark=str(error))
    if not actual and not _is_of_the_call(key, call):
        return msgspec.structs.replace(shown, remark="not known here: it is no key that the call gives")
    holds = Verdict.YES if _holds(condition, among, actual) else Verdict.NO
    return msgspec.structs.replace(shown, holds=holds, remark=_remark(key, call))


def _remark(key: str, call: TrustCall) -> str:
    owner, _, claim = key.rpartition(":")
    if not _is_issuer(owner):
        return ""
    if owner.lower() != call.issuer_key.lower():
        return f"keys of the token are written {call.issuer_key}:…" if call.issuer_key else "there is no token"
    if call.claim_keys and claim.lower() not in call.claim_keys:
        return f"of a token there are the keys {', '.join(call.claim_keys)} alone"
    return ""


def _is_of_the_call(key: str, call: TrustCall) -> bool:
    """Keys of an issuer are those of the token, and else absent."""
    owner = key.rpartition(":")[0].lower()
    return key.lower().startswith(_OF_THE_CALL) or _is_issuer(owner) or owner == call.issuer_key.lower()


def _is_issuer(owner: str) -> bool:
    return any(mark in owner for mark in ".:/")


def _holds(condition: Condition, among: str, actual: tuple[str, ...]) -> bool:
    each = [_compare(condition, text) for text in actual]
    if among == "ForAllValues:":
        return all(each)
    if not actual:
        return among != "ForAnyValue:" and condition.holds(Context({}))
    return all(each) if condition.is_negated and not among else any(each)


def _compare(condition: Condition, actual: str) -> bool:
    try:
        return condition.holds(Context({condition.key: actual}))
    except ValueError:  # the call's value is of another kind than the operator's: no date, no number
        return False


def _listed(value: object) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [] if value is None else [value]
    return tuple(text for each in listed for text in _texts(each))


# What comes of it


def _all(parts: Sequence[Verdict]) -> Verdict:
    if Verdict.NO in parts:
        return Verdict.NO
    return Verdict.UNKNOWN if Verdict.UNKNOWN in parts else Verdict.YES


def _allowed(action: str, statements: Iterable[ExplainedStatement]) -> Verdict:
    """An explicit deny wins; without an allow it is no."""
    speaking = [each for each in statements if action in each.actions]
    denied = {each.applies for each in speaking if each.effect == "Deny"}
    granted = {each.applies for each in speaking if each.effect == "Allow"}
    if Verdict.YES in denied or not granted - {Verdict.NO}:
        return Verdict.NO
    return Verdict.YES if Verdict.YES in granted and Verdict.UNKNOWN not in denied else Verdict.UNKNOWN
