"""Every operation and every modelled error, through both clients."""

from typing import Any, cast

import pytest

from postern.api import errors
from postern.api.errors import ModelledError
from postern.api.operation import Authentication, Operation
from postern.api.sso_oidc import OPERATIONS
from postern.client.names import python_name
from tests.client.fakes import ENDPOINT, Either, answer

CREDENTIALS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "secret", "region": "us-east-1"}
PARAMS: dict[str, dict[str, Any]] = {
    "RegisterClient": {"client_name": "a tool", "client_type": "public", "scopes": ["sso:account:access"]},
    "StartDeviceAuthorization": {"client_id": "id", "client_secret": "s", "start_url": "https://x.awsapps.com/start"},
    "CreateToken": {"client_id": "id", "client_secret": "s", "grant_type": "refresh_token", "refresh_token": "aor"},
    "CreateTokenWithIAM": {"client_id": "arn:aws:sso::111122223333:application/a/b", "grant_type": "refresh_token"},
}
SENT: dict[str, dict[str, Any]] = {
    "RegisterClient": {"clientName": "a tool", "clientType": "public", "scopes": ["sso:account:access"]},
    "StartDeviceAuthorization": {"clientId": "id", "clientSecret": "s", "startUrl": "https://x.awsapps.com/start"},
    "CreateToken": {"clientId": "id", "clientSecret": "s", "grantType": "refresh_token", "refreshToken": "aor"},
    "CreateTokenWithIAM": {"clientId": "arn:aws:sso::111122223333:application/a/b", "grantType": "refresh_token"},
}
ANSWERS: dict[str, dict[str, Any]] = {
    "RegisterClient": {"clientId": "id", "clientSecret": "s", "clientIdIssuedAt": 1, "clientSecretExpiresAt": 2},
    "StartDeviceAuthorization": {"deviceCode": "d", "userCode": "BCDF-GHJK", "expiresIn": 600, "interval": 1},
    "CreateToken": {"accessToken": "aoa", "tokenType": "Bearer", "expiresIn": 3600},
    "CreateTokenWithIAM": {
        "accessToken": "aoa",
        "expiresIn": 3600,
        "scope": ["openid", "aws"],
        "awsAdditionalDetails": {"identityContext": "context"},
    },
}
MODELLED = [
    pytest.param(operation, error, id=f"{operation.name}-{error.wire_name()}")
    for operation in OPERATIONS
    for error in operation.errors
]


def method(operation: Operation[Any, Any]) -> str:
    return python_name(operation.name)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_is_sent_as_its_model_says_and_its_answer_has_attributes(
    either: Either, operation: Operation[Any, Any]
) -> None:
    transport = either.transport(answer(200, ANSWERS[operation.name]))
    result = either.call_over(transport, method(operation), PARAMS[operation.name], **CREDENTIALS)
    (request,) = transport.requests
    assert (request.method, request.url) == ("POST", f"{ENDPOINT}{operation.request_uri}")
    assert request.headers["Content-Type"] == "application/json"
    assert transport.bodies == [SENT[operation.name]]
    assert ("Authorization" in request.headers) == (operation.authentication is Authentication.SIGV4)
    assert isinstance(result, operation.output)
    for name, value in ANSWERS[operation.name].items():
        attribute = getattr(result, python_name(name))
        if name == "awsAdditionalDetails":
            assert attribute.identity_context == "context"
        else:
            assert attribute == (tuple(value) if isinstance(value, list) else value)


def test_members_that_the_service_leaves_out_are_none(either: Either) -> None:
    result = either.call(
        "create_token", [answer(200, {"accessToken": "aoa", "newer": {"member": 1}})], PARAMS["CreateToken"]
    )
    assert (result.access_token, result.refresh_token, result.expires_in) == ("aoa", None, None)


@pytest.mark.parametrize("operation, error", MODELLED)
def test_a_modelled_error_is_raised_as_the_class_that_the_server_raises(
    either: Either, operation: Operation[Any, Any], error: type[ModelledError]
) -> None:
    sent = answer(
        error.status,
        error("said by the service").members() | {"reason": "KMS_DisabledException"},
        x_amzn_errortype=f"{error.wire_name()}:http://internal.amazon.com/coral/com.amazonaws.sso.oidc/",
        x_amzn_requestid="request-1",
    )
    with pytest.raises(error) as caught:
        either.call(method(operation), [sent], PARAMS[operation.name], max_retries=0, **CREDENTIALS)
    assert caught.type is error
    raised = cast(Any, caught.value)
    assert (raised.error, raised.error_description) == (raised.members()["error"], "said by the service")
    assert (raised.request_id, raised.status, raised.retryable) == ("request-1", error.status, error.retryable)


def test_where_the_application_lives_is_said_by_the_error(either: Either) -> None:
    sent = answer(
        400,
        {"error": "invalid_request", "endpoint": "https://oidc.eu-west-1.amazonaws.com", "region": "eu-west-1"},
        x_amzn_errortype="InvalidRequestRegionException",
    )
    with pytest.raises(errors.InvalidRequestRegionException) as caught:
        either.call("create_token_with_iam", [sent], PARAMS["CreateTokenWithIAM"], **CREDENTIALS)
    assert (caught.value.endpoint, caught.value.region) == ("https://oidc.eu-west-1.amazonaws.com", "eu-west-1")


def test_the_fault_of_a_kms_key_is_the_error_s_reason(either: Either) -> None:
    sent = answer(
        400, {"error": "access_denied", "reason": "KMS_AccessDeniedException"}, x_amzn_errortype="AccessDeniedException"
    )
    with pytest.raises(errors.AccessDeniedException) as caught:
        either.call("create_token", [sent], PARAMS["CreateToken"])
    assert caught.value.reason == "KMS_AccessDeniedException"
