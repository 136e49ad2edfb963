"""What an instance may be."""

import pytest

from postern.core.directory import instances
from postern.core.directory.errors import InvalidDirectoryRecord
from postern.core.store import ConfigurationChange, NotFound
from tests.core.world import World

NOW = 1_790_000_000
ALIAS = "https://our.example/start"


def test_ids_are_given_or_new() -> None:
    first, second = (instances.new_instance(name="lab", now=NOW) for _ in range(2))
    assert first.instance_id != second.instance_id
    assert first.identity_store_id != second.identity_store_id
    given = instances.new_instance(
        name="lab",
        instance_id="ssoins-0123456789abcdef",
        identity_store_id="d-0123456789",
        owner_account_id="111122223333",
        start_url_aliases=(ALIAS,),
        now=NOW,
    )
    assert given.arn == "arn:aws:sso:::instance/ssoins-0123456789abcdef"
    assert not given.is_primary


@pytest.mark.parametrize(
    "members",
    [
        {"name": ""},
        {"name": "Lab"},
        {"name": "-lab"},
        {"name": "lab-"},
        {"name": "a" * 64},
        {"name": "lab\n"},
        {"name": "primary"},
        {"instance_id": "ins-0123456789abcdef"},
        {"instance_id": "ssoins-" + "a" * 33},
        {"instance_id": "ssoins-a/b"},
        {"identity_store_id": "d-012345678"},
        {"identity_store_id": "d-012345678G"},
        {"owner_account_id": "1111"},
        {"start_url_aliases": ("ftp://our.example/start",)},
        {"start_url_aliases": ("https://mira@our.example/start",)},
        {"start_url_aliases": ("https://our.example/\u00e9",)},
        {"start_url_aliases": ("https://our.example/" + "a" * 2048,)},
        {"start_url_aliases": tuple(f"https://our.example/{each}" for each in range(21))},
    ],
    ids=lambda members: str(members)[:60],
)
def test_an_instance_may_not_be_so(members: dict[str, object]) -> None:
    values: dict[str, object] = {"name": "lab", "now": NOW} | members
    with pytest.raises(InvalidDirectoryRecord):
        instances.new_instance(**values)  # type: ignore[arg-type]


def test_an_alias_is_of_one_instance() -> None:
    lab = instances.new_instance(name="lab", start_url_aliases=(ALIAS,), now=NOW)
    other = instances.new_instance(name="other", start_url_aliases=("https://OUR.example/start/?x",), now=NOW)
    instances.require_own_aliases(lab, [lab])
    with pytest.raises(InvalidDirectoryRecord, match="instance 'other'"):
        instances.require_own_aliases(lab, [lab, other])
    sly = instances.new_instance(
        name="sly", start_url_aliases=(f"https://{lab.identity_store_id}.awsapps.com/start",), now=NOW
    )
    with pytest.raises(InvalidDirectoryRecord, match="instance 'lab'"):
        instances.require_own_aliases(sly, [lab, sly])


async def test_an_instance_is_found_by_name_and_by_id(world: World) -> None:
    lab = instances.new_instance(name="lab", now=NOW)
    await world.store.change_configuration(ConfigurationChange(create=(lab,)))
    for text in ("lab", lab.instance_id):
        assert await instances.find_by_name_or_id(world.store, text) == lab
    with pytest.raises(NotFound):
        await instances.find_by_name_or_id(world.store, "Lab")
