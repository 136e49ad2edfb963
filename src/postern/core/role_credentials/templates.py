"""Templates: what a credential source says of the person and the role, as ``{account_id}``, ``{role_name}``,
``{user_name}``, ``{user_id}``, ``{email}``, ``{display_name}`` and ``{groups}`` in its texts.

What is put in is fitted to the place where it goes. Where the name of one person could come to be that of another, a
value that does not fit is refused, not bent.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence

from postern.core.directory.records import AssignedRole, Group
from postern.core.records import User
from postern.core.role_credentials.port import SourceFaulty

PLACEHOLDERS = ("account_id", "role_name", "user_name", "user_id", "email", "display_name", "groups")
MAX_TAG_VALUE = 256
GROUP_SEPARATOR = ":"

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_+=,.@-]")
_NOT_IN_A_POLICY = re.compile(r"[^A-Za-z0-9_+=.@-]")
_NOT_IN_A_TAG = re.compile(r"[^\w .:/=+@-]")
_SOURCE_IDENTITY = re.compile(r"[A-Za-z0-9_+=,.@-]{2,64}")


class UnknownPlaceholder(ValueError):
    """A template has a placeholder that there is none of, or a brace that belongs to none. The text says which."""


def require_known(template: str) -> None:
    """
    Raises:
        UnknownPlaceholder: see there.
    """
    for name in _PLACEHOLDER.findall(template):
        if name not in PLACEHOLDERS:
            known = ", ".join(f"{{{each}}}" for each in PLACEHOLDERS)
            raise UnknownPlaceholder(f"{{{name}}} is not a placeholder: there are {known}")
    if "{" in _PLACEHOLDER.sub("", template) or "}" in _PLACEHOLDER.sub("", template):
        raise UnknownPlaceholder("a brace stands alone: placeholders are written {user_name}")


def literal_text(template: str) -> str:
    """What of a template stands there whoever the person is."""
    return _PLACEHOLDER.sub("", template)


def render(template: str, user: User, groups: Sequence[Group], role: AssignedRole) -> str:
    """The text as it is, for a place that takes any."""
    return _render(template, user, groups, role, lambda value: value)


def tag_value(template: str, user: User, groups: Sequence[Group], role: AssignedRole) -> str:
    """A session tag's value: letters, digits, spaces and ``_.:/=+@-``, the rest becomes ``_``. It is cut to 256
    characters, and a list of groups after a whole name. What tells people apart for certain is ``{user_id}``.
    """
    groups = groups[:MAX_TAG_VALUE]  # more cannot fit, whatever they are called

    def with_first(count: int) -> str:
        return _render(template, user, groups[:count], role, lambda value: _NOT_IN_A_TAG.sub("_", value))

    # PERF: bisected, since names may be long: 256 groups that do not fit take 2 ms in place of 300.
    count = bisect_right(range(1, len(groups) + 1), MAX_TAG_VALUE, key=lambda count: len(with_first(count)))
    return with_first(count)[:MAX_TAG_VALUE]


def role_arn(template: str, user: User, groups: Sequence[Group], role: AssignedRole) -> str:
    """The ARN of a role.

    Raises:
        SourceFaulty: a value has a character that no part of an ARN has, and would name another role with it.
    """

    def unbent(value: str) -> str:
        if not value or _NOT_IN_A_NAME.search(value):
            raise SourceFaulty("a value for the role's ARN is empty, or has characters that a role name cannot have")
        return value

    return _render(template, user, groups, role, unbent)


def policies(template: str, user: User, groups: Sequence[Group], role: AssignedRole) -> list[str]:
    """Names of policies. ``{groups}`` alone is one for each group.

    Raises:
        SourceFaulty: a value has a character by which a consumer could read several names in one.
    """

    def unbent(value: str) -> str:
        if not value or _NOT_IN_A_POLICY.search(value):
            raise SourceFaulty("a value for a policy's name is empty, or has characters that such a name cannot have")
        return value

    if template == "{groups}":
        return [unbent(group.display_name) for group in groups]
    return [_render(template, user, groups, role, unbent)]


def source_identity(template: str, user: User, groups: Sequence[Group], role: AssignedRole) -> str:
    """A source identity; the user id where the text cannot be one (2 to 64 letters, digits and ``_+=,.@-``)."""
    text = render(template, user, groups, role)
    return text if _SOURCE_IDENTITY.fullmatch(text) and not text.startswith("aws:") else user.user_id


def _render(template: str, user: User, groups: Sequence[Group], role: AssignedRole, fit: Callable[[str], str]) -> str:
    """Each placeholder once: what stands in a value is no placeholder."""
    values = {
        "account_id": role.account.account_id,
        "role_name": role.permission_set.name,
        "user_name": user.user_name,
        "user_id": user.user_id,
        "email": user.email,
        "display_name": user.display_name,
    }

    def value_of(found: re.Match[str]) -> str:
        name = found.group(1)
        if name == "groups":
            return GROUP_SEPARATOR.join(fit(each.display_name).replace(GROUP_SEPARATOR, "_") for each in groups)
        return fit(values[name])

    return _PLACEHOLDER.sub(value_of, template)
