"""A repr ends up in logs: no record, command, request or response shows a secret in it (statement 140)."""

import inspect

import msgspec
import pytest

from postern.api import oauth, portal, sso_oidc
from postern.api.operation import Shape
from postern.core import access_tokens, audit, contexts, id_tokens, keys, records, sign_in, store
from postern.core.directory import records as directory_records
from postern.core.directory.records import ApplicationGrants
from postern.core.iam import access_keys, signed_request
from postern.core.role_credentials import port
from postern.core.store import RedeemAuthorizationCode
from tests.core.world import VERIFIER, World, present

SECRET_MEMBERS = {
    "access_token",
    "refresh_token",
    "id_token",
    "client_secret",
    "device_code",
    "user_code",
    "verification_uri_complete",
    "code",
    "code_verifier",
    "assertion",
    "subject_token",
    "identity_context",
    "password",
    "password_hash",
    "secret",
    "token",
    "session_token",
    "secret_access_key",
    "sealed_secret",
    "web_identity_token",
    "text",
}
STRUCTS = [
    kind
    for module in (
        *(sso_oidc, portal, oauth, records, directory_records, store, audit, keys, sign_in, access_tokens),
        *(id_tokens, contexts, access_keys, signed_request, port),
    )
    for kind in vars(module).values()
    if inspect.isclass(kind)
    and issubclass(kind, msgspec.Struct)
    and kind.__module__ == module.__name__
    and kind is not ApplicationGrants  # its members are named after grants, and hold their options
]


def filled(kind: type[msgspec.Struct]) -> msgspec.Struct:
    """One with ``canary`` in every member that is a secret."""
    members = {name: "canary" if name in SECRET_MEMBERS else None for name in kind.__struct_fields__}
    return kind(**members)


@pytest.mark.parametrize("kind", STRUCTS, ids=lambda kind: str(kind.__name__))
def test_no_secret_shows(kind: type[msgspec.Struct]) -> None:
    assert "canary" not in repr(filled(kind))


@pytest.mark.parametrize(
    "shape", [kind for kind in STRUCTS if issubclass(kind, Shape)], ids=lambda kind: str(kind.__name__)
)
def test_a_shape_shows_which_members_are_there(shape: type[Shape]) -> None:
    whole = shape(**dict.fromkeys(shape.__struct_fields__, "canary"))
    assert repr(whole) == f"{shape.__name__}({', '.join(shape.__struct_fields__)})"


def test_the_code_verifier_of_a_command_shows_neither_in_a_container() -> None:
    command = filled(RedeemAuthorizationCode)
    assert "canary" not in f"{[command]} { ({'command': command}) }"


async def test_no_record_of_a_whole_sign_in_holds_a_secret(world: World) -> None:
    """Statement 139: a dump of the store signs nobody in."""
    client = await world.register()
    started = await world.start(client)
    await world.decide(present(started.user_code))
    by_device = await world.poll(client, present(started.device_code))
    code = await world.code(client)
    by_code = await world.redeem(client, code)
    again = await world.refresh(client, present(by_code.refresh_token))
    tables = vars(getattr(world.store, "_rows"))["_tables"]  # noqa: B009
    dump = "\n".join(
        repr({name: getattr(record, name) for name in record.__struct_fields__})
        for table in tables.values()
        for record in table.values()
    )
    issued = [started.device_code, started.user_code, code, VERIFIER, client.client_id, client.client_secret]
    for response in (by_device, by_code, again):
        issued += [response.access_token, response.refresh_token]
    assert not [secret for secret in issued if present(secret) in dump]
    assert world.person.user_id in dump


async def test_no_audit_event_of_a_whole_sign_in_holds_a_secret(world: World) -> None:
    client = await world.register()
    started = await world.start(client)
    await world.decide(present(started.user_code))
    response = await world.poll(client, present(started.device_code))
    log = msgspec.json.encode(world.events).decode()
    for secret in (
        started.device_code,
        started.user_code,
        response.access_token,
        client.client_secret,
        client.client_id,
    ):
        assert present(secret) not in log
