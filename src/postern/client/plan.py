"""What is known of an operation's calls before they are made: names of parameters, bound ones, how they are checked."""

from collections.abc import Mapping
from typing import Any

from postern.api.operation import Operation
from postern.client.errors import ParamValidationError
from postern.client.validation import Checks, Validator, members_of


class CallPlan:
    """One operation of one client. ``bound`` are the parameters of the option ``params``, by Python or wire name;
    ``validator`` is None if parameters are not checked.
    """

    def __init__(self, operation: Operation[Any, Any], checks: Checks | None, bound: Mapping[str, object]) -> None:
        self.operation = operation
        self.validator = None if checks is None else Validator(operation, checks)
        members = members_of(operation.input)
        self._wire_names = {member.name: wire for wire, member in members.items()}
        by_wire_name = {self._wire_names.get(name, name): value for name, value in bound.items()}
        self._bound = {wire: value for wire, value in by_wire_name.items() if wire in members}

    def by_wire_name(self, params: Mapping[str, object]) -> dict[str, object]:
        """``params``, which are by Python name.

        Raises:
            ParamValidationError: one is there under its wire name too.
        """
        names = self._wire_names
        renamed = {names.get(name, name): value for name, value in params.items()}
        if len(renamed) != len(params):
            twice = [name for name in params if names.get(name, name) != name and names[name] in params]
            raise ParamValidationError([f"{name} is given twice, also as {names[name]}" for name in twice])
        return renamed

    def bind(self, params: Mapping[str, object]) -> dict[str, object]:
        """``params``, which are by wire name, and what is bound; None counts as absent."""
        return {name: value for name, value in {**self._bound, **params}.items() if value is not None}
