"""Access keys and temporary credentials: their form, what is kept of them, and what a session token says."""

import re

import msgspec
import pytest

from postern.core.iam.access_keys import (
    InvalidAccessKey,
    issue_role_credentials,
    issue_temporary_credentials,
    new_access_key,
    open_session_token,
    secret_of,
    session_arn,
)
from postern.core.keys import MasterKey, MasterKeyError
from tests.core.iam.signing import PRINCIPAL_ARN, ROLE_ARN, Desk
from tests.core.world import MASTER, World, present

DOCUMENTED_ID = "AKIAIOSFODNN7EXAMPLE"
DOCUMENTED_SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


def test_a_new_key_has_the_form_of_iams() -> None:
    record, secret = new_access_key(MASTER, principal_arn=PRINCIPAL_ARN, now=5, description="nightly")
    assert re.fullmatch(r"AKIA[A-Z2-7]{16}", record.access_key_id)
    assert re.fullmatch(r"[A-Za-z0-9+/]{40}", secret)
    assert (record.principal_arn, record.created_at, record.description) == (PRINCIPAL_ARN, 5, "nightly")


def test_two_new_keys_have_nothing_in_common() -> None:
    (one, secret), (other, other_secret) = (
        new_access_key(MASTER, principal_arn=PRINCIPAL_ARN, now=5) for _ in range(2)
    )
    assert one.access_key_id != other.access_key_id
    assert secret != other_secret


def test_the_secret_lies_sealed_and_opens_again() -> None:
    record, secret = new_access_key(MASTER, principal_arn=PRINCIPAL_ARN, now=5)
    assert secret.encode() not in record.sealed_secret
    assert secret_of(MASTER, record) == secret


def test_the_secret_opens_neither_under_another_master_key_nor_for_another_id() -> None:
    record, _ = new_access_key(MASTER, principal_arn=PRINCIPAL_ARN, now=5)
    with pytest.raises(MasterKeyError):
        secret_of(MasterKey(bytes([1] * 32)), record)
    with pytest.raises(MasterKeyError):
        secret_of(MASTER, msgspec.structs.replace(record, access_key_id=DOCUMENTED_ID))


def test_a_given_key_is_kept() -> None:
    record, secret = new_access_key(
        MASTER,
        principal_arn=PRINCIPAL_ARN,
        access_key_id=DOCUMENTED_ID,
        secret_access_key=DOCUMENTED_SECRET,
        now=5,
    )
    assert (record.access_key_id, secret) == (DOCUMENTED_ID, DOCUMENTED_SECRET)
    assert secret_of(MASTER, record) == DOCUMENTED_SECRET


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::111122223333:user/mira",
        "arn:aws:iam::111122223333:role/service-role/nightly+1",
        "arn:aws-us-gov:iam::111122223333:user/mira",
    ],
)
def test_principals(arn: str) -> None:
    assert new_access_key(MASTER, principal_arn=arn, now=5)[0].principal_arn == arn


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "*",
        "mira",
        "arn:aws:iam::111122223333:user/",
        "arn:aws:iam::111122223333:user/*",
        "arn:aws:iam::111122223333:user//mira",
        "arn:aws:iam::111122223333:user/mira\n",
        "arn:aws:iam::11112222333:user/mira",
        "arn:aws:iam::11112222333\u0663:user/mira",
        "arn:aws:iam:us-east-1:111122223333:user/mira",
        "arn:aws:iam::111122223333:group/all",
        "arn:aws:iam::111122223333:root/mira",
        "arn:aws:sts::111122223333:assumed-role/nightly/mira",
        "arn:example:iam::111122223333:user/mira",
        f"arn:aws:iam::111122223333:user/{'a' * 65}",
    ],
)
def test_a_principal_that_is_none_is_refused(arn: str) -> None:
    with pytest.raises(InvalidAccessKey, match="the principal is not"):
        new_access_key(MASTER, principal_arn=arn, now=5)


@pytest.mark.parametrize(
    "access_key_id", ["", "AKIA", "AKIDEXAMPLE", "akiaiosfodnn7example", "ASIAIOSFODNN7EXAMPLE", DOCUMENTED_ID + "\n"]
)
def test_a_given_id_that_is_none_is_refused(access_key_id: str) -> None:
    with pytest.raises(InvalidAccessKey, match="the access key id is not"):
        new_access_key(MASTER, principal_arn=PRINCIPAL_ARN, access_key_id=access_key_id, now=5)


@pytest.mark.parametrize("secret", ["", DOCUMENTED_SECRET[:-1], DOCUMENTED_SECRET + "=", DOCUMENTED_SECRET[:-1] + "-"])
def test_a_given_secret_that_is_none_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(InvalidAccessKey, match="the secret access key is not") as raised:
        new_access_key(MASTER, principal_arn=PRINCIPAL_ARN, secret_access_key=secret, now=5)
    assert not secret or secret not in str(raised.value)


@pytest.mark.parametrize("description", ["", "d" * 128, "nächtlich"])
def test_descriptions(description: str) -> None:
    assert new_access_key(MASTER, principal_arn=PRINCIPAL_ARN, description=description, now=5)[0].description == (
        description
    )


@pytest.mark.parametrize("description", ["d" * 129, "two\nlines", "\x1b[2J", "\ud800"])
def test_a_description_that_is_none_is_refused(description: str) -> None:
    with pytest.raises(InvalidAccessKey, match="description has up to 128"):
        new_access_key(MASTER, principal_arn=PRINCIPAL_ARN, description=description, now=5)


# Temporary credentials


