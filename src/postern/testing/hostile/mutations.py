"""Requests as they should not be: pure functions from a random generator and something good to something that may be
anything. The same generator state gives the same request.
"""

import json
import random
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote

TEXTS: Sequence[str] = (
    "",
    " ",
    "\0",
    "\r\nX-Injected: 1",
    "\u202e\u2066",
    "\ud800",
    "\U0001f511",
    "a" * 300,
    "A" * 20_000,
    "%00%0d%0a",
    "../../etc/passwd",
    "' OR '1'='1' --",
    '"; DROP TABLE token_family; --',
    "{{7*7}}${7*7}<%= 7*7 %>",
    "<script>alert(1)</script>",
    "javascript:alert(1)",
    "http://127.0.0.1:1/",
    "http://[::1",
    "http://x:99999/",
    "//evil.example",
    "true",
    "null",
    "-1",
    "1e400",
    "9" * 400,
    "٣",
    "a:b:c:d",
    "ssoins-" + "0" * 16,
    "arn:aws:iam::111122223333:user/x",
    "....",
    "e30.e30.e30",
)
_NUMBERS: Sequence[object] = (0, -1, 1, 2**31, 2**63, 2**64, 10**30, 1.5, 1e308, -0.0)
_BYTES = (
    b"\0",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\r\n",
    b"\xef\xbb\xbf",
    b"{",
    b"}",
    b"[",
    b'"',
    b"\\",
    b"\\u0000",
    b",",
)
_WRAPPED: Sequence[Callable[[bytes], bytes]] = (
    lambda body: b"\xef\xbb\xbf" + body,
    lambda body: body.decode("utf-8", "replace").encode("utf-16"),
    lambda body: body.decode("utf-8", "replace").encode("utf-32"),
    lambda body: body + body,
    lambda body: body + b"\0",
    lambda body: b"[" + body + b"]",
    lambda body: b"/* */" + body,
    lambda body: b"[" * 5000 + body,
    lambda body: b'{"a":' * 200 + body + b"}" * 200,
    lambda body: body[:-1] + b"," + body[1:],
    lambda body: body.replace(b":", b': NaN, "x":', 1),
    lambda body: b" " * 70_000 + body,
    lambda body: b"",
)


def text(chance: random.Random, good: str) -> str:
    """A value in place of a good one."""
    kind = chance.randrange(6)
    if kind == 0:
        return chance.choice(TEXTS)
    if kind == 1:
        return good + chance.choice(TEXTS)
    if kind == 2:
        return good[: chance.randrange(len(good) + 1)]
    if kind == 3 and good:
        place = chance.randrange(len(good))
        return good[:place] + chr(chance.randrange(1, 0x300)) + good[place + 1 :]
    if kind == 4:
        return good.swapcase()
    return "".join(chance.sample(good, len(good))) if len(good) < 2000 else good[::-1]


def value(chance: random.Random, good: object, depth: int = 0) -> object:
    """A JSON value in place of a good one, often of another type."""
    kind = chance.randrange(9)
    if kind <= 2:
        return text(chance, good if isinstance(good, str) else json.dumps(good))
    if kind == 3:
        return chance.choice(_NUMBERS)
    if kind == 4:
        return chance.choice((None, True, False, [], {}, [None], [[]], {"": ""}))
    if kind == 5 and depth < 3:
        return [value(chance, good, depth + 1) for _ in range(chance.choice((1, 2, 30)))]
    if kind == 6 and depth < 3:
        return {chance.choice(TEXTS[:12]): value(chance, good, depth + 1)}
    if kind == 7:
        return ["sso:account:access"] * chance.choice((1, 100, 3000))
    return good


