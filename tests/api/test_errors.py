"""What an error may say: fixed texts in the characters of RFC 6749 5.2, and a reason for the log."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import postern.api
import postern.core
from postern.api import errors, sts
from postern.api.errors import InvalidClientException, InvalidRequestRegionException, ModelledError

# RFC 6749 5.2: error_description MUST NOT include characters outside the set %x20-21 / %x23-5B / %x5D-7E.
PERMITTED = re.compile(r"[\x20-\x21\x23-\x5B\x5D-\x7E]+")

SOURCES = [
    source
    for package in (postern.api, postern.core)
    for folder in package.__path__
    for source in sorted(Path(folder).rglob("*.py"))
]
CONCRETE = [
    kind
    for kind in (vars(errors) | vars(sts)).values()
    if isinstance(kind, type) and issubclass(kind, ModelledError) and hasattr(kind, "default_description")
]
# What is called to make an error: the classes, and the functions and a subclass of the core that make them.
MAKERS = {kind.__name__ for kind in CONCRETE} | {"Reused", "_refusal"}
PAGE_MAKERS = {"AuthorizationRefused", "refuse"}
# Expressions of a fixed set of values that may stand in a text: member names of the model, settings, module constants.
FIXED = {
    "_WIRE_NAMES[member]",
    "name",
    "MAX_SCOPES",
    "MAX_REDIRECT_URIS",
    "MAX_RESULTS",
    "refusal.reason",
    "failure.reason",
}
FIXED_DESCRIPTIONS = {
    "_DESCRIPTION",
    "_NOT_ASSIGNED",
    *("_UNKNOWN", "_DESCRIPTION", "refusal.description", "grant.refusal", "refusal", "description"),
    "GRANTS[request.grant_type].refusal",
}
# What a reason may tell besides: ids and settings of our own, never what came with the request.
FIXED_REASONS = FIXED | {
    *("user.user_id", "application.application_arn", "issuer.trusted_token_issuer_arn", "issuer.claim_attribute_path"),
    *("algorithm", "path", "longest", "MAX_ATTRIBUTE", "failure"),
}
# Refusals of signatures are worded as AWS words them, out of constants, settings and times that were read as such; that
# they repeat nothing is shown by the tests of `postern.core.iam.authentication`.
OF_SIGNATURES = {"authentication.py", "signed_request.py"}
SIGNATURE_TEXTS = {"text", "what", "str(missing)", "credentials.invalid", "_demand(missing.name, is_presigned)"}


def calls(makers: set[str]) -> Iterator[tuple[str, ast.Call]]:
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and called(node) in makers:
                yield f"{source.name}:{node.lineno}", node


def called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def is_fixed(node: ast.expr, names: set[str], parts: set[str] = FIXED) -> bool:
    match node:
        case ast.Constant():
            return True
        case ast.JoinedStr():
            values = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
            return all(ast.unparse(value) in parts for value in values)
        case _:
            return ast.unparse(node) in names


def descriptions(node: ast.Call) -> list[ast.expr]:
    named = [keyword.value for keyword in node.keywords if keyword.arg == "description"]
    return [] if called(node) == "_refusal" else [*node.args, *named]


def reasons(node: ast.Call) -> list[ast.expr]:
    named = [keyword.value for keyword in node.keywords if keyword.arg == "reason"]
    return node.args if called(node) == "_refusal" else named


def texts(node: ast.expr) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


MADE = list(calls(MAKERS))


def test_the_walk_finds_the_errors_that_the_core_makes() -> None:
    assert len(MADE) > 60


@pytest.mark.parametrize("error", CONCRETE, ids=lambda error: str(error.__name__))
def test_default_descriptions_use_the_permitted_characters(error: type[ModelledError]) -> None:
    assert PERMITTED.fullmatch(error.default_description)


@pytest.mark.parametrize("place, call", MADE, ids=[place for place, _ in MADE])
def test_a_description_never_echoes_input(place: str, call: ast.Call) -> None:
    names = FIXED_DESCRIPTIONS | (SIGNATURE_TEXTS if place.partition(":")[0] in OF_SIGNATURES else set())
    assert all(is_fixed(description, names) for description in descriptions(call)), place


@pytest.mark.parametrize("place, call", MADE, ids=[place for place, _ in MADE])
def test_descriptions_use_the_permitted_characters(place: str, call: ast.Call) -> None:
    for description in descriptions(call):
        assert all(PERMITTED.fullmatch(text) for text in texts(description)), place


@pytest.mark.parametrize("place, call", MADE, ids=[place for place, _ in MADE])
def test_every_error_carries_a_reason_for_the_log(place: str, call: ast.Call) -> None:
    assert reasons(call), place
    names = {"reason"} | (SIGNATURE_TEXTS if place.partition(":")[0] in OF_SIGNATURES else set())
    assert all(is_fixed(reason, names, FIXED_REASONS) for reason in reasons(call)), place


def test_descriptions_that_a_redirect_carries_use_the_permitted_characters() -> None:
    for place, call in calls(PAGE_MAKERS):
        given = call.args[1] if len(call.args) > 1 else None
        assert isinstance(given, ast.Constant | ast.Name), place
        assert all(PERMITTED.fullmatch(text) for text in texts(given)), place


def test_nothing_is_raised_as_a_bare_class() -> None:
    """``raise SomeException`` would go out without a reason."""
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Name):
                assert node.exc.id not in MAKERS, f"{source.name}:{node.lineno}"


def test_the_reason_does_not_go_out() -> None:
    error = InvalidClientException(reason="wrong client secret")
    assert error.reason == "wrong client secret"
    assert "wrong client secret" not in str(error) + str(error.members())


def test_a_wrong_region_says_where_the_right_one_is() -> None:
    error = InvalidRequestRegionException(endpoint="https://oidc.example", region="eu-west-1")
    assert list(error.members()) == ["error", "error_description", "endpoint", "region"]
