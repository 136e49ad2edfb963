"""Templates of credential sources: what is put in, and what is fitted to the place where it goes."""

from typing import Any

import pytest

from postern.core.directory.records import AssignedRole
from postern.core.role_credentials import templates
from postern.core.role_credentials.port import SourceFaulty
from postern.core.role_credentials.templates import PLACEHOLDERS, UnknownPlaceholder, require_known
from postern.testing import samples

USER = samples.user(
    "mira", user_id="0c9bd3f2-0000-4000-8000-000000000000", email="mira@example.org", display_name="Mira O'Example"
)
GROUPS = [samples.group("analysts"), samples.group("site builders")]
ROLE = AssignedRole(account=samples.account("111122223333"), permission_set=samples.permission_set("Admin"))
ARN = "arn:aws:iam::{account_id}:role/{role_name}"


@pytest.mark.parametrize(
    "template, text",
    [
        ("{account_id}", "111122223333"),
        ("{role_name}", "Admin"),
        ("{user_name}", "Mira"),
        ("{user_id}", "0c9bd3f2-0000-4000-8000-000000000000"),
        ("{email}", "mira@example.org"),
        ("{display_name}", "Mira O'Example"),
        ("{groups}", "analysts:site builders"),
        ("no placeholder", "no placeholder"),
        ("{user_name}/{role_name}/{user_name}", "Mira/Admin/Mira"),
        ("", ""),
    ],
)
def test_each_placeholder_is_what_it_says(template: str, text: str) -> None:
    assert templates.render(template, USER, GROUPS, ROLE) == text


def test_all_placeholders_are_known_and_filled() -> None:
    for name in PLACEHOLDERS:
        require_known(f"{{{name}}}")
        assert templates.render(f"{{{name}}}", USER, GROUPS, ROLE)


@pytest.mark.parametrize(
    "template",
    [
        "{password_hash}",
        "{user.password_hash}",
        "{user_name!r}",
        "{user_name:>9999}",
        "{0}",
        "{}",
        "{ user_name }",
        "{USER_NAME}",
        "{user_name",
        "user_name}",
        "{{user_name}}",
        "}{",
    ],
)
def test_what_is_no_placeholder_is_refused(template: str) -> None:
    with pytest.raises(UnknownPlaceholder):
        require_known(template)


def test_what_stands_in_a_value_is_no_placeholder() -> None:
    sly = samples.user("sly", display_name="{email}{groups}", email="sly@example.org")
    assert templates.render("{display_name}", sly, GROUPS, ROLE) == "{email}{groups}"


# Session tags


def test_a_tag_has_the_characters_that_tags_have() -> None:
    user = samples.user("x", display_name="Zoë\nO'Neill <b>\u202e!", email="a+b@example.org")
    assert templates.tag_value("{display_name}", user, (), ROLE) == "Zoë_O_Neill _b___"
    assert templates.tag_value("{email}", user, (), ROLE) == "a+b@example.org"


def test_a_group_cannot_pretend_to_be_two() -> None:
    groups = [samples.group("guests:admins"), samples.group("readers")]
    assert templates.tag_value("{groups}", USER, groups, ROLE) == "guests_admins:readers"


def test_a_list_of_groups_is_cut_after_a_whole_name() -> None:
    groups = [samples.group(f"group-{number:03}-of-many") for number in range(400)]
    value = templates.tag_value("{groups}", USER, groups, ROLE)
    assert 200 < len(value) <= 256
    assert set(value.split(":")) <= {group.display_name for group in groups}


def test_a_single_group_that_is_too_long_is_left_out() -> None:
    assert templates.tag_value("of: {groups}", USER, [samples.group("x" * 300)], ROLE) == "of: "


def test_many_groups_that_do_not_fit_are_not_left_out_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rendered = 0
    render = templates._render

    def counting(*arguments: Any) -> str:
        nonlocal rendered
        rendered += 1
        return render(*arguments)

    monkeypatch.setattr(templates, "_render", counting)
    groups = [samples.group(f"{number}".zfill(100)) for number in range(1000)]
    assert templates.tag_value("{groups}", USER, groups, ROLE) == f"{0:0100}:{1:0100}"
    assert rendered <= 10


def test_another_text_is_cut() -> None:
    user = samples.user("x", display_name="y" * 300)
    assert templates.tag_value("{display_name}", user, GROUPS, ROLE) == "y" * 256


# ARNs and identities: no two people become one


def test_an_arn_is_filled() -> None:
    assert templates.role_arn(ARN, USER, GROUPS, ROLE) == "arn:aws:iam::111122223333:role/Admin"
    assert templates.role_arn("", USER, GROUPS, ROLE) == ""


@pytest.mark.parametrize("name", ["x/Admin", "x:role", "a b", "é", "x*", "x\n", "", "x?", "${aws:username}"])
def test_a_value_that_would_name_another_role_is_refused(name: str) -> None:
    user = samples.user("x", user_name=name)
    with pytest.raises(SourceFaulty, match="role's ARN"):
        templates.role_arn("arn:aws:iam::111122223333:role/{user_name}", user, GROUPS, ROLE)


@pytest.mark.parametrize(
    "name, identity",
    [
        ("mira@example.org", "mira@example.org"),
        ("ab", "ab"),
        ("a", None),
        ("a b", None),
        ("é" * 5, None),
        ("x" * 64, "x" * 64),
        ("x" * 65, None),
        ("aws:x", None),
        ("a\n", None),
    ],
)
def test_a_source_identity_that_cannot_be_one_is_the_persons_id(name: str, identity: str | None) -> None:
    user = samples.user("x", user_name=name, user_id=USER.user_id)
    assert templates.source_identity("{user_name}", user, (), ROLE) == (identity or USER.user_id)


def test_policies_of_groups_are_one_for_each() -> None:
    groups = [samples.group("readers"), samples.group("writers")]
    assert templates.policies("{groups}", USER, groups, ROLE) == ["readers", "writers"]
    assert templates.policies("team-{role_name}", USER, groups, ROLE) == ["team-Admin"]


@pytest.mark.parametrize("name", ["readers,consoleAdmin", "a b", "a:b", "", "é"])
def test_a_group_whose_name_could_be_read_as_two_policies_is_refused(name: str) -> None:
    with pytest.raises(SourceFaulty, match="policy"):
        templates.policies("{groups}", USER, [samples.group("x", display_name=name)], ROLE)