def json_body(chance: random.Random, members: Mapping[str, object]) -> bytes:
    """A body made of these members, of which some are not as they were; or its bytes are not."""
    changed: dict[str, object] = dict(members)
    for _ in range(chance.choice((0, 1, 1, 1, 2, 4))):
        name = chance.choice(list(members))
        kind = chance.randrange(5)
        if kind == 0:
            changed.pop(name, None)
        elif kind == 1:
            changed[text(chance, name)] = value(chance, "x")
        else:
            changed[name] = value(chance, members[name])
    body = json.dumps(changed, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    kind = chance.randrange(12)
    if kind == 0:
        return chance.choice(_WRAPPED)(body)
    if kind == 1:
        return octets(chance, body)
    if kind == 2:
        repeated = json.dumps(chance.choice(list(members))).encode()
        return body[:-1] + b"," + repeated + b":1}"
    return body


def octets(chance: random.Random, good: bytes) -> bytes:
    """The same bytes, but for some that were changed, put in, taken out or repeated."""
    data = bytearray(good)
    for _ in range(chance.choice((1, 1, 2, 8))):
        place = chance.randrange(len(data) + 1)
        kind = chance.randrange(5)
        if kind == 0 and place < len(data):
            data[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            data[place:place] = chance.choice(_BYTES)
        elif kind == 2:
            del data[place : place + chance.randrange(1, 20)]
        elif kind == 3:
            data[place:place] = data[place : place + chance.randrange(1, 60)]
        elif place < len(data):
            data[place] = chance.randrange(256)
    return bytes(data)


def pairs(chance: random.Random, good: Mapping[str, str]) -> str:
    """A query or a form of these parameters, of which some are not as they were."""
    parameters = list(good.items())
    for _ in range(chance.choice((0, 1, 1, 2, 3))):
        if not parameters or chance.random() < 0.15:
            parameters.append((chance.choice(TEXTS), chance.choice(TEXTS)))
            continue
        place = chance.randrange(len(parameters))
        name, old = parameters[place]
        kind = chance.randrange(6)
        if kind == 0:
            del parameters[place]
        elif kind == 1:
            parameters.insert(place, parameters[place])
        elif kind == 2:
            parameters[place] = (text(chance, name), old)
        else:
            parameters[place] = (name, text(chance, old))
    joined = "&".join(f"{_escaped(chance, name)}={_escaped(chance, old)}" for name, old in parameters)
    if chance.random() < 0.1:
        joined += chance.choice(("&", "&&&", "&=", "&x", "%", "%zz", "&" + "a=b&" * 300, "#", "?", ";"))
    return joined


def _escaped(chance: random.Random, raw: str) -> str:
    safe = "" if chance.random() < 0.8 else "!$'()*+,;:@/?%[]{}|\\^`\"<>"
    return quote(raw.encode("utf-8", "surrogatepass"), safe=safe)


def header_value(chance: random.Random, good: str) -> str:
    """A value that may stand in a header: what would end the line is left out."""
    changed = text(chance, good)
    return (
        "".join(character for character in changed if character not in "\r\n\0")
        .encode("utf-8", "replace")
        .decode("latin-1")
    )


def token(chance: random.Random, good: str) -> str:
    """A JWT in place of a good one: other header, other claims, or other text altogether."""
    kind = chance.randrange(8)
    parts = good.split(".")
    if kind == 0:
        return text(chance, good)
    if kind == 1:
        return ".".join(chance.sample(parts, len(parts)))
    if kind == 2:
        return ".".join(parts[: chance.randrange(4)]) + chance.choice(("", ".", "..", ".x"))
    place = 0 if kind in (3, 4, 5) else 1
    try:
        members = json.loads(urlsafe_b64decode(parts[place] + "==="))
    except ValueError:
        return good
    name = chance.choice([*members, *(_HEADERS if place == 0 else _CLAIMS)])
    members[name] = chance.choice(_ALGORITHMS) if name == "alg" else value(chance, members.get(name, "x"))
    written = json.dumps(members).encode("utf-8", "surrogatepass")
    if kind == 5:
        written = octets(chance, written)
    parts[place] = urlsafe_b64encode(written).rstrip(b"=").decode()
    return ".".join(parts)


_ALGORITHMS = ("none", "None", "HS256", "RS256", "ES256", "RS512", "EdDSA", "dir", "", 1, None, ["RS256"])
_HEADERS = ("alg", "kid", "jwk", "jku", "x5u", "x5c", "crit", "typ", "b64", "zip", "enc")
_CLAIMS = ("iss", "sub", "aud", "exp", "nbf", "iat", "jti", "email")
