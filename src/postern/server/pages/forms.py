"""Reading what a browser sends: query strings and forms, strictly, so that nothing is understood in two ways."""

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote_to_bytes

from starlette.requests import Request

from postern.server.pages.errors import bad_request

MAX_BODY = 64 * 1024
MAX_FIELDS = 20
MAX_TARGET = 16 * 1024
# A target travels percent-encoded inside another query string, where each of its characters may take three.
_MAX_QUERY = 3 * MAX_TARGET + 1024
_FORM = re.compile(r"application/x-www-form-urlencoded\s*(;\s*charset\s*=\s*\"?utf-8\"?\s*)?", re.IGNORECASE)
# Printable ASCII but for quotation marks, angle brackets, backslash and number sign.
_QUERY_MARKS = "!$%&'()*+,;=:@/?[]^`{|}~-._"
_INSTANCE_ID = "ssoins-[0-9a-zA-Z.-]{1,32}"
_ROOMS = "console|password|role|sign-ins"
_PATHS = rf"start(?:/{_INSTANCE_ID})?(?:/(?:{_ROOMS}))?|device(?:/{_INSTANCE_ID})?|authorize"
_KNOWN_TARGET = re.compile(rf"/(?:{_PATHS})(?:\?[A-Za-z0-9{re.escape(_QUERY_MARKS)}]*)?")
START = "/start"


def raw_query(request: Request) -> str:
    """The query string as sent, with every character that is unfit for a URL percent-encoded."""
    query: bytes = request.scope["query_string"]
    if len(query) > _MAX_QUERY:
        raise bad_request("query string is too long")
    return quote(query, safe=_QUERY_MARKS)


def query_of(request: Request) -> dict[str, str]:
    return parse(raw_query(request))


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a posted form.

    Raises:
        PageRefused: another content type, too large, too many fields, a field twice, not UTF-8, or NUL.
    """
    if not _FORM.fullmatch(request.headers.get("content-type", "").strip()):
        raise bad_request("body is not a form")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise bad_request("form is too large", headers={"Connection": "close"})
    try:
        return parse(body.decode("ascii"))
    except UnicodeDecodeError:
        raise bad_request("form is not percent-encoded") from None


def parse(text: str) -> dict[str, str]:
    """Names and values; a name may appear once (RFC 6749 3.1)."""
    pairs = [pair for pair in text.split("&") if pair]
    if len(pairs) > MAX_FIELDS:
        raise bad_request("too many fields")
    fields: dict[str, str] = {}
    for pair in pairs:
        name, _, value = (_decoded(part) for part in pair.partition("="))
        if name in fields:
            raise bad_request("a field appears twice")
        fields[name] = value
    return fields


def known_target(text: str | None) -> str:
    """Where to go after sign-in: a page of this server that people are sent to, else the start page."""
    if text and len(text) <= MAX_TARGET and _KNOWN_TARGET.fullmatch(text):
        return text
    return START


def sign_in_path(next_path: str) -> str:
    return f"/sign-in?next={quote(next_path, safe='/')}"


def decision_of(form: Mapping[str, str]) -> bool:
    """Whether the person approves."""
    decision = form.get("decision")
    if decision not in ("approve", "deny"):
        raise bad_request("no decision")
    return decision == "approve"


def _decoded(text: str) -> str:
    try:
        decoded = unquote_to_bytes(text.replace("+", " ")).decode("utf-8")
    except UnicodeDecodeError:
        raise bad_request("not UTF-8") from None
    if "\0" in decoded:
        raise bad_request("NUL in a field")
    return decoded
