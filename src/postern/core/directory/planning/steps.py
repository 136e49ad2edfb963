"""The steps of a plan: what is created, replaced and removed, and how people are told."""

from collections.abc import Mapping
from typing import Literal, TypeVar

import msgspec

from postern.core.records import Record
from postern.core.store import ConfigurationChange

R = TypeVar("R", bound=Record)
_HIDDEN = "(hidden)"
_SECRETS = {"sealed_secret": "secret_access_key", "password_hash": "password"}


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One record of a plan. ``changed`` holds members of a replaced record: as they were, as they shall be."""

    action: Literal["create", "replace", "remove"]
    kind: str
    name: str
    changed: Mapping[str, tuple[object, object]] = {}


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """``unlisted`` is how many records there are that the declaration does not name, and that stay."""

    change: ConfigurationChange
    differences: tuple[Difference, ...]
    unlisted: int = 0


class Steps:
    """The plan so far."""

    def __init__(self, now: int) -> None:
        self._now = now
        self._create: list[Record] = []
        self._replace: list[tuple[Record, Record]] = []
        self._remove: list[Record] = []
        self._differences: list[Difference] = []

    def settle(self, kind: str, name: str, old: R | None, new: R) -> None:
        if old is None:
            self._create.append(new)
            self._differences.append(Difference(action="create", kind=kind, name=name))
        elif old != new:
            self._replace.append((old, new))
            self._differences.append(Difference(action="replace", kind=kind, name=name, changed=_changed(old, new)))

    def remove(self, kind: str, name: str, old: Record) -> None:
        self._remove.append(old)
        self._differences.append(Difference(action="remove", kind=kind, name=name))

    def plan(self, unlisted: int) -> Plan:
        ends_sign_ins = self._replace or self._remove
        change = ConfigurationChange(
            create=tuple(self._create),
            replace=tuple(self._replace),
            remove=tuple(self._remove),
            now=self._now if ends_sign_ins else None,
        )
        return Plan(change=change, differences=tuple(self._differences), unlisted=unlisted)


def _changed(old: Record, new: Record) -> dict[str, tuple[object, object]]:
    before, after = msgspec.to_builtins(old), msgspec.to_builtins(new)
    changed: dict[str, tuple[object, object]] = {}
    for name in after:
        if before[name] == after[name]:
            continue
        if name in _SECRETS:
            changed[_SECRETS[name]] = (_HIDDEN, _HIDDEN)
        else:
            changed[name] = (_without_secret(before[name]), _without_secret(after[name]))
    return changed


def _without_secret(value: object) -> object:
    """The options of a credential source may have one."""
    if not isinstance(value, dict) or "sealed_secret" not in value:
        return value
    return {name: _HIDDEN if name == "sealed_secret" else each for name, each in value.items()}