def test_ids_have_every_digit_of_base32_and_no_other(desk: Desk) -> None:
    ring = desk.world.service.ring
    made = [issue_temporary_credentials(ring, access_key=desk.record, duration=900, now=1000) for _ in range(100)]
    assert set("".join(each.access_key_id.removeprefix("ASIA") for each in made)) == set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    )


def test_temporary_credentials_have_the_form_of_stss(desk: Desk) -> None:
    made = issue_temporary_credentials(desk.world.service.ring, access_key=desk.record, duration=900, now=1000)
    assert re.fullmatch(r"ASIA[A-Z2-7]{16}", made.access_key_id)
    assert re.fullmatch(r"[A-Za-z0-9+/]{40}", made.secret_access_key)
    assert made.expires_at == 1900
    assert made.secret_access_key not in made.session_token


def test_a_session_token_says_whose_the_credentials_are(desk: Desk) -> None:
    made = issue_temporary_credentials(desk.world.service.ring, access_key=desk.record, duration=900, now=1000)
    session = present(open_session_token(desk.world.service.ring, made.session_token))
    assert (session.access_key_id, session.secret_access_key) == (made.access_key_id, made.secret_access_key)
    assert (session.principal_arn, session.role_arn) == (PRINCIPAL_ARN, None)
    assert session.source_access_key_id == desk.record.access_key_id
    assert session.expires_at == 1900


def test_a_roles_session_is_named_as_sts_names_it(desk: Desk) -> None:
    made = issue_temporary_credentials(
        desk.world.service.ring,
        access_key=desk.record,
        duration=900,
        role_arn=ROLE_ARN,
        session_name="mira@example.com",
        now=1000,
    )
    principal = present(open_session_token(desk.world.service.ring, made.session_token)).principal
    assert principal.arn == "arn:aws:sts::111122223333:assumed-role/nightly/mira@example.com"
    assert (principal.role_arn, principal.account_id) == (ROLE_ARN, "111122223333")


def test_a_roles_session_without_a_name_is_named_after_the_access_key(desk: Desk) -> None:
    made = issue_temporary_credentials(
        desk.world.service.ring, access_key=desk.record, duration=900, role_arn=ROLE_ARN, now=1000
    )
    principal = present(open_session_token(desk.world.service.ring, made.session_token)).principal
    assert principal.arn.endswith(f":assumed-role/nightly/{desk.record.access_key_id}")


@pytest.mark.parametrize("duration", [-1, 0, 899, 36 * 3600 + 1])
def test_temporary_credentials_last_from_15_minutes_to_36_hours(desk: Desk, duration: int) -> None:
    with pytest.raises(InvalidAccessKey, match="the duration is not 900 to 129600 seconds"):
        issue_temporary_credentials(desk.world.service.ring, access_key=desk.record, duration=duration, now=1000)


@pytest.mark.parametrize(
    "role_arn, session_name, complaint",
    [
        (PRINCIPAL_ARN, "mira", "the role is not"),
        ("arn:aws:iam::111122223333:role/", "mira", "the role is not"),
        (ROLE_ARN, "m", "the session name is not"),
        (ROLE_ARN, "m" * 65, "the session name is not"),
        (ROLE_ARN, "mira/root", "the session name is not"),
        (ROLE_ARN, "mira\n", "the session name is not"),
    ],
)
def test_a_session_that_there_cannot_be_is_refused(role_arn: str, session_name: str, complaint: str) -> None:
    with pytest.raises(InvalidAccessKey, match=complaint):
        session_arn(role_arn, session_name)


def test_a_session_name_without_a_role_is_refused(desk: Desk) -> None:
    with pytest.raises(InvalidAccessKey, match="for the session of a role"):
        issue_temporary_credentials(
            desk.world.service.ring, access_key=desk.record, duration=900, session_name="mira", now=1000
        )


def test_statement_18_an_altered_session_token_does_not_open(desk: Desk) -> None:
    ring, token = desk.world.service.ring, present(desk.temporary().session_token)
    assert open_session_token(ring, token) is not None
    altered = [token[:length] for length in range(len(token))]
    altered += [f"{token[:at]}{'A' if token[at] != 'A' else 'B'}{token[at + 1 :]}" for at in range(len(token))]
    altered += [token + suffix for suffix in ("=", "A", "AAAA", "\n", " ", "é")]
    altered += [f" {token}", token.replace("-", "+").replace("_", "/") + "=", "A" * 5000]
    assert not [text for text in altered if open_session_token(ring, text) is not None]


async def test_a_session_token_opens_after_the_ring_has_rotated(desk: Desk) -> None:
    token = present(desk.temporary().session_token)
    await desk.world.rotate_keys()
    assert open_session_token(desk.world.service.ring, token) is not None


async def test_a_session_token_of_another_server_does_not_open(world: World, desk: Desk) -> None:
    token = present(desk.temporary().session_token)
    (own,) = world.service.ring.keys.values()
    await world.rotate_keys()
    others = {key_id: key for key_id, key in world.service.ring.keys.items() if key_id != own.key_id}
    stolen = msgspec.structs.replace(world.service.ring, keys={own.key_id: next(iter(others.values()))})
    assert open_session_token(msgspec.structs.replace(world.service.ring, keys=others), token) is None
    assert open_session_token(stolen, token) is None


def test_no_secret_shows_in_a_repr(desk: Desk) -> None:
    made = issue_role_credentials(
        desk.world.service.ring, role_arn=ROLE_ARN, session_name="mira", duration=900, now=1000
    )
    session = present(open_session_token(desk.world.service.ring, made.session_token))
    shown = repr([made, session, desk.record])
    for secret in (made.secret_access_key, made.session_token, desk.credentials.secret_access_key):
        assert secret not in shown
    assert made.access_key_id in shown
