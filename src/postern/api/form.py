"""Forms (``application/x-www-form-urlencoded``) as the OAuth endpoints read them: RFC 6749, appendix B and 3.2.

As strict as `postern.api.restjson`: UTF-8, no NUL, no parameter twice, at most `MAX_PARAMETERS` of them. Unknown ones
are ignored, and an empty one counts as absent.
"""

import re
from typing import TypeVar

import msgspec

from postern.api.errors import InvalidRequestException
from postern.api.operation import Shape

CONTENT_TYPE = "application/x-www-form-urlencoded"
MAX_PARAMETERS = 100

S = TypeVar("S", bound=Shape)

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def read(body: bytes, shape: type[S]) -> S:
    """Read a form into ``shape``, whose members are all strings.

    Raises:
        InvalidRequestException: the bytes are not what the module docstring promises, or a member is missing.
    """
    given = parameters(body)
    members = {}
    for field in msgspec.structs.fields(shape):
        name = field.encode_name
        if value := given.get(name):
            members[name] = value
        elif field.required:
            raise InvalidRequestException(f"{name} is required", reason="missing parameter")
    return msgspec.convert(members, shape)


def parameters(body: bytes) -> dict[str, str]:
    """All parameters of a form, or of a query, which is written alike.

    Raises:
        InvalidRequestException: the bytes are not what the module docstring promises.
    """
    if not body:
        return {}
    pairs = body.split(b"&", MAX_PARAMETERS)
    if len(pairs) > MAX_PARAMETERS:
        raise InvalidRequestException("The form has too many parameters", reason="too many form parameters")
    found: dict[str, str] = {}
    for pair in pairs:
        name, _, value = pair.partition(b"=")
        key = _decode(name)
        if key in found:
            raise InvalidRequestException("The form repeats a parameter", reason="repeated form parameter")
        found[key] = _decode(value)
    return found


def _decode(text: bytes) -> str:
    from urllib.parse import unquote_to_bytes

    if _BAD_ESCAPE.search(text):
        raise InvalidRequestException("The form is malformed", reason="a percent sign without two hex digits")
    octets = unquote_to_bytes(text.replace(b"+", b" "))
    if b"\0" in octets:
        raise InvalidRequestException("The form has characters that are not allowed", reason="NUL in a form")
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequestException("The form is not in UTF-8", reason="form is not UTF-8") from None
