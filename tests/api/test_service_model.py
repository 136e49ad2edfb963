"""The drift alarm: our description of the services against the models that botocore ships, exactly and both ways."""

import re
from typing import Any

import msgspec
import pytest
from botocore.loaders import Loader
from msgspec.inspect import ListType, NoneType, StructType, Type, UnionType, VarTupleType, type_info

from postern.api import errors, portal, restjson, sso_oidc
from postern.api.errors import ModelledError, PortalError, SsoOidcError
from postern.api.operation import Authentication, Operation, Shape

Model = dict[str, Any]
AnyOperation = Operation[Any, Any]

SSO_OIDC: Model = Loader().load_service_model("sso-oidc", "service-2")
PORTAL: Model = Loader().load_service_model("sso", "service-2")

# The model's ``reason`` names faults of customer-managed KMS keys, which this server does not have.
KMS_ONLY = {"InvalidRequestException", "AccessDeniedException"}

# What the portal answers without a model's saying so.
UNMODELLED = {
    errors.ForbiddenException,
    errors.MethodNotAllowedException,
    errors.PortalInternalServerException,
}
PORTAL_OPERATIONS = [operation for operation in portal.SERVICE.operations if operation is not portal.GET_CONSOLE_URL]
DESCRIBED = [
    *(pytest.param(SSO_OIDC, operation, id=operation.name) for operation in sso_oidc.OPERATIONS),
    *(pytest.param(PORTAL, operation, id=operation.name) for operation in PORTAL_OPERATIONS),
]
SHAPE_NAMES = {int: "integer", str: "string", bool: "boolean"}


def modelled(model: Model, operation: AnyOperation) -> Model:
    found: Model = model["operations"][operation.name]
    return found


def modelled_type(model: Model, shape_name: str) -> object:
    """A modelled type in a form that can be compared: a name, ``("list", item)`` or a dict of members."""
    shape = model["shapes"][shape_name]
    match shape["type"]:
        case "list":
            return ("list", modelled_type(model, shape["member"]["shape"]))
        case "structure":
            return {name: modelled_type(model, member["shape"]) for name, member in shape["members"].items()}
        case "long":
            return "integer"
        case name:
            return name


def described_type(described: Type) -> object:
    """The same form, of our description."""
    match described:
        case UnionType():
            (only,) = (kind for kind in described.types if not isinstance(kind, NoneType))
            return described_type(only)
        case VarTupleType() | ListType():
            return ("list", described_type(described.item_type))
        case StructType():
            return {field.encode_name: described_type(field.type) for field in described.fields}
        case _:
            return {"StrType": "string", "IntType": "integer"}[type(described).__name__]


def described_members(shape: type[Shape]) -> object:
    return described_type(type_info(shape))


def concrete_errors(base: type[ModelledError]) -> set[type[ModelledError]]:
    return {
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, base) and kind is not base
    }


def exceptions(model: Model) -> set[str]:
    return {name for name, shape in model["shapes"].items() if shape.get("exception")}


def test_sso_oidc_has_the_four_operations_of_the_model() -> None:
    assert {operation.name for operation in sso_oidc.OPERATIONS} == set(SSO_OIDC["operations"])


def test_the_portal_has_the_four_operations_of_the_model_and_one_of_ours() -> None:
    assert {operation.name for operation in PORTAL_OPERATIONS} == set(PORTAL["operations"])
    assert portal.GET_CONSOLE_URL.name not in PORTAL["operations"]


@pytest.mark.parametrize("operation", PORTAL_OPERATIONS, ids=lambda operation: operation.name)
def test_members_of_the_portal_travel_where_the_model_says(operation: AnyOperation) -> None:
    members = PORTAL["shapes"][PORTAL["operations"][operation.name]["input"]["shape"]]["members"]
    names = {field.encode_name: field.name for field in msgspec.structs.fields(operation.input)}
    in_query = {
        names[name]: member["locationName"] for name, member in members.items() if member["location"] == "querystring"
    }
    assert dict(operation.query_members) == in_query
    (header,) = (member["locationName"] for member in members.values() if member["location"] == "header")
    assert header == portal.BEARER_HEADER == operation.authentication.value


def test_portal_metadata() -> None:
    metadata = PORTAL["metadata"]
    assert metadata["apiVersion"] in portal.SERVICE.versions
    assert metadata["endpointPrefix"] == portal.SERVICE.endpoint_prefix
    assert metadata["signingName"] == portal.SERVICE.signing_name
    assert all(modelled(PORTAL, operation)["auth"] == ["smithy.api#noAuth"] for operation in PORTAL_OPERATIONS)


def test_service_metadata() -> None:
    metadata = SSO_OIDC["metadata"]
    assert metadata["apiVersion"] == sso_oidc.API_VERSION
    assert metadata["signingName"] == sso_oidc.SIGNING_NAME
    assert metadata["endpointPrefix"] == sso_oidc.ENDPOINT_PREFIX


@pytest.mark.parametrize("model", [SSO_OIDC, PORTAL], ids=["sso-oidc", "sso"])
def test_the_wire_protocol_is_rest_json(model: Model) -> None:
    assert (model["metadata"]["protocol"], model["metadata"]["jsonVersion"]) == ("rest-json", "1.1")
    assert model["metadata"]["signatureVersion"] == "v4"


@pytest.mark.parametrize("model, operation", DESCRIBED)
def test_method_and_request_uri(model: Model, operation: AnyOperation) -> None:
    http = modelled(model, operation)["http"]
    assert (operation.method, operation.request_uri) == (http["method"], http["requestUri"])


@pytest.mark.parametrize("model, operation", DESCRIBED)
def test_success_is_200(model: Model, operation: AnyOperation) -> None:
    assert modelled(model, operation)["http"].get("responseCode", 200) == 200
    assert restjson.write(operation.output(), "").status == restjson.write_empty("").status == 200


