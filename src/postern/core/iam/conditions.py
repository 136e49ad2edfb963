"""Conditions of a policy: their operators, the keys that they may ask for, and the comparison.

As IAM has them: every operator and key of a block must hold; one of a key's values is enough, and for a negated
operator none may fit. A key that the request does not have fails a condition, unless the operator is negated or ends
in ``IfExists``.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from ipaddress import IPv6Address, ip_address, ip_network

import msgspec

from postern.core.caller import Caller
from postern.core.iam.patterns import ACCOUNT, matches

MAX_VALUES = 100
_IF_EXISTS = "IfExists"
_PRINCIPAL_TYPES = ("account", "user", "assumedrole")
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_DATE = re.compile(
    rf"{_DAY}(?:T[0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}}(?:\.[0-9]{{1,6}})?)?(?:Z|[+-][0-9]{{2}}:[0-9]{{2}}))?"
)
_UNIX_SECONDS = re.compile(r"[0-9]{9,11}")  # and neither a year, nor 20261231, nor milliseconds
_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,6})?")
_NETWORK = re.compile(r"[0-9A-Fa-f:.]+(?:/[0-9]{1,3})?")

Match = Callable[[str, str], bool]


class Context(msgspec.Struct, frozen=True):
    """What conditions can ask for, by the lower-case name of its key."""

    values: dict[str, str]


NO_CONTEXT = Context({})


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """One operator with one key. ``values`` are as the policy has them; that each can be compared was checked."""

    key: str
    values: tuple[str, ...]
    match: Match
    is_negated: bool
    holds_if_missing: bool
    asks_for_absence: bool = False

    def holds(self, context: Context) -> bool:
        actual = context.values.get(self.key)
        if self.asks_for_absence:
            return any((actual is None) == (value == "true") for value in self.values)
        if actual is None:
            return self.holds_if_missing
        return any(self.match(value, actual) for value in self.values) != self.is_negated


class InvalidCondition(ValueError):
    """A condition is not one that is understood; the text says what of it."""


def context_of(caller: Caller, now: int, *, secure: bool) -> Context:
    principal = caller.principal
    values = {
        "aws:currenttime": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:epochtime": str(now),
        "aws:securetransport": "true" if secure else "false",
    }
    address = _address(caller.address)
    if address is not None:
        values["aws:sourceip"] = address
    if caller.user_agent:
        values["aws:useragent"] = caller.user_agent
    if principal is not None:
        values["aws:principalarn"] = principal.role_arn or principal.arn
        values["aws:principalaccount"] = principal.account_id
        values["aws:principaltype"] = _principal_type(principal.arn)
    return Context(values)


def _address(text: str) -> str | None:
    """An IPv4-mapped address is the IPv4 one: policies know no other. ``None`` is that the transport gave none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def _principal_type(arn: str) -> str:
    kind = arn.split(":", 5)[5].partition("/")[0]
    return {"root": "Account", "user": "User"}.get(kind, "AssumedRole")


def read(operator: str, key: str, values: tuple[str, ...], *, any_key: bool = False) -> Condition:
    """The condition. ``any_key`` takes keys that a request here never has, for policies of others.

    Raises:
        InvalidCondition: the operator, the key or a value is not understood, or they do not go together.
    """
    if not 1 <= len(values) <= MAX_VALUES:
        raise InvalidCondition(f"a condition has 1 to {MAX_VALUES} values")
    if any("${" in value for value in values):
        raise InvalidCondition("policy variables are not supported")
    name = operator.removesuffix(_IF_EXISTS)
    if name == "Null":
        return _null(operator, key, values, any_key=any_key)
    if name not in _OPERATORS:
        raise InvalidCondition(
            f"the operator is not one of {', '.join((*_OPERATORS, 'Null'))}, with or without IfExists"
        )
    kind, match, is_negated = _OPERATORS[name]
    key = key.lower() if any_key else _known(key, kind)
    for value in values:
        _require_value(kind, value)
        _require_possible(key, name, value)
    return Condition(
        key=key,
        values=values,
        match=match,
        is_negated=is_negated,
        holds_if_missing=is_negated or operator.endswith(_IF_EXISTS),
    )


def _null(operator: str, key: str, values: tuple[str, ...], *, any_key: bool) -> Condition:
    if operator != "Null":
        raise InvalidCondition("Null has no IfExists")
    if not set(values) <= {"true", "false"}:
        raise InvalidCondition("Null is compared with true or false")
    if not any_key and key.lower() not in _KEYS:
        raise InvalidCondition(f"the key is not one of {', '.join(_NAMES)}")
    return Condition(
        key=key.lower(), values=values, match=_equals, is_negated=False, holds_if_missing=False, asks_for_absence=True
    )


def _known(key: str, kind: str) -> str:
    kinds = _KEYS.get(key.lower())
    if kinds is None:
        raise InvalidCondition(f"the key is not one of {', '.join(_NAMES)}")
    if kind not in kinds:
        raise InvalidCondition(f"{key} is not compared with this operator")
    return key.lower()


