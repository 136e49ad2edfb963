"""The client of the access portal, blocking and for asyncio: what goes out, and what comes of the answers."""

import asyncio
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from postern.api import portal
from postern.api.errors import (
    ForbiddenException,
    PortalInvalidRequestException,
    ResourceNotFoundException,
    TooManyRequestsException,
    UnauthorizedException,
)
from postern.client.errors import ParamValidationError, ServiceError
from postern.client.names import python_name
from postern.client.sso_portal import AsyncSSOPortal, SSOPortal
from tests.client.fakes import ENDPOINT, QUIET, Answer, AsyncScripted, Scripted, answer, options

TOKEN = "aoaSecret+/= token"
ROLE = {"account_id": "111122223333", "role_name": "Admin"}
REFUSALS = {
    "UnauthorizedException": (401, UnauthorizedException),
    "ForbiddenException": (403, ForbiddenException),
    "ResourceNotFoundException": (404, ResourceNotFoundException),
    "TooManyRequestsException": (429, TooManyRequestsException),
    "InvalidRequestException": (400, PortalInvalidRequestException),
}


class Either:
    """One of the two clients, called in the same way."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def transport(self, *answers: Answer) -> Scripted:
        return (Scripted if self.kind == "sync" else AsyncScripted)(*answers)

    def call(self, transport: Scripted, method: str, /, checks: Any = True, **params: Any) -> Any:
        given = options(transport, max_retries=0, param_validation=checks)
        if self.kind == "sync":
            with SSOPortal(**given) as blocking:
                done = getattr(blocking, method)(**params)
                return list(done) if method.startswith("list_all") else done

        async def run() -> Any:
            async with AsyncSSOPortal(**given) as waiting:
                done = getattr(waiting, method)(**params)
                return [each async for each in done] if method.startswith("list_all") else await done

        return asyncio.run(run())


@pytest.fixture(params=["sync", "async"])
def either(request: pytest.FixtureRequest) -> Either:
    return Either(request.param)


def query_of(transport: Scripted) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(transport.requests[-1].url).query, strict_parsing=True))


@pytest.mark.parametrize("client", [SSOPortal, AsyncSSOPortal])
def test_each_operation_is_a_method(client: type) -> None:
    assert all(callable(getattr(client, python_name(operation.name))) for operation in portal.SERVICE.operations)


def test_what_is_asked_travels_in_the_query_and_the_token_in_a_header(either: Either) -> None:
    transport = either.transport(answer(members={"roleCredentials": {"accessKeyId": "ASIA", "expiration": 17}}))
    found = either.call(transport, "get_role_credentials", access_token=TOKEN, **ROLE)
    (request,) = transport.requests
    assert (request.method, request.body) == ("GET", b"")
    assert request.url.partition("?")[0] == f"{ENDPOINT}/federation/credentials"
    assert query_of(transport) == ROLE
    assert request.headers["x-amz-sso_bearer_token"] == TOKEN
    assert "Content-Type" not in request.headers
    assert TOKEN not in request.url
    assert (found.role_credentials.access_key_id, found.role_credentials.expiration) == ("ASIA", 17)


def test_what_a_query_cannot_have_is_encoded(either: Either) -> None:
    transport = either.transport(answer(members={"roleList": []}))
    either.call(
        transport, "list_account_roles", access_token="t", account_id="a&b=c d/é", next_token="+/=", max_results=7
    )
    assert query_of(transport) == {"account_id": "a&b=c d/é", "next_token": "+/=", "max_result": "7"}
    assert " " not in transport.requests[0].url


def test_nothing_to_say_is_no_query(either: Either) -> None:
    transport = either.transport(answer(members={"accountList": None, "nextToken": None}))
    assert either.call(transport, "list_accounts", access_token="t").account_list is None
    assert transport.requests[0].url == f"{ENDPOINT}/assignment/accounts"


def test_logout_is_posted(either: Either) -> None:
    transport = either.transport(answer(members={}))
    either.call(transport, "logout", access_token=TOKEN)
    (request,) = transport.requests
    assert (request.method, request.url) == ("POST", f"{ENDPOINT}/logout")
    assert request.headers["x-amz-sso_bearer_token"] == TOKEN
    assert TOKEN.encode() not in request.body


@pytest.mark.parametrize("shape", REFUSALS)
def test_the_error_is_the_class_that_the_server_raises(either: Either, shape: str) -> None:
    status, kind = REFUSALS[shape]
    said = answer(status, {"message": "said by the portal"}, x_amzn_errortype=shape, x_amzn_requestid="r-1")
    with pytest.raises(kind) as refusal:
        either.call(either.transport(said), "get_role_credentials", access_token="t", **ROLE)
    assert (refusal.value.message, refusal.value.request_id, refusal.value.status) == (
        "said by the portal",
        "r-1",
        status,
    )


def test_the_name_may_be_in_the_body_alone(either: Either) -> None:
    said = answer(403, {"message": "No access", "__type": "com.amazonaws.switchboard.portal#ForbiddenException"})
    with pytest.raises(ForbiddenException):
        either.call(either.transport(said), "get_role_credentials", access_token="t", **ROLE)


def test_an_error_that_nobody_knows_is_a_service_error(either: Either) -> None:
    with pytest.raises(ServiceError) as refusal:
        either.call(
            either.transport(answer(418, {"message": "tea"}, x_amzn_errortype="TeapotException")),
            "list_accounts",
            access_token="t",
        )
    assert (refusal.value.code, refusal.value.status) == ("TeapotException", 418)


def test_what_is_missing_is_said_before_anything_is_sent(either: Either) -> None:
    transport = either.transport(answer())
    with pytest.raises(ParamValidationError, match=r"role_name.*account_id.*access_token"):
        either.call(transport, "get_role_credentials")
    assert transport.requests == []


def test_no_error_and_no_text_repeats_the_token(either: Either) -> None:
    said = answer(401, {"message": f"what is {TOKEN}?"}, x_amzn_errortype="UnauthorizedException")
    with pytest.raises(UnauthorizedException) as refusal:
        either.call(either.transport(said), "list_accounts", access_token=TOKEN)
    assert TOKEN not in str(refusal.value) + repr(refusal.value)


def test_all_accounts_come_page_by_page(either: Either) -> None:
    pages = [
        answer(members={"accountList": [{"accountId": "1"}, {"accountId": "2"}], "nextToken": "next"}),
        answer(members={"accountList": [], "nextToken": "last"}),
        answer(members={"accountList": [{"accountId": "3"}]}),
    ]
    transport = either.transport(*pages)
    found = either.call(transport, "list_all_accounts", access_token="t", max_results=2)
    assert [each.account_id for each in found] == ["1", "2", "3"]
    queries = [dict(parse_qsl(urlsplit(request.url).query)) for request in transport.requests]
    assert queries == [
        {"max_result": "2"},
        {"max_result": "2", "next_token": "next"},
        {"max_result": "2", "next_token": "last"},
    ]


def test_all_roles_come_page_by_page(either: Either) -> None:
    transport = either.transport(
        answer(members={"roleList": [{"roleName": "Admin"}], "nextToken": "next"}),
        answer(members={"roleList": [{"roleName": "Reader"}], "nextToken": ""}),
    )
    found = either.call(transport, "list_all_account_roles", access_token="t", account_id="1")
    assert [each.role_name for each in found] == ["Admin", "Reader"]
    assert query_of(transport) == {"account_id": "1", "next_token": "next"}


@pytest.mark.parametrize(
    "environment, endpoint",
    [
        ({}, "https://portal.sso.eu-west-1.amazonaws.com"),
        ({"AWS_ENDPOINT_URL_SSO": "http://127.0.0.1:1"}, "http://127.0.0.1:1"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:2"}, "http://127.0.0.1:2"),
        ({"AWS_ENDPOINT_URL_SSO_OIDC": "http://127.0.0.1:3"}, "https://portal.sso.eu-west-1.amazonaws.com"),
    ],
)
def test_it_is_where_the_sdks_look_for_it(environment: dict[str, str], endpoint: str) -> None:
    with SSOPortal(region="eu-west-1", environment={**QUIET, **environment}) as client:
        assert client.base_url == endpoint


@pytest.mark.parametrize(
    "size, checks, said",
    [
        (0, True, "must be at least 1"),
        ("7", True, "must be a whole number, not str"),
        (True, True, "must be a whole number, not bool"),
        (101, {"max": True}, "must be at most 100"),
    ],
)
def test_a_page_has_a_size(either: Either, size: object, checks: object, said: str) -> None:
    transport = either.transport(answer(members={}))
    with pytest.raises(ParamValidationError, match=said):
        either.call(transport, "list_accounts", access_token="t", max_results=size, checks=checks)
    assert transport.requests == []
