"""Start URLs: which of them name an instance. They are compared, never fetched."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from postern.api.errors import InvalidRequestException
from postern.core.policy import Policy
from postern.core.records import Instance

MAX_LENGTH = 2048
_UNKNOWN = "Invalid start url provided"


def own_start_url(policy: Policy, instance: Instance) -> str:
    """Where the instance's portal page is."""
    return f"{policy.public_url}{start_path(instance)}"


def start_path(instance: Instance) -> str:
    return "/start" if instance.is_primary else f"/start/{instance.instance_id}"


def device_path(instance: Instance) -> str:
    """Where its people enter device codes."""
    return "/device" if instance.is_primary else f"/device/{instance.instance_id}"


def aws_start_url(instance: Instance) -> str:
    """The form that every AWS CLI accepts; those since 2.35.13 accept only hosts of AWS, and never contact this one."""
    return f"https://{instance.identity_store_id}.awsapps.com/start"


def accepted(policy: Policy, instance: Instance) -> frozenset[str]:
    """All start URLs of the instance, normalised."""
    urls = (
        own_start_url(policy, instance),
        aws_start_url(instance),
        f"https://{instance.instance_id}.awsapps.com/start",
        f"https://identitycenter.amazonaws.com/{instance.instance_id}",
        f"https://{instance.instance_id}.portal.{policy.instance.region}.app.aws",
        *instance.start_url_aliases,
        *((policy.public_url, *policy.instance.start_url_aliases) if instance.is_primary else ()),
    )
    return frozenset(normalise(url) for url in urls)


def normalise(url: str) -> str:
    """Without query, fragment and trailing slash, scheme and host in lower case.

    Raises:
        InvalidRequestException: it is not an http(s) URL.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise InvalidRequestException(_UNKNOWN, reason="start URL cannot be parsed") from None
    if not url.isprintable() or " " in url:
        raise InvalidRequestException(_UNKNOWN, reason="start URL has white space or control characters")
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
        raise InvalidRequestException(_UNKNOWN, reason="start URL is not an http(s) URL")
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def require(url: str, known: Mapping[str, Instance]) -> Instance:
    """The instance that the URL names.

    Raises:
        InvalidRequestException: it names no instance of this server.
    """
    instance = known.get(normalise(url)) if len(url) <= MAX_LENGTH else None
    if instance is None:
        raise InvalidRequestException(_UNKNOWN, reason="start URL is not one of this server's instances")
    return instance
