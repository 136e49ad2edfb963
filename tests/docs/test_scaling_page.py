"""docs/scaling.md beside the store that it speaks of."""

import re
from pathlib import Path

from postern.stores.postgres.address import Address
from postern.stores.postgres.schema import known_migrations

PAGE = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text("utf-8")


def section(title: str) -> str:
    """From a heading to the next one."""
    return re.split(r"^#+ ", PAGE.partition(f"# {title}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def test_every_table_has_a_word_on_its_key() -> None:
    scripts = "".join(migration.script for migration in known_migrations())
    tables = set(re.findall(r"CREATE TABLE IF NOT EXISTS (\w+)", scripts)) | {"schema_migration"}
    named = set(
        re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (.*?) \|", section("Keys, table by table"), re.MULTILINE)))
    )
    assert named == tables


def test_every_option_of_the_url_has_its_default() -> None:
    for name, default in zip(Address.__struct_fields__, ("", *Address.__struct_defaults__), strict=True):
        if name != "url":
            row = next(line for line in section("Connections").splitlines() if f"`{name}`" in line)
            assert ("on" if default is True else str(default)) in row
