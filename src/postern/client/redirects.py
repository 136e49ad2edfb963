"""Redirects: followed with the same method and body, as the SDKs do, but never to another host, since the body carries
secrets, and never from https to http.
"""

from urllib.parse import SplitResult, urljoin, urlsplit

from postern.client.answers import printable, request_id_of
from postern.client.errors import ServiceError, TooManyRedirects
from postern.client.http import HttpRequest, HttpResponse
from postern.client.request import Response


def follow(request: HttpRequest, answer: HttpResponse, response: Response, *, limit: int) -> None:
    """Turn ``request`` to where the answer points.

    Raises:
        TooManyRedirects: there were ``limit`` before.
        ServiceError: it points to another host.
    """
    if response.redirect_count >= limit:
        raise TooManyRedirects(
            "TooManyRedirects",
            f"more than {limit} redirects",
            status=answer.status,
            request_id=request_id_of(answer),
        )
    target = _safe_target(request.url, answer.headers["location"])
    if target is None:
        place = printable(answer.headers["location"].partition("?")[0].rpartition("@")[2])
        raise ServiceError(
            "RedirectRefused",
            f"the service points to another place ({place}); secrets are not sent there. If it is the right one, "
            "make it the endpoint",
            status=answer.status,
            request_id=request_id_of(answer),
        )
    request.url = target
    request.headers.pop("Host", None)
    response.redirect_count += 1


def _safe_target(source: str, location: str) -> str | None:
    try:
        target = urljoin(source, location)
        return target if _is_safe(urlsplit(source), urlsplit(target)) else None
    except ValueError:
        return None


def _is_safe(here: SplitResult, there: SplitResult) -> bool:
    if there.scheme not in ("http", "https") or there.hostname != here.hostname or "@" in there.netloc:
        return False
    if here.scheme == "https":
        return there.scheme == "https"
    return there.scheme == "https" or there.netloc == here.netloc
