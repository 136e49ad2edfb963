"""Numbered migrations: SQL scripts in a folder of the store that they belong to."""

from hashlib import sha256
from importlib.resources import files

import msgspec

from postern.core.store import StoreError

_RUNS_BESIDE = "-- Runs beside schema "


class SchemaError(StoreError):
    """The database is not a store that this version can use."""


class Migration(msgspec.Struct, frozen=True):
    number: int
    name: str
    script: str

    @property
    def checksum(self) -> str:
        return sha256(self.script.encode()).hexdigest()

    @property
    def runs_beside(self) -> int:
        """The oldest schema whose version may go on, or start, once this migration is done: by its first line, or
        none but its own.
        """
        first_line = self.script.partition("\n")[0]
        return int(first_line.removeprefix(_RUNS_BESIDE)) if first_line.startswith(_RUNS_BESIDE) else self.number


class Applied(msgspec.Struct, frozen=True):
    """A line of the ledger that a store keeps of its migrations."""

    number: int
    checksum: str
    runs_beside: int


def migrations(package: str) -> list[Migration]:
    """All migrations of a store in this version, in order."""
    folder = files(package) / "migrations"
    scripts = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda entry: entry.name)
    return [Migration(int(entry.name[:4]), entry.name[5:-4], entry.read_text("utf-8")) for entry in scripts]


def missing(known: list[Migration], ledger: list[Applied]) -> list[Migration]:
    """What is still to be applied.

    Raises:
        SchemaError: the store is too new for this version, or a migration was altered.
    """
    newest = known[-1].number if known else 0
    for applied in ledger:
        if applied.number > newest and applied.runs_beside > newest:
            raise SchemaError(
                f"the store has schema {applied.number}, this version knows up to {newest}: use a newer Postern"
            )
    checksums = {applied.number: applied.checksum for applied in ledger}
    for migration in known:
        if checksums.get(migration.number, migration.checksum) != migration.checksum:
            raise SchemaError(f"migration {migration.number:04} of the store is not the one of this version")
    return [migration for migration in known if migration.number not in checksums]
