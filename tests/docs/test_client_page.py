"""docs/client.md against the reference page that the project starts from: every option and every method of the page has
a row, and every row names a test that exists.
"""

import re
from pathlib import Path

import msgspec
import pytest

from postern.client.options import OPTIONS, HttpOptions, RetryDelayOptions
from postern.client.sso_oidc import SSOOIDC, AsyncSSOOIDC

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "client.md").read_text()

# The constructor's options, in the page's order, with those inside a map behind it; then properties and methods.
SEED_OPTIONS = [
    "params",
    "endpoint",
    "accessKeyId",
    "secretAccessKey",
    "sessionToken",
    "credentials",
    "credentialProvider",
    "region",
    "maxRetries",
    "maxRedirects",
    "sslEnabled",
    "paramValidation",
    "computeChecksums",
    "convertResponseTypes",
    "correctClockSkew",
    "s3ForcePathStyle",
    "s3BucketEndpoint",
    "s3DisableBodySigning",
    "s3UsEast1RegionalEndpoint",
    "s3UseArnRegion",
    "retryDelayOptions.base",
    "retryDelayOptions.customBackoff",
    "httpOptions.proxy",
    "httpOptions.agent",
    "httpOptions.connectTimeout",
    "httpOptions.timeout",
    "httpOptions.xhrAsync",
    "httpOptions.xhrWithCredentials",
    "apiVersion",
    "apiVersions",
    "logger",
    "systemClockOffset",
    "signatureVersion",
    "signatureCache",
    "dynamoDbCrc32",
    "useAccelerateEndpoint",
    "clientSideMonitoring",
    "endpointDiscoveryEnabled",
    "endpointCacheSize",
    "hostPrefixEnabled",
    "stsRegionalEndpoints",
    "useFipsEndpoint",
    "useDualstackEndpoint",
]
SEED_PARAM_VALIDATION = ("min", "max", "pattern", "enum")
SEED_METHODS = [
    "createToken",
    "createTokenWithIAM",
    "registerClient",
    "startDeviceAuthorization",
    "makeRequest",
    "makeUnauthenticatedRequest",
    "waitFor",
    "setupRequestListeners",
    "defineService",
    "endpoint",
    "apiVersions",
    "AWS.config",
]


class Row(msgspec.Struct, frozen=True):
    here: str
    seed: str
    effect: str
    test: str


def rows(title: str) -> list[Row]:
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    table = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return [Row(*(cell.strip() for cell in cells)) for cells in table[1:]]


def names_of(row: Row) -> list[str]:
    return re.findall(r"`([\w.]+)`", row.here)


def names_of_tests() -> set[str]:
    return {
        name
        for file in (ROOT / "tests" / "client").rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)\(", file.read_text(), re.MULTILINE)
    }


OPTION_ROWS = rows("Options")
METHOD_ROWS = rows("Methods and properties")


def test_every_option_of_the_page_has_a_row() -> None:
    assert [row.seed.replace(" ", ".") for row in OPTION_ROWS if row.seed != "-"] == SEED_OPTIONS


def test_every_check_of_parameters_is_explained() -> None:
    (row,) = (row for row in OPTION_ROWS if row.seed == "paramValidation")
    assert all(f"`{check}`" in row.effect for check in SEED_PARAM_VALIDATION)


def test_every_method_of_the_page_has_a_row() -> None:
    assert sorted(row.seed for row in METHOD_ROWS) == sorted(SEED_METHODS)


def test_the_rows_are_the_options_that_the_constructor_takes() -> None:
    documented = {names_of(row)[0] for row in OPTION_ROWS}
    assert documented == {option.name for option in OPTIONS}
    inside = {tuple(names_of(row)) for row in OPTION_ROWS if len(names_of(row)) > 1}
    assert inside == {
        *(("http_options", key) for key in HttpOptions.__annotations__),
        *(("retry_delay_options", key) for key in RetryDelayOptions.__annotations__),
    }


def test_the_names_on_the_page_are_those_of_the_declaration() -> None:
    by_name = {option.name: option.seed for option in OPTIONS}
    for row in OPTION_ROWS:
        seed = row.seed.split()[0]
        assert by_name[names_of(row)[0]] == (
            "" if seed == "-" and len(names_of(row)) == 1 else seed.replace("-", "httpOptions")
        )


@pytest.mark.parametrize("row", OPTION_ROWS + METHOD_ROWS, ids=lambda row: row.here)
def test_a_row_names_a_test_that_exists(row: Row) -> None:
    assert row.test.strip("`") in names_of_tests()
    assert row.effect


@pytest.mark.parametrize("row", [row for row in METHOD_ROWS if row.seed != "AWS.config"], ids=lambda row: row.here)
def test_a_method_is_on_both_clients(row: Row) -> None:
    (name,) = names_of(row)
    assert hasattr(SSOOIDC, name)
    assert hasattr(AsyncSSOOIDC, name)


def test_an_option_without_effect_is_one_that_is_declared_so() -> None:
    declared = {option.name for option in OPTIONS if option.elsewhere}
    documented = {
        names_of(row)[0] for row in OPTION_ROWS if row.effect.startswith("none here") and len(names_of(row)) == 1
    }
    assert documented == declared
