"""Sibling regions: which entries of the setting are good, and that nobody is their own sibling."""

import pytest

from postern.core import regions
from postern.core.policy import InstancePolicy, Policy


def policy(*entries: str) -> Policy:
    return Policy(
        public_url="https://sso.example.org", instance=InstancePolicy(region="us-east-1", sibling_regions=entries)
    )


def test_a_sibling_is_found_by_the_tag_of_its_region() -> None:
    found = regions.siblings(policy("eu-west-1=https://sso.eu.example.org/", "ap-south-1=http://127.0.0.1:8765"))
    assert found == {
        regions.tag("eu-west-1"): ("eu-west-1", "https://sso.eu.example.org"),
        regions.tag("ap-south-1"): ("ap-south-1", "http://127.0.0.1:8765"),
    }


@pytest.mark.parametrize(
    "entries",
    [
        ("eu-west-1",),
        ("=https://a.example",),
        ("eu-west-1=",),
        ("eu-west-1=https://",),
        ("eu-west-1=ftp://a.example",),
        ("eu-west-1=https://a b",),
        ("eu-west-1=https://a.example?x",),
        ("eu-west-1=https://a.example/path",),
        ("us-east-1=https://a.example",),
        ("eu-west-1=https://a.example", "eu-west-1=https://b.example"),
    ],
)
def test_what_is_no_sibling_is_refused(entries: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"REGION=URL|twice"):
        regions.siblings(policy(*entries))
