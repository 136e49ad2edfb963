"""Who somebody is, in IAM's form."""

import re

import pytest

from postern.api.sts import CallerIdentity
from postern.core.audit import AuditEvent, EventName
from postern.core.caller import Principal
from postern.core.get_caller_identity import get_caller_identity
from tests.core.world import LAPTOP, World

ACCOUNT = "111122223333"
IAM = f"arn:aws:iam::{ACCOUNT}"
KEY = "AKIAAAAAAAAAAAAAAAAA"


def identity_of(world: World, arn: str, role_arn: str | None = None) -> CallerIdentity:
    return get_caller_identity(world.service, Principal(arn=arn, access_key_id=KEY, role_arn=role_arn), LAPTOP)


def session_of(world: World, role: str, name: str) -> CallerIdentity:
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.rpartition('/')[2]}/{name}"
    return identity_of(world, arn, f"{IAM}:role/{role}")


@pytest.mark.parametrize(
    "arn, role_arn, user_id",
    [
        (f"{IAM}:user/reports", None, r"AIDA[A-Z2-7]{17}"),
        (f"{IAM}:user/team/a/reports", None, r"AIDA[A-Z2-7]{17}"),
        (f"{IAM}:role/nightly", None, r"AROA[A-Z2-7]{17}"),
        (f"{IAM}:root", None, ACCOUNT),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/nightly/mira", f"{IAM}:role/nightly", r"AROA[A-Z2-7]{17}:mira"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/nightly/a@b.c", f"{IAM}:role/x/nightly", r"AROA[A-Z2-7]{17}:a@b\.c"),
        (f"arn:aws-cn:sts::{ACCOUNT}:assumed-role/n/mira", f"arn:aws-cn:iam::{ACCOUNT}:role/n", r"AROA.{17}:mira"),
    ],
)
def test_arn_account_and_unique_id(world: World, arn: str, role_arn: str | None, user_id: str) -> None:
    identity = identity_of(world, arn, role_arn)
    assert (identity.arn, identity.account) == (arn, ACCOUNT)
    assert re.fullmatch(user_id, identity.user_id)


def test_a_principal_always_has_the_same_id(world: World) -> None:
    """It is written into bucket policies: it may not change from one version to the next."""
    ids = {identity_of(world, f"{IAM}:user/reports").user_id for _ in range(2)}
    assert ids == {"AIDA6OK5XH725P2HI545O"}


def test_principals_have_ids_of_their_own(world: World) -> None:
    arns = [
        f"{IAM}:user/reports",
        f"{IAM}:user/x/reports",
        f"{IAM}:role/reports",
        f"arn:aws:iam::{'4' * 12}:user/reports",
    ]
    assert len({identity_of(world, arn).user_id[4:] for arn in arns}) == len(arns)


def test_sessions_of_a_role_share_its_id(world: World) -> None:
    mira, theo = (session_of(world, "service/nightly", name).user_id for name in ("mira", "theo"))
    assert mira.partition(":")[0] == theo.partition(":")[0] == identity_of(world, f"{IAM}:role/service/nightly").user_id
    assert session_of(world, "other/nightly", "mira").user_id != mira


def test_it_is_an_event(world: World) -> None:
    identity_of(world, f"{IAM}:user/reports")
    assert world.events == [
        AuditEvent(
            event_name=EventName.GET_CALLER_IDENTITY,
            event_time=world.now,
            source_address=LAPTOP.address,
            principal_arn=f"{IAM}:user/reports",
            access_key_id=KEY,
        )
    ]
