"""What a policy compares with: patterns with ``*`` (any characters) and ``?`` (one character), and principals."""

import re

from postern.core.caller import Principal

ACCOUNT = re.compile(r"[0-9]{12}")
PRINCIPAL_ARN = re.compile(
    r"arn:aws[a-z-]*:(?:"
    r"iam::[0-9]{12}:(?:root|(?:user|role)/[A-Za-z0-9_+=,.@/-]{1,576})"
    r"|sts::[0-9]{12}:assumed-role/[A-Za-z0-9_+=,.@-]{1,64}/[A-Za-z0-9_+=,.@-]{2,64})"
)


def matches(pattern: str, text: str) -> bool:
    """In time of at most their product: after a mismatch only the last ``*`` takes one character more."""
    if pattern in ("*", text):  # PERF: what policies mostly have: 0.1 µs, where the walk takes 4
        return True
    if "*" not in pattern and "?" not in pattern:
        return False
    place = at = 0
    star = star_at = -1
    while at < len(text):
        if place < len(pattern) and pattern[place] == "*":
            star, star_at = place, at
            place += 1
        elif place < len(pattern) and pattern[place] in ("?", text[at]):
            place, at = place + 1, at + 1
        elif star >= 0:
            star_at += 1
            place, at = star + 1, star_at
        else:
            return False
    return all(character == "*" for character in pattern[place:])


def names_principal(named: str, principal: Principal) -> bool:
    """Whether an entry of ``Principal`` means this one: everybody, its account, itself, or the role of its session."""
    if named == "*":
        return True
    if ACCOUNT.fullmatch(named) or named.endswith(":root"):
        return principal.account_id == (named if ACCOUNT.fullmatch(named) else named.split(":")[4])
    return named in (principal.arn, principal.role_arn)
