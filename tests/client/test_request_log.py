"""The request log: what a line says, what it hides, and that it never gets in the way of a call."""

import io
import logging
from typing import Any

import botocore.session
import pytest

from postern.api.errors import InvalidGrantException
from postern.api.operation import Operation
from postern.api.sso_oidc import OPERATIONS
from postern.client.errors import ConfigurationError, ConnectionBroken, ParamValidationError, TlsError
from postern.client.http import HttpRequest, HttpResponse
from tests.client.fakes import NOW, Answer, Either, Scripted, answer, client, refusal, signature_refusal

WIRE_REFRESH = {"clientId": "id", "clientSecret": "hidden", "grantType": "refresh_token", "refreshToken": "hidden"}
REFRESH = {"client_id": "id", "client_secret": "hidden", "grant_type": "refresh_token", "refresh_token": "hidden"}
KEYS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "hidden", "region": "us-east-1"}
SHOWN = (
    "createToken({ clientId: 'id', clientSecret: '***SensitiveInformation***', grantType: 'refresh_token', "
    "refreshToken: '***SensitiveInformation***' })"
)
TOKEN = answer(200, {"accessToken": "hidden", "refreshToken": "hidden"})
SERVER_ERROR = refusal("InternalServerException", "server_error", 500)


class Clock:
    """A clock that stands still but for the time that an answer takes."""

    def __init__(self) -> None:
        self.moment = NOW

    def __call__(self) -> float:
        return self.moment

    def after(self, seconds: float, given: HttpResponse | Exception) -> Answer:
        def answer_late(request: HttpRequest) -> HttpResponse:
            self.moment += seconds
            if isinstance(given, Exception):
                raise given
            return given

        return answer_late


def line_of(*answers: Answer, params: dict[str, object] | None = None, name: str = "createToken", **more: Any) -> str:
    """The line that a call by wire names writes."""
    written = io.StringIO()
    request = client(Scripted(*answers), logger=written, **more).make_request(name, params or WIRE_REFRESH)
    request.send(lambda error, data: None)
    return written.getvalue()


# What a line says


def test_a_good_call() -> None:
    clock = Clock()
    assert line_of(clock.after(0.152, TOKEN), now=clock) == f"[AWS ssooidc 200 0.152s 0 retries] {SHOWN}\n"


def test_a_refused_call_has_the_name_of_the_error() -> None:
    clock = Clock()
    refused = clock.after(0.02, refusal("InvalidGrantException", "invalid_grant"))
    assert line_of(refused, now=clock) == f"[AWS ssooidc 400 0.020s 0 retries] {SHOWN} InvalidGrantException\n"


def test_a_refusal_that_the_model_does_not_name_has_the_name_that_the_service_gave() -> None:
    refused = signature_refusal("SignatureDoesNotMatch")
    assert line_of(refused) == f"[AWS ssooidc 403 0.000s 0 retries] {SHOWN} SignatureDoesNotMatch\n"


def test_a_call_that_needed_more_tries_is_one_line() -> None:
    clock = Clock()
    line = line_of(
        clock.after(1, SERVER_ERROR), clock.after(2, ConnectionBroken("cut off")), clock.after(0.5, TOKEN), now=clock
    )
    assert line == f"[AWS ssooidc 200 3.500s 2 retries] {SHOWN}\n"


def test_without_an_answer_there_is_no_status() -> None:
    clock = Clock()
    line = line_of(clock.after(0.1, TlsError("no")), now=clock)
    assert line == f"[AWS ssooidc - 0.100s 0 retries] {SHOWN} TlsError\n"


def test_a_call_that_was_never_sent() -> None:
    line = line_of(TOKEN, params={"clientId": "id"})
    assert line == "[AWS ssooidc - 0.000s 0 retries] createToken({ clientId: 'id' }) ParamValidationError\n"


def test_a_clock_that_was_set_back_takes_no_negative_time() -> None:
    clock = Clock()
    assert " 0.000s " in line_of(clock.after(-60, TOKEN), now=clock)


@pytest.mark.parametrize(
    "name, value, shown",
    [
        ("scope", ["openid", "aws"], "[ 'openid', 'aws' ]"),
        ("scope", (), "[]"),
        ("scope", [f"scope:{number}" for number in range(26)], "'scope:24', … ]"),
        ("scope", [{"refreshToken": "hidden"}], "[ <dict> ]"),
        ("redirectUri", "http://127.0.0.1:1234/", "'http://127.0.0.1:1234/'"),
        ("redirectUri", "x" * 201, f"'{'x' * 200}'…"),
        ("redirectUri", 7, "redirectUri: 7 "),
        ("redirectUri", b"hidden", "<bytes>"),
        ("redirectUri", {"token": "hidden"}, "<dict>"),
    ],
)
def test_how_a_value_is_shown(name: str, value: object, shown: str) -> None:
    line = line_of(ConnectionBroken("no"), params={name: value})
    assert shown in line
    assert "hidden" not in line


