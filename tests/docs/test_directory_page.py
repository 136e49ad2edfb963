"""docs/directory.md: its example does what the page prints, and its tables have every key that a file may have, with
the default that it has.
"""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from postern.core.directory.declaration import (
    Declaration,
    DeclaredAccessKey,
    DeclaredAccessScope,
    DeclaredAccount,
    DeclaredApplication,
    DeclaredAssignment,
    DeclaredAuthorizedIssuer,
    DeclaredCredentialSource,
    DeclaredExternalId,
    DeclaredGroup,
    DeclaredInstance,
    DeclaredJwtBearer,
    DeclaredPermissionSet,
    DeclaredTrustedTokenIssuer,
    DeclaredUser,
)
from postern.core.directory.records import (
    AssumeRoleSource,
    AuthorizationCodeOptions,
    ConsoleOptions,
    LocalSource,
    TokenExchangeOptions,
    WebIdentitySource,
)
from tests.cli.keeping import Keeper

PAGE = (Path(__file__).parents[2] / "docs" / "directory.md").read_text()
TABLES: dict[str, type[msgspec.Struct]] = {
    "[[instance]]": DeclaredInstance,
    "[[user]]": DeclaredUser,
    "external_ids": DeclaredExternalId,
    "[[group]]": DeclaredGroup,
    "[[account]]": DeclaredAccount,
    "[[permission_set]]": DeclaredPermissionSet,
    "[[assignment]]": DeclaredAssignment,
    "[[credential_source]]": DeclaredCredentialSource,
    "console": ConsoleOptions,
    "[[trusted_token_issuer]]": DeclaredTrustedTokenIssuer,
    "[[access_key]]": DeclaredAccessKey,
    "[[application]]": DeclaredApplication,
    "authorization_code": AuthorizationCodeOptions,
    "jwt_bearer": DeclaredJwtBearer,
    "authorized_token_issuers": DeclaredAuthorizedIssuer,
    "token_exchange": TokenExchangeOptions,
    "access_scopes": DeclaredAccessScope,
}
SOURCES: dict[str, type[msgspec.Struct]] = {
    "local": LocalSource,
    "web-identity": WebIdentitySource,
    "assume-role": AssumeRoleSource,
}
# What stands for a default that is none of the struct's.
IN_WORDS = {"new", "primary", "as it is", "user name", "none", "not granted", "the profile's"}


def rows(title: str) -> dict[str, list[str]]:
    """The cells of a table, by key."""
    found = re.search(rf"^(?:### )?`{re.escape(title)}`:?$(.*?)(?:^#|\n\n`|\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found, title
    cells = [re.split(r" *\| *", line.strip("|")) for line in found[1].splitlines() if line.startswith("| `")]
    return {row[0].strip(" `"): [cell.strip() for cell in row[1:]] for row in cells}


def written(default: str) -> object:
    """The value of a cell."""
    return tomllib.loads(f"value = {default.strip('`')}")["value"]


def plain(default: object) -> object:
    """A default as TOML would have it."""
    return msgspec.json.decode(msgspec.json.encode(default))


@pytest.mark.parametrize("title", TABLES)
def test_a_table_has_every_key_and_its_default(title: str) -> None:
    fields = {field.name: field for field in msgspec.structs.fields(TABLES[title])}
    described = rows(title)
    assert set(described) == set(fields)
    for name, cells in described.items():
        default, field = cells[1 if title == "[[credential_source]]" else 0], fields[name]
        if field.required:
            assert default == "", name
        elif field.default is not None and default not in IN_WORDS:
            assert written(default) == plain(field.default), name


def test_the_page_has_every_table_of_a_file() -> None:
    assert {f"[[{name}]]" for name in Declaration.__struct_fields__} <= TABLES.keys()
    assert len(re.findall(r"^(?:### )?`[^`\s]+`:?$", PAGE, re.MULTILINE)) == len(TABLES)


@pytest.mark.parametrize("name", SOURCES)
def test_the_keys_of_a_type_of_source_are_those_that_it_takes(name: str) -> None:
    options = {field.name: field for field in msgspec.structs.fields(SOURCES[name])}
    described = {
        key: cells
        for key, cells in rows("[[credential_source]]").items()
        if cells[0] == "all" or name in cells[0].split(", ")
    }
    of_all = {"name", "type", "description"}
    secret = {"secret_access_key_file", "secret_access_key_env"}
    assert set(described) - of_all - secret == set(options) - {"sealed_secret"}
    for key, field in options.items():
        if key in described and not field.required and field.default not in (None, msgspec.NODEFAULT):
            default = described[key][1]
            if default not in IN_WORDS:
                assert written(default) == plain(field.default), key


def test_the_example_does_what_the_page_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keeper = Keeper(tmp_path / "data", capsys)
    (text,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    (console,) = re.findall(r"^```console\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    file = tmp_path / "directory.toml"
    file.write_text(text)
    (tmp_path / "mira.password").write_text("correct horse battery")
    (tmp_path / "mira.password").chmod(0o600)
    (tmp_path / "empty.toml").touch()
    keeper("apply", str(tmp_path / "empty.toml"))  # there is an instance
    for part in console.split("$ postern ")[1:]:
        command, _, printed = part.partition("\n")
        said = keeper(*command.replace("directory.toml", str(file)).split())
        pattern = re.escape(printed).replace("…", ".*")
        assert re.fullmatch(pattern, said, re.DOTALL), (command, said)


def test_the_example_of_a_mistake_is_what_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "directory.toml"
    file.write_text("\n" * 15 + '[[user]]\nemial = "mira@example.org"\nuser_name = "mira"\n')
    said = Keeper(tmp_path / "data", capsys)("plan", str(file), code=2)
    (example,) = re.findall(r"`directory\.toml(:17: .*?)`", PAGE)
    assert f"{file}{example}" in said
