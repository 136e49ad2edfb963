"""Start URLs: which of them name this instance. They are compared, never fetched."""

from urllib.parse import urlsplit

from postern.api.errors import InvalidRequestException
from postern.core.policy import Policy
from postern.core.records import Instance

_UNKNOWN = "Invalid start url provided"


def own_start_url(policy: Policy) -> str:
    return f"{policy.public_url}/start"


def aws_start_url(instance: Instance) -> str:
    """The form that every AWS CLI accepts; those since 2.35.13 accept only hosts of AWS, and never contact this one."""
    return f"https://{instance.identity_store_id}.awsapps.com/start"


def accepted(policy: Policy, instance: Instance) -> frozenset[str]:
    """All start URLs of the instance, normalised."""
    urls = (
        policy.public_url,
        own_start_url(policy),
        aws_start_url(instance),
        f"https://{instance.instance_id}.awsapps.com/start",
        f"https://identitycenter.amazonaws.com/{instance.instance_id}",
        f"https://{instance.instance_id}.portal.{policy.instance.region}.app.aws",
        *policy.instance.start_url_aliases,
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


def require(url: str, known: frozenset[str]) -> None:
    """
    Raises:
        InvalidRequestException: the URL names no instance of this server.
    """
    if len(url) > 2048 or normalise(url) not in known:
        raise InvalidRequestException(_UNKNOWN, reason="start URL is not one of this instance")
