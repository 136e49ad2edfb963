"""Redemptions and rotations, many at once: one statement reads the rows of all, the pure rule decides each, one
statement writes what was decided, each only if its row is still as it was read. Nothing is locked between the two.

Whoever was overtaken reads again.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar, cast

from postern.core.grants import authorization_code, device_code, refresh_token
from postern.core.grants.base import Step
from postern.core.records import AuthorizationCode, DeviceAuthorization, Record, TokenFamily, User
from postern.core.store import (
    AlreadyExists,
    Command,
    RedeemAuthorizationCode,
    RedeemDeviceAuthorization,
    RotateRefreshToken,
    StoreError,
)
from postern.stores.postgres.connections import Connection, Connections
from postern.stores.postgres.dialect import TABLES, Columns, array_types, by_column, with_values

C = TypeVar("C", bound=Command)
Found = tuple[Record | None, ...]
Change = tuple[Record, Record, Record | None]  # as it was read, as it shall be, and what is inserted with it
Kinds = tuple[type[Record], type[Record] | None]
# A step that was carried out; why it could not be; or ``None``: another was faster.
Outcome = Step | StoreError | None


class Shape(NamedTuple):
    """What the statement is made of that writes changes: the columns to set and those to insert."""

    changed: type[Record]
    inserted: type[Record] | None
    new: tuple[str, ...]
    made: tuple[str, ...]


def _columns(kind: type[Record], alias: str) -> str:
    return ", ".join(f"{alias}.{column}" for column in TABLES[kind].columns)


def _reading(kind: type[Record]) -> str:
    """Approvals or families by key, each with its person and, of an approval, the family that it became."""
    table = TABLES[kind]
    columns, joined = f"{_columns(kind, 'a')}, {_columns(User, 'u')}", ""
    if kind is not TokenFamily:
        columns += f", {_columns(TokenFamily, 'f')}"
        joined = "LEFT JOIN token_family f ON f.family_id = a.family_id "
    return (
        f"SELECT {columns} FROM {table.name} a LEFT JOIN user_account u ON u.user_id = a.user_id {joined}"  # noqa: S608
        f"WHERE a.{table.key} = ANY($1::bigint[])"
    )


def _writing(shape: Shape) -> str:
    """Replace rows that are still as they were read, and insert what comes with them. It returns the keys of those.

    Parameters: the keys, the new values of what is set, the old values of all that may change, then the columns to
    insert. Old values are compared one by one though they may all be NULL: where ``IS NULL`` is asked for, a planner
    that knows nothing of the table thinks that few rows are left of it, and reads it from end to end.
    """
    table = TABLES[shape.changed]
    types = array_types(table)
    names = ["changed_key", *(f"new_{c}" for c in shape.new), *(f"old_{c}" for c in table.changing), *shape.made]
    arrays = [types[column] for column in (table.key, *shape.new, *table.changing)]
    if shape.inserted is not None:
        types = array_types(TABLES[shape.inserted])
        arrays += [types[column] for column in shape.made]
    given = ", ".join(f"${place}::{array}" for place, array in enumerate(arrays, 1))
    new = ", ".join(f"{column} = given.new_{column}" for column in shape.new)
    as_read = " AND ".join(f"t.{column} IS NOT DISTINCT FROM given.old_{column}" for column in table.changing)
    update = (
        f"UPDATE {table.name} t SET {new} FROM given WHERE t.{table.key} = given.changed_key AND {as_read} "  # noqa: S608
        "RETURNING given.changed_key"
    )
    with_given = f"WITH given AS (SELECT * FROM unnest({given}) AS g({', '.join(names)}))"  # noqa: S608
    if shape.inserted is None:
        return f"{with_given} {update}"
    columns = ", ".join(shape.made)
    return (
        f"{with_given}, taken AS ({update}), "  # noqa: S608
        f"made AS (INSERT INTO {TABLES[shape.inserted].name} ({columns}) "
        f"SELECT {columns} FROM given JOIN taken USING (changed_key)) SELECT changed_key FROM taken"
    )


def _shaped(kinds: Kinds, changes: Sequence[Change]) -> tuple[Shape, list[Sequence[Any]]]:
    """The statement's shape and its parameters.

    PERF: what stays as it is in every row is compared, not set, and what is NULL in every new row is not inserted: 11
    arrays instead of 13 for rotations, which take 9 % less of our time, 24 instead of 33 for redemptions.
    """
    changed, inserted = kinds
    table = TABLES[changed]
    old = by_column(table.changing, [table.changes(old) for old, _, _ in changes])
    new = by_column(table.changing, [table.changes(new) for _, new, _ in changes])
    set_anew = {column: values for column, values in new.items() if values != old[column]} or new
    made: Columns = {}
    if inserted is not None:
        made = with_values(by_column(TABLES[inserted].columns, [_row(made) for _, _, made in changes]))
    shape = Shape(changed, inserted, tuple(set_anew), tuple(made))
    keys = [_key(old) for old, _, _ in changes]
    return shape, [keys, *set_anew.values(), *old.values(), *made.values()]


class Decisions(Generic[C]):
    """One kind of redemption. Called with commands, it returns what became of each."""

    def __init__(
        self,
        connections: Connections,
        kind: type[Record],
        key: Callable[[C], int],
        decide: Callable[[C, Found], Step],
    ) -> None:
        self._connections = connections
        self._kind = kind
        self._key: Callable[[C], int] = key
        self._decide: Callable[[C, Found], Step] = decide
        self._read_statement = _reading(kind)
        self._write_statements: dict[Shape, str] = {}

    async def __call__(self, commands: Sequence[C]) -> list[Outcome]:
        found = await self._read(sorted({self._key(command) for command in commands}))
        steps: list[Outcome] = []
        changes: dict[Kinds, dict[int, Change]] = defaultdict(dict)
        overtaken: list[int] = []
        taken: set[int] = set()
        for place, command in enumerate(commands):
            key = self._key(command)
            rows = found.get(key, self._nothing)
            step = self._decide(command, rows)
            steps.append(step)
            if not step.update:
                continue
            if key in taken:  # an earlier one of the same batch changes it
                overtaken.append(place)
                continue
            taken.add(key)
            change = _change(step, rows)
            changes[type(change[0]), type(change[2]) if change[2] else None][place] = change
        for kinds, of_kinds in changes.items():
            try:
                done = await self._write(kinds, of_kinds)
            except StoreError as error:  # what is of other kinds is not touched by it
                steps = [error if place in of_kinds else step for place, step in enumerate(steps)]
            else:
                overtaken += [place for place in of_kinds if place not in done]
        for place in overtaken:
            steps[place] = None
        return steps

    @property
    def _nothing(self) -> Found:
        return (None,) * (2 if self._kind is TokenFamily else 3)

    async def _read(self, keys: list[int]) -> dict[int, Found]:
        rows = await self._connections.run(lambda connection: connection.fetch(self._read_statement, keys))
        return {row[0]: self._records(row) for row in rows}

    def _records(self, row: Any) -> Found:
        kinds = (self._kind, User) if self._kind is TokenFamily else (self._kind, User, TokenFamily)
        records: list[Record | None] = []
        start = 0
        for kind in kinds:
            table = TABLES[kind]
            end = start + len(table.columns)
            records.append(table.record(row[start:end]) if row[start] is not None else None)
            start = end
        return tuple(records)

    async def _write(self, kinds: Kinds, changes: dict[int, Change]) -> set[int]:
        """The places of the commands whose change was made."""
        in_order = sorted(changes.items(), key=lambda item: _key(item[1][0]))  # alike on all nodes
        shape, parameters = _shaped(kinds, [change for _, change in in_order])
        statement = self._write_statements.get(shape) or self._write_statements.setdefault(shape, _writing(shape))

        async def write(connection: Connection) -> Any:
            return await connection.fetch(statement, *parameters)

        try:
            done = {row[0] for row in await self._connections.run(write)}
        except AlreadyExists:  # the number of a family is taken: each by itself then
            return set()
        return {place for place, (old, _, _) in in_order if _key(old) in done}


def _key(record: Record) -> int:
    key: int = getattr(record, record.__struct_fields__[0])
    return key


def _row(record: Record | None) -> list[Any]:
    return TABLES[type(record)].row(record) if record is not None else []


def _change(step: Step, rows: Found) -> Change:
    """What a step writes. Every step of these grants changes one row that it was shown, and inserts one at most."""
    (new,) = step.update
    old = next(row for row in rows if type(row) is type(new))
    made = step.insert[0] if step.insert else None
    return cast("Record", old), new, made


def rotations(connections: Connections) -> Decisions[RotateRefreshToken]:
    def decide(command: RotateRefreshToken, rows: Found) -> Step:
        family, user = cast("tuple[TokenFamily | None, User | None]", rows)
        return refresh_token.decide(command, family, user, None)

    return Decisions(connections, TokenFamily, lambda command: command.family_id, decide)


def device_redemptions(connections: Connections) -> Decisions[RedeemDeviceAuthorization]:
    def decide(command: RedeemDeviceAuthorization, rows: Found) -> Step:
        authorization, user, family = cast("tuple[DeviceAuthorization | None, User | None, TokenFamily | None]", rows)
        return device_code.decide(command, authorization, user, family)

    return Decisions(connections, DeviceAuthorization, lambda command: command.authorization_id, decide)


def code_redemptions(connections: Connections) -> Decisions[RedeemAuthorizationCode]:
    def decide(command: RedeemAuthorizationCode, rows: Found) -> Step:
        code, user, family = cast("tuple[AuthorizationCode | None, User | None, TokenFamily | None]", rows)
        return authorization_code.decide(command, code, user, family, None)

    return Decisions(connections, AuthorizationCode, lambda command: command.code_id, decide)