@pytest.mark.parametrize("model, operation", DESCRIBED)
def test_input_members_and_types(model: Model, operation: AnyOperation) -> None:
    assert described_members(operation.input) == modelled_type(model, modelled(model, operation)["input"]["shape"])


@pytest.mark.parametrize("model, operation", DESCRIBED)
def test_required_input_members(model: Model, operation: AnyOperation) -> None:
    fields = msgspec.structs.fields(operation.input)
    required = {field.encode_name for field in fields if field.required}
    assert required == set(model["shapes"][modelled(model, operation)["input"]["shape"]].get("required", ()))


@pytest.mark.parametrize("model, operation", DESCRIBED)
def test_output_members_and_types(model: Model, operation: AnyOperation) -> None:
    output = modelled(model, operation).get("output")
    assert described_members(operation.output) == (modelled_type(model, output["shape"]) if output else {})


@pytest.mark.parametrize("model, operation", DESCRIBED)
def test_no_output_member_is_required(model: Model, operation: AnyOperation) -> None:
    assert not any(field.required for field in msgspec.structs.fields(operation.output))


@pytest.mark.parametrize("model, operation", DESCRIBED)
def test_no_member_has_a_constraint_that_the_reader_would_have_to_know(model: Model, operation: AnyOperation) -> None:
    """The models bound no length, value or pattern but one. Should they begin to, rules have to follow."""
    constraints = {"min", "max", "pattern", "enum"}
    for name, member in model["shapes"][modelled(model, operation)["input"]["shape"]]["members"].items():
        found = {key: value for key, value in model["shapes"][member["shape"]].items() if key in constraints}
        assert found == ({"min": 1, "max": portal.MAX_RESULTS} if name == "maxResults" else {})


@pytest.mark.parametrize("model, operation", DESCRIBED)
def test_errors_of_the_operation(model: Model, operation: AnyOperation) -> None:
    ours = [error.wire_name() for error in operation.errors]
    assert len(ours) == len(set(ours))
    assert set(ours) == {error["shape"] for error in modelled(model, operation)["errors"]}


@pytest.mark.parametrize("model, operation", DESCRIBED)
def test_authentication(model: Model, operation: AnyOperation) -> None:
    description = modelled(model, operation)
    unsigned = description.get("authtype") == "none"
    members = model["shapes"][description["input"]["shape"]]["members"]
    headers = {member["locationName"] for member in members.values() if member.get("location") == "header"}
    assert unsigned == (operation.authentication is not Authentication.SIGV4)
    assert headers == ({portal.BEARER_HEADER} if operation.authentication is Authentication.BEARER_HEADER else set())


@pytest.mark.parametrize("operation", sso_oidc.OPERATIONS, ids=lambda operation: str(operation.name))
def test_all_members_of_sso_oidc_travel_in_the_body_under_their_own_names(operation: AnyOperation) -> None:
    members = SSO_OIDC["shapes"][modelled(SSO_OIDC, operation)["input"]["shape"]]["members"]
    assert not any("location" in member or "locationName" in member for member in members.values())


def test_sso_oidc_has_the_fourteen_modelled_errors() -> None:
    ours = concrete_errors(SsoOidcError)
    assert len(ours) == 14
    assert {error.wire_name() for error in ours} == exceptions(SSO_OIDC)


def test_the_portal_has_the_modelled_errors() -> None:
    ours = concrete_errors(PortalError) - UNMODELLED
    assert {error.wire_name() for error in ours} == exceptions(PORTAL)
    assert not exceptions(PORTAL) & {error.wire_name() for error in UNMODELLED}


ERRORS = [
    *(pytest.param(SSO_OIDC, error, id=error.__name__) for error in sorted(concrete_errors(SsoOidcError), key=str)),
    *(
        pytest.param(PORTAL, error, id=error.__name__)
        for error in sorted(concrete_errors(PortalError) - UNMODELLED, key=str)
    ),
]


@pytest.mark.parametrize("model, error", ERRORS)
def test_status_of_the_error(model: Model, error: type[ModelledError]) -> None:
    assert error.status == model["shapes"][error.wire_name()]["error"]["httpStatusCode"]


@pytest.mark.parametrize("model, error", ERRORS)
def test_members_of_the_error(model: Model, error: type[ModelledError]) -> None:
    members = set(model["shapes"][error.wire_name()]["members"])
    if issubclass(error, PortalError):
        assert set(error().members()) == members | {"__type"}
        return
    assert ("reason" in members) == (error.wire_name() in KMS_ONLY)
    assert set(error().members()) == members - {"reason"}


@pytest.mark.parametrize("error", sorted(concrete_errors(SsoOidcError), key=str), ids=lambda error: str(error.__name__))
def test_oauth_code_of_the_error(error: type[SsoOidcError]) -> None:
    documentation = SSO_OIDC["shapes"][error.wire_name()]["members"]["error"]["documentation"]
    (code,) = re.findall(r"<code>(\w+)</code>", documentation)
    assert error.error == code


def test_the_portal_names_its_errors_as_the_service_does() -> None:
    body = errors.UnauthorizedException().members()
    assert body["__type"] == "com.amazonaws.switchboard.portal#UnauthorizedException"


@pytest.mark.parametrize("model, operation", DESCRIBED)
def test_what_the_model_calls_sensitive_shows_in_no_repr(model: Model, operation: AnyOperation) -> None:
    for shape in (operation.input, operation.output):
        members = {field.name: "canary" for field in msgspec.structs.fields(shape)}
        assert "canary" not in repr(shape(**members)) + repr(shape(**members).__rich_repr__())
