"""Regions: a token says which region's server made it, so that one that comes to the wrong region is shown the way
(InvalidRequestRegionException). Nothing is asked of the other server.
"""

import re
from hashlib import sha256

from postern.core.policy import Policy

_TAG_BYTES = 3
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+/?")


def tag(region: str) -> int:
    """24 bits that stand for a region in a token."""
    return int.from_bytes(sha256(region.encode()).digest()[:_TAG_BYTES], "big")


def siblings(policy: Policy) -> dict[int, tuple[str, str]]:
    """Region and endpoint of each sibling, by tag.

    Raises:
        ValueError: an entry is not REGION=URL, is our own region, or has the tag of another.
    """
    known = {tag(policy.instance.region): (policy.instance.region, policy.public_url)}
    found: dict[int, tuple[str, str]] = {}
    for entry in policy.instance.sibling_regions:
        region, separator, endpoint = entry.partition("=")
        if not (separator and region and _ORIGIN.fullmatch(endpoint)):
            raise ValueError(f"{entry!r} is not REGION=URL, the URL an origin such as https://sso.example.org")
        number = tag(region)
        if number in known:
            raise ValueError(f"{region!r} is there twice, is our own region, or has the tag of {known[number][0]!r}")
        known[number] = found[number] = (region, endpoint.rstrip("/"))
    return found
