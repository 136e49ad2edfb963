"""REST-JSON 1.1: bytes to shapes, shapes and errors to responses. The only file that knows JSON and header names.

The server's reader is strict where leniency has hurt others: one JSON object, UTF-8, no duplicate keys, no NaN, no
lone surrogates, no NUL, at most `MAX_DEPTH` levels. Whatever it does not like is an `InvalidRequestException`. Unknown
members are ignored (RFC 6749 3.2), and an empty string counts as absent (RFC 6749 3.1).

The client's reader takes what services really send: any member may be missing or null, numbers may be strings.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import TypeVar

import msgspec

from postern.api.errors import InvalidRequestException, ModelledError
from postern.api.operation import Shape
from postern.api.response import Response, fields_of

MAX_DEPTH = 32

S = TypeVar("S", bound=Shape)
_JSON = b"application/json"
_decode_object = msgspec.json.Decoder(dict[str, object]).decode
_encode = msgspec.json.Encoder().encode
_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_MEMBER = re.compile(r"`\$\.(\w+)|field `(\w+)`")


def read(body: bytes, shape: type[S]) -> S:
    """Read a request body into ``shape``.

    Raises:
        InvalidRequestException: the bytes are not what the module docstring promises, or a member is missing or of a
            wrong type.
    """
    members = _read_object(body)
    if b'""' in body:
        members = {name: value for name, value in members.items() if value != ""}
    try:
        return msgspec.convert(members, shape)
    except msgspec.ValidationError as error:
        raise _explain(error, shape) from None


def write(shape: Shape, request_id: str) -> Response:
    """The response of a successful call."""
    body = _encode(shape)
    return Response(status=200, fields=fields_of(body, _JSON, request_id), body=body)


def write_error(error: ModelledError, request_id: str) -> Response:
    """The response of a refused call: status, ``x-amzn-ErrorType`` and the members of the error."""
    if error.says_more:
        body, error_type = _parts(error)
    else:
        body, error_type = _known_parts(type(error), error.description)  # type: ignore[arg-type]  # classes are hashable
    return Response(status=error.status, fields=fields_of(body, _JSON, request_id) + error_type, body=body)


def _parts(error: ModelledError) -> tuple[bytes, bytes]:
    """The body, and the header field that names the error."""
    return _encode(error.members()), b"x-amzn-errortype: %s\r\n" % error.wire_name().encode()


@lru_cache(maxsize=256)
def _known_parts(kind: type[ModelledError], description: str) -> tuple[bytes, bytes]:
    """PERF: polls are refused with the same words each time: 5 % of one."""
    return _parts(kind(description))


def write_empty(request_id: str) -> Response:
    """The response of a call whose output has no body."""
    fields = b"x-amzn-requestid: %s\r\ncache-control: no-store\r\ncontent-length: 0\r\n" % request_id.encode()
    return Response(status=200, fields=fields, body=b"")


def is_json(content_type: bytes) -> bool:
    """Whether a ``Content-Type`` announces JSON in UTF-8; an absent one is given the benefit of the doubt."""
    if content_type == _JSON:
        return True
    media_type, _, parameters = content_type.lower().partition(b";")
    charset = parameters.partition(b"charset=")[2].partition(b";")[0].strip(b' "')
    return media_type.strip() in (b"", _JSON, b"application/x-amz-json-1.1") and charset in (
        b"",
        b"utf-8",
        b"utf8",
    )


class Unreadable(ValueError):
    """A response body is not what the operation answers with."""


def write_request(members: Mapping[str, object]) -> bytes:
    """The body of a request with these members, by their wire names."""
    return _encode(members)


def members_of(shape: Shape) -> dict[str, object]:
    """The members of a shape that are there, by their wire names."""
    return {
        encoded: value
        for name, encoded in zip(shape.__struct_fields__, shape.__struct_encode_fields__, strict=True)
        if (value := getattr(shape, name)) is not None
    }


def read_response(body: bytes, shape: type[S]) -> S:
    """Read a response body into ``shape``; an empty body has no members.

    Raises:
        Unreadable: it is not a JSON object, or a member has a wrong type. The text names the member and no value.
    """
    try:
        return _response_decoder(shape).decode(body or b"{}")  # type: ignore[no-any-return]  # of the cache, not of ours
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(_without_values(error)) from None


def read_response_members(body: bytes) -> dict[str, object]:
    """The members of a response body as they came, not converted.

    Raises:
        Unreadable: it is not a JSON object.
    """
    try:
        return _decode_object(body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(_without_values(error)) from None


def read_error(headers: Mapping[str, str], body: bytes) -> tuple[str, dict[str, object]]:
    """The name of an error and the members of its body. ``headers`` has lower-case names.

    The name is that in ``x-amzn-errortype``, else that in the body, without prefix and suffix; it is empty if there is
    none. A body that cannot be read has no members.
    """
    try:
        members = _decode_object(body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        members = {}
    named = headers.get("x-amzn-errortype") or next(
        (value for key in ("code", "Code", "__type") if isinstance(value := members.get(key), str)), ""
    )
    return named.partition(":")[0].rpartition("#")[2].strip(), members


@cache
def _response_decoder(shape: type[S]) -> "msgspec.json.Decoder[S]":
    return msgspec.json.Decoder(shape, strict=False)


def _without_values(error: Exception) -> str:
    found = _MEMBER.search(str(error))
    name = next((group for group in found.groups() if group), "") if found else ""
    return f"{name} has a wrong type" if name else "the body is not a JSON object"


def _read_object(body: bytes) -> dict[str, object]:
    try:
        members = _decode_object(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidRequestException("The request body is not a JSON object", reason="unreadable JSON") from None
    # PERF: 0.2 µs. In a flat object without escapes every string brings exactly two quotes; a repeated key would
    # bring two more.
    if b"\\" in body or body.count(b'"') != _quotes(members):
        _refuse_depth(members)
        _refuse_repeated_keys(body)
        _refuse_nul(body)
    return members


def _quotes(members: dict[str, object]) -> int:
    """How many quotes a flat object of strings and lists of strings is written with; -1 for any other object."""
    count = 2 * len(members)
    for value in members.values():
        if type(value) is str:
            count += 2
        elif type(value) is list:
            if not all(type(item) is str for item in value):
                return -1
            count += 2 * len(value)
        elif type(value) is dict:
            return -1
    return count


def _refuse_nul(body: bytes) -> None:
    """Escaped, a NUL is JSON, but not every store can keep it. Lone surrogates did not pass the decoder."""
    if _ESCAPED_NUL.search(body):
        raise InvalidRequestException("The request body has characters that are not allowed", reason="NUL in a string")


def _refuse_repeated_keys(body: bytes) -> None:
    import json

    try:
        json.loads(body, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise InvalidRequestException("The request body repeats a member", reason="duplicate JSON key") from None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate key")
    return members


def _refuse_depth(members: dict[str, object]) -> None:
    level: list[object] = [members]
    for _ in range(MAX_DEPTH):
        level = [child for value in level for child in _children(value)]
        if not level:
            return
    raise InvalidRequestException("The request body is nested too deeply", reason="JSON nesting over the cap")


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _explain(error: msgspec.ValidationError, shape: type[Shape]) -> InvalidRequestException:
    """Name the member at fault; only names of the model are named, never input."""
    found = _MEMBER.search(str(error))
    name = next((group for group in found.groups() if group), "") if found else ""
    if name not in shape.__struct_encode_fields__:
        return InvalidRequestException(reason="the body does not fit the request shape")
    if "missing" in str(error):
        return InvalidRequestException(f"{name} is required", reason="missing member")
    return InvalidRequestException(f"{name} has a wrong type", reason="wrong type")
