"""Parameters against the shape and the constraints of their operation, before anything is sent.

`Checks` says which constraints are looked at; that required members are there, that there are no unknown ones and that
types fit is always looked at. What is said of a value never repeats it: most are secrets.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

import msgspec

from postern.api.operation import Constraint, Operation, Shape


class Checks(msgspec.Struct, frozen=True, kw_only=True):
    """Which constraints are checked. ``min`` alone is what validation does by default."""

    min: bool = False
    max: bool = False
    pattern: bool = False
    enum: bool = False


class Member(msgspec.Struct, frozen=True):
    """A member of an input shape: its name in Python, whether it must be there, whether it is a list of strings, and
    whether it is a number.
    """

    name: str
    required: bool
    is_list: bool
    is_number: bool = False


class Validator:
    """Looks at the parameters of one operation, by wire name."""

    def __init__(self, operation: Operation[Any, Any], checks: Checks) -> None:
        self._operation = operation
        self._checks = checks
        self._members = members_of(operation.input)
        self._required = frozenset(wire for wire, member in self._members.items() if member.required)
        self._plain = dict(self._plain_members())

    def problems(self, params: Mapping[str, object]) -> list[str]:
        """What is wrong, a line each; empty if nothing is."""
        # PERF: 0.8 µs for what is as it should be, in place of 3.3.
        return [] if self._fits(params) else list(self._find(params))

    def _plain_members(self) -> Iterator[tuple[str, tuple[bool, int]]]:
        """The members for which a look at type and length tells all: whether it is a list, and the least length."""
        for wire, member in self._members.items():
            if member.is_number:
                continue
            constraint = self._operation.constraints.get(wire, Constraint())
            has_more = (
                (self._checks.max and (constraint.max or constraint.max_items))
                or (self._checks.pattern and constraint.pattern)
                or (self._checks.enum and constraint.enum)
            )
            if not has_more:
                yield wire, (member.is_list, (constraint.min or 0) if self._checks.min else 0)

    def _fits(self, params: Mapping[str, object]) -> bool:
        if not self._required <= params.keys():
            return False
        for wire, value in params.items():
            is_list, least = self._plain.get(wire, (None, 0))
            if is_list is None:
                return False
            if is_list:
                if type(value) is not list and type(value) is not tuple:
                    return False
                if any(type(item) is not str or len(item) < least for item in value):
                    return False
            elif type(value) is not str or len(value) < least:
                return False
        return True

    def _find(self, params: Mapping[str, object]) -> Iterator[str]:
        for wire, member in self._members.items():
            if member.required and params.get(wire) is None:
                yield f"missing required parameter {member.name} ({wire})"
        for wire, value in params.items():
            if wire not in self._members:
                yield self._unknown(wire)
            elif value is not None:
                yield from self._find_in_value(wire, value)

    def _unknown(self, name: str) -> str:
        import difflib

        names = [name for wire, member in self._members.items() for name in dict.fromkeys((member.name, wire))]
        close = difflib.get_close_matches(name, names, n=1)
        hint = f", did you mean {close[0]}?" if close else f": there is {', '.join(names)}"
        return f"unknown parameter {name!r}{hint}"

    def _find_in_value(self, wire: str, value: object) -> Iterator[str]:
        member, constraint = self._members[wire], self._operation.constraints.get(wire)
        if member.is_number:
            said = _about_number(value, constraint or Constraint(), self._checks)
            yield from (f"{member.name} ({wire}) {each}" for each in said)
            return
        if member.is_list:
            if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
                yield f"{member.name} ({wire}) must be a list of strings"
                return
            values = list(value)
        elif isinstance(value, str):
            values = [value]
        else:
            yield f"{member.name} ({wire}) must be a string, not {type(value).__name__}"
            return
        if constraint is not None:
            yield from (f"{member.name} ({wire}) {said}" for said in _violations(values, constraint, self._checks))


def members_of(shape: type[Shape]) -> dict[str, Member]:
    """The members of an input shape by wire name."""
    return {
        field.encode_name: Member(field.name, field.required, _is_list(field.type), _is_number(field.type))
        for field in msgspec.structs.fields(shape)
    }


def _is_list(kind: object) -> bool:
    return any(get_origin(each) in (tuple, list) for each in (kind, *get_args(kind)))


def _is_number(kind: object) -> bool:
    return int in (kind, *get_args(kind))


def _about_number(value: object, constraint: Constraint, checks: Checks) -> Iterator[str]:
    if not isinstance(value, int) or isinstance(value, bool):
        yield f"must be a whole number, not {type(value).__name__}"
    elif checks.min and constraint.min is not None and value < constraint.min:
        yield f"must be at least {constraint.min}"
    elif checks.max and constraint.max is not None and value > constraint.max:
        yield f"must be at most {constraint.max}"


def _violations(values: list[str], constraint: Constraint, checks: Checks) -> Iterator[str]:
    if checks.min and constraint.min is not None and any(len(value) < constraint.min for value in values):
        yield f"must have at least {constraint.min} character{'s' if constraint.min > 1 else ''}"
    if checks.max and constraint.max is not None and any(len(value) > constraint.max for value in values):
        yield f"must have at most {constraint.max} characters"
    if checks.max and constraint.max_items is not None and len(values) > constraint.max_items:
        yield f"must have at most {constraint.max_items} members"
    if checks.pattern and constraint.pattern and any(not re.fullmatch(constraint.pattern, value) for value in values):
        yield f"must match {constraint.pattern}"
    if checks.enum and constraint.enum and any(value not in constraint.enum for value in values):
        yield f"must be one of {', '.join(constraint.enum)}"
