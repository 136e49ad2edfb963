"""IAM policies, as far as an application's actor policy needs them. What is not understood is refused when a policy is
read, and never passed over.
"""

import json
import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NoReturn

import msgspec

from postern.core.caller import Caller, Principal
from postern.core.iam.conditions import NO_CONTEXT, Condition, InvalidCondition, context_of
from postern.core.iam.conditions import read as read_condition
from postern.core.iam.patterns import ACCOUNT, PRINCIPAL_ARN, matches, names_principal

MAX_LENGTH = 10_240
MAX_STATEMENTS = 100
_VERSIONS = ("2012-10-17", "2008-10-17")
_SERVICE = "sso-oauth:"
_APPLICATION = "application/"
_WILDCARD = re.compile(r"[*?]")


class Action(StrEnum):
    """The actions of the service ``sso-oauth``."""

    CREATE_TOKEN_WITH_IAM = "sso-oauth:CreateTokenWithIAM"
    INTROSPECT_TOKEN_WITH_IAM = "sso-oauth:IntrospectTokenWithIAM"
    REVOKE_TOKEN_WITH_IAM = "sso-oauth:RevokeTokenWithIAM"


class Effect(StrEnum):
    ALLOW = "Allow"
    DENY = "Deny"


class InvalidPolicy(ValueError):
    """A policy is not one, or holds what is not supported; the text says where and what."""


class Patterns(msgspec.Struct, frozen=True):
    """What an element lists, and whether it means all but that (``NotAction``, …)."""

    listed: tuple[str, ...]
    is_negated: bool


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    effect: Effect
    principals: Patterns
    actions: Patterns
    resources: Patterns
    conditions: tuple[Condition, ...]


class Policy(msgspec.Struct, frozen=True):
    """A policy that was read."""

    statements: tuple[Statement, ...]


def decide(policy: Policy, action: Action, resource: str, caller: Caller, now: int, *, secure: bool) -> Effect | None:
    """What the policy says of ``caller.principal`` doing ``action`` on ``resource`` (an application's ARN): an explicit
    deny wins, ``None`` is that no statement applies. ``secure`` is ``aws:SecureTransport``.
    """
    principal = caller.principal
    if principal is None:
        return None
    # PERF: most policies have no condition; 6 µs are saved for them.
    has_conditions = any(statement.conditions for statement in policy.statements)
    context = context_of(caller, now, secure=secure) if has_conditions else NO_CONTEXT
    effects = {
        statement.effect
        for statement in policy.statements
        if _applies(statement, action, resource, principal)
        and all(each.holds(context) for each in statement.conditions)
    }
    if Effect.DENY in effects:
        return Effect.DENY
    return Effect.ALLOW if effects else None


def _applies(statement: Statement, action: Action, resource: str, principal: Principal) -> bool:
    principals, actions, resources = statement.principals, statement.actions, statement.resources
    return (
        any(names_principal(named, principal) for named in principals.listed) != principals.is_negated
        and _fits(actions.listed, action) != actions.is_negated
        and any(matches(pattern, resource) for pattern in resources.listed) != resources.is_negated
    )


def _fits(patterns: tuple[str, ...], action: Action) -> bool:
    return any(matches(pattern, action.lower()) for pattern in patterns)


def parse(text: str) -> Policy:
    """
    Raises:
        InvalidPolicy: it is longer than `MAX_LENGTH`, not JSON of proper text, or has something that is not
            understood.
    """
    if len(text) > MAX_LENGTH:
        _refuse("the policy", f"it has more than {MAX_LENGTH} characters")
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
        json.dumps(document, ensure_ascii=False).encode()
    except InvalidPolicy:
        raise
    except UnicodeEncodeError:  # JSON can escape what UTF-8 cannot say
        _refuse("the policy", "it has half of a surrogate pair")
    except (ValueError, RecursionError):
        _refuse("the policy", "it is not JSON")
    members = _object("the policy", document, ("Version", "Id", "Statement"))
    if members.get("Version") not in _VERSIONS:
        _refuse("Version", f"it is not {' or '.join(_VERSIONS)}")
    if not isinstance(members.get("Id", ""), str):
        _refuse("Id", "it is not a string")
    statements = members.get("Statement")
    listed = statements if isinstance(statements, list) else [statements]
    if not 1 <= len(listed) <= MAX_STATEMENTS:
        _refuse("Statement", f"there are not 1 to {MAX_STATEMENTS} statements")
    _require_own_ids(listed)
    return Policy(tuple(_statement(f"Statement[{number}]", each) for number, each in enumerate(listed)))


def _require_own_ids(statements: list[object]) -> None:
    ids = [each["Sid"] for each in statements if isinstance(each, dict) and "Sid" in each]
    if any(ids.count(each) > 1 for each in ids if each):
        _refuse("Statement", "two statements have the same Sid")


_MEMBERS = (
    *("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction"),
    *("Resource", "NotResource", "Condition"),
)


def _statement(place: str, value: object) -> Statement:
    members = _object(place, value, _MEMBERS)
    if not isinstance(members.get("Sid", ""), str):
        _refuse(f"{place}.Sid", "it is not a string")
    if members.get("Effect") not in tuple(Effect):
        _refuse(f"{place}.Effect", "it is not Allow or Deny")
    effect = Effect(str(members["Effect"]))
    principals = _one_of(place, members, "Principal", read=_principals)
    if principals.is_negated:
        principals = _spared(f"{place}.NotPrincipal", principals.listed, effect)
    actions = _one_of(place, members, "Action", read=_actions)
    if actions.is_negated and all(_fits(actions.listed, action) for action in Action):
        _refuse(f"{place}.NotAction", "it leaves no action")
    return Statement(
        effect=effect,
        principals=principals,
        actions=actions,
        resources=_application(place, members),
        conditions=_conditions(f"{place}.Condition", members.get("Condition", {})),
    )


