"""Looks for secrets in bytes, in every form in which one could have got there."""

import re
from base64 import b64encode, urlsafe_b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote

_BASE64 = re.compile(r"[A-Za-z0-9_-]{16,}={0,2}")
# Fewer bytes than this are found anywhere by chance.
_SHORTEST = 8


def forms(secret: str) -> set[bytes]:
    """The secret itself; percent-encoded; as JSON and Base64 carry it; and for each part of a token: the bytes that it
    encodes, raw and in hexadecimal.
    """
    found = {
        secret.encode(),
        quote(secret, safe="").encode(),
        secret.replace("/", "\\/").encode(),
        b64encode(secret.encode()).rstrip(b"="),
        secret.encode().hex().encode(),
    }
    for part in _parts(secret):
        found.add(part.encode())
        for decoded in _decoded(part):
            found |= {decoded, decoded.hex().encode()}
    return {form for form in found if len(form) >= _SHORTEST}


def _parts(secret: str) -> Iterator[str]:
    """Tokens are ``aoa<payload>:<mac>``, tokens of forms ``<key id>.<mac>``, user codes ``XXXX-XXXX``."""
    yield secret.replace("-", "") if re.fullmatch(r"[A-Z]{4}-[A-Z]{4}", secret) else secret
    for part in re.split(r"[:.]", secret):
        if len(part) >= 16:
            yield part
            if re.match(r"ao[acdr]", part):
                yield part[3:]


def _decoded(part: str) -> Iterator[bytes]:
    if _BASE64.fullmatch(part):
        try:
            yield urlsafe_b64decode(part + "=" * (-len(part) % 4))
        except Base64Error:
            return


def hunt(secrets: Mapping[str, str], places: Mapping[str, bytes]) -> Iterable[str]:
    """Where which secret was found; ``secrets`` says what each of them is."""
    return [
        f"{kind} in {place}, as {form!r}"
        for secret, kind in secrets.items()
        for form in sorted(forms(secret))
        for place, content in places.items()
        if form in content
    ]