# What it hides


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_members_that_the_model_of_aws_calls_sensitive_are_masked_and_so_are_codes(
    operation: Operation[Any, Any],
) -> None:
    model = botocore.session.Session().get_service_model("sso-oidc").operation_model(operation.name)
    members = model.input_shape.members
    masked = {name for name, shape in members.items() if shape.metadata.get("sensitive")}
    masked |= {"code", "deviceCode"} & members.keys()
    line = line_of(TOKEN, name=operation.name, params=dict.fromkeys(members, "value"), param_validation=False, **KEYS)
    assert {name for name in members if f"{name}: '***SensitiveInformation***'" in line} == masked
    assert {name for name in members if f"{name}: 'value'" in line} == members.keys() - masked


@pytest.mark.parametrize("member", ["accessToken", "idToken", "userCode", "client_secret", "ClientSecret", "newer"])
@pytest.mark.parametrize("param_validation", [True, False])
def test_a_member_that_the_operation_does_not_have_is_masked(member: str, param_validation: bool) -> None:
    line = line_of(TOKEN, params={member: "hidden"}, param_validation=param_validation)
    assert f"{{ {member}: '***SensitiveInformation***' }}" in line
    assert "hidden" not in line


@pytest.mark.parametrize("forgery", ["\n[AWS ssooidc 200", "\r\n", "\x1b[2J", "\x00", "\u2028", "\u202e", "\udc80"])
def test_no_value_name_or_error_can_forge_a_line(forgery: str) -> None:
    transport = Scripted(HttpResponse(status=400, headers={"x-amzn-errortype": f"Name{forgery}"}))
    lines: list[str] = []

    class Console:
        log = staticmethod(lines.append)

    params = {"clientId": f"id{forgery}", f"name{forgery}": "x"}
    for validation in (True, False):
        service = client(transport, logger=Console(), param_validation=validation)
        service.make_request("createToken", params).send(lambda error, data: None)
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)


def test_no_class_of_an_error_can_forge_a_line() -> None:
    def fail(*arguments: object) -> None:
        raise type("Error\n[AWS ssooidc 200", (Exception,), {})

    written = io.StringIO()
    request = client(Scripted(TOKEN), logger=written).make_request("createToken", WIRE_REFRESH).on("success", fail)
    request.send(lambda error, data: None)
    assert written.getvalue().count("\n") == 1


# Whom it is told to


def test_a_logger_of_the_standard_library_gets_arguments_at_level_info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    client(Scripted(TOKEN), logger=logging.getLogger("calls")).create_token(**REFRESH)
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("calls", logging.INFO)
    assert isinstance(record.args, tuple)
    assert record.args[:2] == ("ssooidc", 200)
    assert record.getMessage() == f"[AWS ssooidc 200 0.000s 0 retries] {SHOWN}"


def test_an_adapter_of_the_standard_library_is_a_logger_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    adapter = logging.LoggerAdapter(logging.getLogger("calls"), {"tenant": "one"})
    client(Scripted(TOKEN), logger=adapter).create_token(**REFRESH)
    assert [record.levelno for record in caplog.records] == [logging.INFO]


def test_an_object_that_can_log_is_not_written_to() -> None:
    told: list[tuple[str, str]] = []

    class Both:
        def log(self, text: str) -> None:
            told.append(("log", text))

        def write(self, text: str) -> None:
            told.append(("write", text))

    client(Scripted(TOKEN), logger=Both()).create_token(**REFRESH)
    assert told == [("log", f"[AWS ssooidc 200 0.000s 0 retries] {SHOWN}")]


@pytest.mark.parametrize("logger", ["stderr", 1, object(), print])
def test_a_logger_that_is_none_is_refused(logger: object) -> None:
    with pytest.raises(ConfigurationError, match="option logger takes"):
        client(Scripted(TOKEN), logger=logger)


class Broken:
    def write(self, text: str) -> None:
        raise OSError("the disk is full")


def test_a_logger_that_raises_does_not_break_the_call(either: Either) -> None:
    assert either.call("create_token", [TOKEN], REFRESH, logger=Broken()).access_token == "hidden"


def test_a_logger_that_raises_does_not_hide_the_error_of_the_call(either: Either) -> None:
    with pytest.raises(InvalidGrantException):
        either.call("create_token", [refusal("InvalidGrantException", "invalid_grant")], REFRESH, logger=Broken())
    with pytest.raises(ParamValidationError):
        either.call("create_token", [TOKEN], {"client_id": "id"}, logger=Broken())