def _one_of(
    place: str, members: dict[str, object], name: str, *, read: Callable[[str, object], tuple[str, ...]]
) -> Patterns:
    """The element, or its negation; not both and not none."""
    negation = f"Not{name}"
    if (name in members) == (negation in members):
        _refuse(place, f"it needs one of {name} and {negation}")
    found = name if name in members else negation
    return Patterns(read(f"{place}.{found}", members[found]), is_negated=found == negation)


def _application(place: str, members: dict[str, object]) -> Patterns:
    """The resource, which an actor policy may leave out: it is the application that has it."""
    if "Resource" in members or "NotResource" in members:
        return _one_of(place, members, "Resource", read=_resources)
    return Patterns(("*",), is_negated=False)


def _principals(place: str, value: object) -> tuple[str, ...]:
    if value == "*":
        return ("*",)
    members = _object(place, value, ("AWS",))
    named = _strings(f"{place}.AWS", members.get("AWS"))
    for each in named:
        if each != "*" and not ACCOUNT.fullmatch(each) and not PRINCIPAL_ARN.fullmatch(each):
            _refuse(f"{place}.AWS", "an entry is not *, an account, or the ARN of a user, a role or a role's session")
    return named


def _spared(place: str, named: tuple[str, ...], effect: Effect) -> Patterns:
    """Whom a statement does not mean. IAM wants an account named beside those of its principals that are spared: where
    it is, they alone are meant, and not all the account.
    """
    if effect is Effect.ALLOW:
        _refuse(place, "with Allow it would let everybody else in, those of other accounts too")
    if "*" in named:
        _refuse(place, "it leaves nobody")
    accounts = {each: _account(each) for each in named}
    of_members = {each.split(":")[4] for each, account in accounts.items() if account is None}
    return Patterns(tuple(each for each in named if accounts[each] not in of_members), is_negated=True)


def _account(named: str) -> str | None:
    """The account that is named, if it is one as a whole."""
    if ACCOUNT.fullmatch(named):
        return named
    return named.split(":")[4] if named.endswith(":root") else None


def _actions(place: str, value: object) -> tuple[str, ...]:
    patterns = tuple(each.lower() for each in _strings(place, value))
    for pattern in patterns:
        if not any(_fits((pattern,), action) for action in Action):
            _refuse(place, f"an entry fits no action of {_SERVICE[:-1]}: {', '.join(Action)}")
    return patterns


def _resources(place: str, value: object) -> tuple[str, ...]:
    patterns = _strings(place, value)
    for pattern in patterns:
        if pattern != "*" and not _may_be_application(pattern):
            _refuse(place, "an entry is neither * nor an ARN in six parts that an application can have")
    return patterns


def _may_be_application(pattern: str) -> bool:
    """Whether it can be the ARN of an application (``arn:aws:sso::<account>:application/<instance>/<id>``). No ``*`` of
    it reaches over a colon then, since both have five.
    """
    parts = pattern.split(":")
    if len(parts) != 6 or parts[0] != "arn" or not matches(parts[2], "sso") or not matches(parts[3], ""):
        return False
    plain = _WILDCARD.split(parts[5])[0]
    return plain.startswith(_APPLICATION) or (plain != parts[5] and _APPLICATION.startswith(plain))


def _conditions(place: str, value: object) -> tuple[Condition, ...]:
    found: list[Condition] = []
    for operator, keys in _object(place, value, None).items():
        asked = _object(f"{place}.{operator}", keys, None)
        if not asked:
            _refuse(f"{place}.{operator}", "it names no key")
        for key, values in asked.items():
            try:
                found.append(read_condition(operator, key, _values(f"{place}.{operator}", values)))
            except InvalidCondition as error:
                _refuse(f"{place}.{operator}", str(error))
    return tuple(found)


def _values(place: str, value: object) -> tuple[str, ...]:
    """Strings, or what IAM takes for one: truth values and whole numbers."""
    listed = value if isinstance(value, list) else [value]
    return tuple(_value(place, each) for each in listed)


def _value(place: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str):
        _refuse(place, "a value is not a string, a number, true or false")
    return value


def _strings(place: str, value: object) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(each, str) and each for each in listed):
        _refuse(place, "it is neither a string nor strings")
    if any("${" in str(each) for each in listed):
        _refuse(place, "policy variables are not supported")
    return tuple(listed)


def _object(place: str, value: object, known: Sequence[str] | None) -> dict[str, object]:
    if not isinstance(value, dict):
        _refuse(place, "it is not an object")
    for name in value:
        if known is not None and name not in known:
            _refuse(place, f"{name!r} is not supported")
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members: dict[str, object] = {}
    for name, value in pairs:
        if name in members:
            _refuse("the policy", f"a member {name!r} is there twice")
        members[name] = value
    return members


def _no_constant(name: str) -> NoReturn:
    _refuse("the policy", f"{name} is not JSON")


def _refuse(place: str, what: str) -> NoReturn:
    raise InvalidPolicy(f"{place}: {what}")
