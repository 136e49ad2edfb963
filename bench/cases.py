"""The server's operations under load: what is sent, by how many connections, and what ratio they should reach."""

import msgspec

from bench.portal import ACCOUNTS_PAGE, ROLE_CREDENTIALS
from bench.signed_requests import FORM, JSON


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One operation under load, and the ratio to the bare application that it should reach.

    Where a request is good once, ``rate`` is the requests a second for which there shall be enough of them.
    Where there is a ``crypto_target`` the operation is held against its cryptography alone too. The portal's operations
    are asked with a bearer token, in a directory of so many ``assignments``.
    """

    name: str
    path: str
    bodies: str = ""
    status: int = 200
    connections: int
    target: float | None = None
    durable: bool = False
    tokens: str | None = None
    signed: bool = False
    content_type: str = JSON
    rate: int | None = None
    crypto_target: float | None = None
    assignments: int = 0


_WITH_IAM = "/token?aws_iam=t"

CASES = (
    Case(name="pending poll", path="/token", bodies="poll", status=400, connections=32, target=0.65),
    Case(name="register", path="/client/register", bodies="register", connections=32, target=0.55),
    Case(
        name="device start",
        path="/device_authorization",
        bodies="device_start",
        connections=128,
        target=0.28,
        durable=True,
    ),
    Case(
        name="refresh",
        path="/token",
        bodies="refresh",
        connections=128,
        target=0.30,
        durable=True,
        tokens="refresh_tokens",
    ),
    Case(name="IAM code", path=_WITH_IAM, bodies="code", connections=128, durable=True, signed=True, rate=5000),
    Case(name="IAM refresh", path=_WITH_IAM, bodies="refresh", connections=128, durable=True, signed=True, rate=12000),
    Case(
        name="IAM JWT bearer",
        path=_WITH_IAM,
        bodies="jwt_bearer",
        connections=128,
        durable=True,
        signed=True,
        rate=4000,
        crypto_target=0.6,
    ),
    Case(
        name="IAM token exchange",
        path=_WITH_IAM,
        bodies="token_exchange",
        connections=128,
        durable=True,
        signed=True,
    ),
    Case(
        name="IAM introspection",
        path="/introspect",
        bodies="introspection",
        connections=32,
        signed=True,
        content_type=FORM,
    ),
    Case(name="GetRoleCredentials", path=ROLE_CREDENTIALS, connections=32, assignments=100_000),
    Case(name="ListAccounts", path=ACCOUNTS_PAGE, connections=32, assignments=100_000),
)

# What stands together on the page: the names of cases, by the section's own.
SECTIONS = {
    "server": ("pending poll", "register", "device start", "refresh"),
    "iam": tuple(case.name for case in CASES if case.signed),
    "portal": tuple(case.name for case in CASES if case.assignments),
}
