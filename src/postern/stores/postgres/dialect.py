"""PostgreSQL's side of the statements: numbered parameters, a type for true and false, many rows by one statement."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, get_type_hints

from postern.core.records import Record
from postern.stores.tables import Dialect, Table, tables


def numbered(statement: str) -> str:
    """A statement with ``$1``, ``$2``, … where question marks are."""
    first, *rest = statement.split("?")
    return first + "".join(f"${place}{part}" for place, part in enumerate(rest, 1))


TABLES = tables(Dialect(has_booleans=True, text=numbered))
_ARRAYS = {str: "text[]", bytes: "bytea[]", bool: "boolean[]", int: "bigint[]"}


def array_types(table: Table[Record]) -> dict[str, str]:
    """The types of arrays that hold the values of many rows, by column."""
    hints = get_type_hints(table.kind)
    return {column: _array_type(hints[column]) for column in table.columns}


def _array_type(hint: object) -> str:
    """What is no number, digest or truth is kept as text."""
    for plain in (bool, int, bytes):
        if hint is plain or hint == plain | None:
            return _ARRAYS[plain]
    return _ARRAYS[str]


@cache
def insert_many(kind: type[Record], columns: tuple[str, ...]) -> str:
    """A statement whose parameters are the arrays of those columns; all others are NULL."""
    table = TABLES[kind]
    types = array_types(table)
    arrays = ", ".join(f"${place}::{types[column]}" for place, column in enumerate(columns, 1))
    return f"INSERT INTO {table.name} ({', '.join(columns)}) SELECT * FROM unnest({arrays})"  # noqa: S608


INSERT_MANY = {kind: insert_many(kind, table.columns) for kind, table in TABLES.items()}
Columns = dict[str, tuple[Any, ...]]


def by_column(names: Iterable[str], rows: Iterable[Sequence[Any]]) -> Columns:
    """The values of each column; what a row has beyond the names is left out."""
    return dict(zip(names, zip(*rows, strict=True), strict=False))


def with_values(columns: Columns) -> Columns:
    """Without those that are NULL in every row."""
    return {name: values for name, values in columns.items() if values.count(None) < len(values)}
