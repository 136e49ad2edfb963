"""The kinds of requests that the fuzz sends, each a function from a random generator and the world to bytes."""

import json
import random
from collections.abc import Callable, Mapping
from typing import NamedTuple

from postern.testing.hostile import mutations
from postern.testing.hostile.fuzz_world import World, authorize_query
from postern.testing.hostile.lanes import request

_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_CONTENT_TYPES = (
    _JSON,
    _JSON,
    _JSON,
    "",
    "text/plain",
    "application/json; charset=utf-16",
    "x" * 500,
    _FORM,
    "a/b/c;;=",
)
_PORTAL: tuple[tuple[str, dict[str, str]], ...] = (
    ("/assignment/accounts", {"max_result": "10", "next_token": "x"}),
    ("/assignment/roles", {"account_id": "111122223333", "max_result": "10"}),
    ("/federation/credentials", {"role_name": "ReadOnly", "account_id": "111122223333"}),
    (
        "/federation/console",
        {"role_name": "ReadOnly", "account_id": "111122223333", "destination": "https://a.example/"},
    ),
)
_PAGES = (
    *("/", "/start", "/start/", "/start/role", "/start/console", "/start/password", "/start/password/changed"),
    *("/start/sign-ins", "/sign-in", "/signed-out", "/device", "/device/done", "/authorize", "/favicon.ico"),
    *("/start/ssoins-0000000000000000", "/device/ssoins-0000000000000000", "/.well-known/change-password"),
    *("/static/postern.css", "/static/none", "/.well-known/openid-configuration", "/.well-known/jwks.json", "/nothing"),
)
_POSTS = (
    *("/device", "/device/decision", "/authorize", "/start/password", "/start/role", "/start/console", "/sign-in"),
    *("/start/sign-ins/end", "/device/ssoins-0000000000000000", "/sign-out"),
)
_SIGNED_HEADERS = (
    "Authorization",
    "X-Amz-Date",
    "X-Amz-Security-Token",
    "X-Amz-Content-Sha256",
    "Host",
    "Content-Type",
)


class Case(NamedTuple):
    """``is_framed`` if it is one request from the first byte to the last, so that there must be an answer."""

    kind: str
    data: bytes
    is_framed: bool = True


Make = Callable[[random.Random, World], bytes]


def operation(chance: random.Random, world: World) -> bytes:
    """SSO OIDC, unsigned: bodies."""
    path, members = chance.choice(world.operations)
    return request("POST", path, _headers(chance, _JSON), mutations.json_body(chance, members))


def with_iam(chance: random.Random, world: World) -> bytes:
    """CreateTokenWithIAM with a good signature: bodies, and assertions."""
    members = dict(chance.choice(world.iam))
    if "assertion" in members:
        members["assertion"] = mutations.token(chance, chance.choice(world.assertions))
    body = (
        mutations.json_body(chance, members)
        if chance.random() < 0.6
        else json.dumps(members).encode("utf-8", "replace")
    )
    path = "/token?aws_iam=t"
    return request("POST", path, world.signed("POST", path, {"Content-Type": _JSON}, body, "sso-oauth"), body)


def signature(chance: random.Random, world: World) -> bytes:
    """Signatures: of CreateTokenWithIAM, of introspection and of STS, each header in turn."""
    path, service, body, kind = chance.choice(
        (
            ("/token?aws_iam=t", "sso-oauth", b"{}", _JSON),
            ("/introspect", "sso-oauth", b"token=x&client_id=y", _FORM),
            ("/", "sts", b"Action=GetCallerIdentity&Version=2011-06-15", _FORM),
        )
    )
    headers = world.signed("POST", path, {"Content-Type": kind}, body, service)
    name = chance.choice(_SIGNED_HEADERS)
    headers[name] = mutations.header_value(chance, headers.get(name, "x"))
    return request("POST", path, headers, body)


def form_operation(chance: random.Random, world: World) -> bytes:
    """Introspection, revocation and STS with a good signature: forms."""
    path = chance.choice(("/introspect", "/revoke", "/"))
    good = {"token": world.bearer[:-4], "client_id": world.application, "token_type_hint": "access_token"}
    if path == "/":
        good = {"Action": "GetCallerIdentity", "Version": "2011-06-15"}
    body = mutations.pairs(chance, good).encode("latin-1", "replace")
    service = "sts" if path == "/" else "sso-oauth"
    return request("POST", path, world.signed("POST", path, {"Content-Type": _FORM}, body, service), body)