def _require_possible(key: str, operator: str, value: str) -> None:
    """What can never be the key's value is a mistake, and in a Deny one that lets in."""
    is_exact = "Equals" in operator and operator.startswith("String")
    if is_exact and key == "aws:principalaccount" and not ACCOUNT.fullmatch(value):
        raise InvalidCondition("an account is 12 digits")
    if is_exact and key == "aws:principaltype" and value.lower() not in _PRINCIPAL_TYPES:
        raise InvalidCondition("aws:PrincipalType is Account, User or AssumedRole")
    if key == "aws:principalarn" and ":sts:" in value:
        raise InvalidCondition("aws:PrincipalArn of a role's session is the role's ARN, arn:aws:iam::…:role/…")


def _require_value(kind: str, value: str) -> None:
    try:
        _VALUES[kind](value)
    except ValueError:
        raise InvalidCondition(f"a value is not one of the operator's kind, {kind}") from None


def _equals(value: str, actual: str) -> bool:
    return value == actual


def _equals_any_case(value: str, actual: str) -> bool:
    return value.casefold() == actual.casefold()


def _arn_like(value: str, actual: str) -> bool:
    """Part by part, so that no ``*`` reaches over a colon; the sixth part may hold colons."""
    wanted, parts = value.split(":", 5), actual.split(":", 5)
    return len(wanted) == len(parts) and all(matches(each, part) for each, part in zip(wanted, parts, strict=True))


def _same_truth(value: str, actual: str) -> bool:
    return value.lower() == actual.lower()


def _in_network(value: str, actual: str) -> bool:
    return ip_address(actual) in ip_network(value, strict=False)


def _date(text: str) -> float:
    """Unix seconds, of a date (its midnight, UTC), a date and time with its zone, or Unix seconds."""
    if _UNIX_SECONDS.fullmatch(text):
        return float(text)
    if not _DATE.fullmatch(text):
        raise ValueError("not a date")
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError("not a number")
    return float(text)


def _network(text: str) -> str:
    if not _NETWORK.fullmatch(text):
        raise ValueError("not an address or network")
    first = ip_network(text, strict=False).network_address
    if isinstance(first, IPv6Address) and first.ipv4_mapped:
        raise ValueError("an IPv4 network that is not written as one")
    return text


def _truth(text: str) -> str:
    if text.lower() not in ("true", "false"):
        raise ValueError("neither true nor false")
    return text


def _arn(text: str) -> str:
    if text.count(":") < 5 or not text.startswith("arn:"):
        raise ValueError("not an ARN")
    return text


def _compared(read_value: Callable[[str], float], test: Callable[[float, float], bool]) -> Match:
    return lambda value, actual: test(read_value(actual), read_value(value))


def _ordered(prefix: str, read_value: Callable[[str], float], kind: str) -> dict[str, tuple[str, Match, bool]]:
    """The six comparisons of dates or numbers."""
    equal = _compared(read_value, lambda actual, value: actual == value)
    return {
        f"{prefix}Equals": (kind, equal, False),
        f"{prefix}NotEquals": (kind, equal, True),
        f"{prefix}LessThan": (kind, _compared(read_value, lambda actual, value: actual < value), False),
        f"{prefix}LessThanEquals": (kind, _compared(read_value, lambda actual, value: actual <= value), False),
        f"{prefix}GreaterThan": (kind, _compared(read_value, lambda actual, value: actual > value), False),
        f"{prefix}GreaterThanEquals": (kind, _compared(read_value, lambda actual, value: actual >= value), False),
    }


_OPERATORS: Mapping[str, tuple[str, Match, bool]] = {
    "StringEquals": ("string", _equals, False),
    "StringNotEquals": ("string", _equals, True),
    "StringEqualsIgnoreCase": ("string", _equals_any_case, False),
    "StringNotEqualsIgnoreCase": ("string", _equals_any_case, True),
    "StringLike": ("string", matches, False),
    "StringNotLike": ("string", matches, True),
    "ArnEquals": ("ARN", _arn_like, False),
    "ArnNotEquals": ("ARN", _arn_like, True),
    "ArnLike": ("ARN", _arn_like, False),
    "ArnNotLike": ("ARN", _arn_like, True),
    "Bool": ("truth", _same_truth, False),
    "IpAddress": ("address", _in_network, False),
    "NotIpAddress": ("address", _in_network, True),
    **_ordered("Date", _date, "date"),
    **_ordered("Numeric", _number, "number"),
}
_VALUES: Mapping[str, Callable[[str], object]] = {
    "string": str,
    "ARN": _arn,
    "truth": _truth,
    "address": _network,
    "date": _date,
    "number": _number,
}
_NAMES: Mapping[str, tuple[str, ...]] = {
    "aws:CurrentTime": ("string", "date"),
    "aws:EpochTime": ("string", "date", "number"),
    "aws:PrincipalAccount": ("string",),
    "aws:PrincipalArn": ("string", "ARN"),
    "aws:PrincipalType": ("string",),
    "aws:SecureTransport": ("truth",),
    "aws:SourceIp": ("address",),
    "aws:UserAgent": ("string",),
}
_KEYS = {name.lower(): kinds for name, kinds in _NAMES.items()}