def presigned(chance: random.Random, world: World) -> bytes:
    """STS by GET, with the signature in the query or none."""
    good = {
        "Action": "GetCallerIdentity",
        "Version": "2011-06-15",
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{world.access_key_id}/20260101/us-east-1/sts/aws4_request",
        "X-Amz-Date": "20260101T000000Z",
        "X-Amz-Expires": "900",
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Signature": "0" * 64,
    }
    return request("GET", "/?" + _target(mutations.pairs(chance, good)))


def portal(chance: random.Random, world: World) -> bytes:
    """The portal: queries, and bearer tokens. Nobody is logged out by the good one."""
    path, good = chance.choice(_PORTAL)
    bearer = world.bearer if chance.random() < 0.7 else mutations.header_value(chance, world.bearer)
    if chance.random() < 0.1:
        return request("POST", "/logout", {"x-amz-sso_bearer_token": mutations.header_value(chance, "aoa" + "x" * 90)})
    return request("GET", f"{path}?{_target(mutations.pairs(chance, good))}", {"x-amz-sso_bearer_token": bearer})


def page(chance: random.Random, world: World) -> bytes:
    """Pages: paths, queries and cookies."""
    path = chance.choice(_PAGES)
    if chance.random() < 0.2:
        path = "/" + _target(mutations.text(chance, path[1:]))
    good = (
        authorize_query(world)
        if path == "/authorize"
        else {"next": "/start", "user_code": world.user_code, "outcome": "x"}
    )
    query = _target(mutations.pairs(chance, good))
    return request("GET", f"{path}?{query}" if query else path, _cookies(chance, world))


def form(chance: random.Random, world: World) -> bytes:
    """Forms of pages, with the person's session and its token or without. No code is approved: there is no decision."""
    path = chance.choice(_POSTS)
    good = {"user_code": world.user_code, "csrf": world.csrf, "username": "nobody", "password": "wrong password"}
    good |= {"account_id": "111122223333", "role_name": "ReadOnly", "current": "x", "new": "y" * 10, "family": "1"}
    if path == "/authorize":
        path += "?" + _target(mutations.pairs(chance, authorize_query(world)))
    # The session is still needed, and a password takes 20 ms of a processor.
    if path in ("/sign-in", "/sign-out") or (path == "/start/password" and chance.random() < _WITHOUT_HASH):
        good["csrf"] = "x"
    headers = {"Content-Type": _FORM, "Origin": world.nodes.url} | _cookies(chance, world)
    if chance.random() < 0.1:
        headers["Origin"] = mutations.header_value(chance, world.nodes.url)
    if chance.random() < 0.1:
        headers["Content-Type"] = chance.choice(_CONTENT_TYPES)
    return request("POST", path, headers, mutations.pairs(chance, good).encode("latin-1", "replace"))


KINDS: Mapping[str, tuple[int, Make]] = {
    "operation": (6, operation),
    "with IAM": (4, with_iam),
    "signature": (2, signature),
    "form operation": (2, form_operation),
    "presigned": (1, presigned),
    "portal": (3, portal),
    "page": (3, page),
    "form": (3, form),
}
_RAW_SHARE = 0.15
_WITHOUT_HASH = 0.9
_CHOICES = [kind for kind, (weight, _) in KINDS.items() for _ in range(weight)]


def case(seed: int, number: int, world: World) -> Case:
    """The one of that number: always the same in the same world."""
    chance = random.Random(f"{seed} {number}")  # noqa: S311
    kind = chance.choice(_CHOICES)
    data = KINDS[kind][1](chance, world)
    if chance.random() < _RAW_SHARE:
        return Case(f"raw {kind}", mutations.octets(chance, data), is_framed=False)
    return Case(kind, data)


def _headers(chance: random.Random, content_type: str) -> dict[str, str]:
    headers = {"Content-Type": content_type, "User-Agent": "aws-cli/2.36.7"}
    if chance.random() < 0.1:
        headers["Content-Type"] = chance.choice(_CONTENT_TYPES)
    if chance.random() < 0.1:
        headers[f"X-{chance.randrange(10)}"] = mutations.header_value(chance, "x" * 50)
    return headers


def _cookies(chance: random.Random, world: World) -> dict[str, str]:
    if chance.random() < 0.2:
        return {"Cookie": mutations.header_value(chance, world.cookie)}
    return {"Cookie": world.cookie} if chance.random() < 0.8 else {}


def _target(part: str) -> str:
    """Of what may stand in a request line: spaces and control characters would end it. Raw cases have those."""
    return "".join(character for character in part if "!" <= character <= "~")
