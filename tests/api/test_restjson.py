"""The strict reader and the exact writer: a body is read to a good shape or refused as an InvalidRequestException."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from postern.api import errors, restjson
from postern.api.errors import (
    AuthorizationPendingException,
    InvalidClientException,
    InvalidRequestException,
    InvalidRequestRegionException,
    ModelledError,
    UnauthorizedException,
)
from postern.api.operation import Shape
from postern.api.portal import LogoutResponse
from postern.api.sso_oidc import (
    OPERATIONS,
    AwsAdditionalDetails,
    CreateTokenRequest,
    CreateTokenResponse,
    CreateTokenWithIamResponse,
    RegisterClientRequest,
    StartDeviceAuthorizationResponse,
)

REQUIRED = '"clientId":"a","clientSecret":"b","grantType":"c"'
GOOD = "{" + REQUIRED + "}"
REQUEST = CreateTokenRequest(client_id="a", client_secret="b", grant_type="c")


def with_members(text: str) -> bytes:
    """A good CreateToken body with further members as raw text."""
    return ("{" + REQUIRED + "," + text + "}").encode("utf-8", "surrogatepass")


def arrays(levels: int) -> str:
    return "[" * levels + "]" * levels


def objects(levels: int) -> str:
    return '{"a":' * (levels - 1) + "{}" + "}" * (levels - 1)


def mixed(levels: int) -> str:
    opening = "".join('{"a":' if level % 2 else "[" for level in range(levels - 1))
    closing = "".join("}" if level % 2 else "]" for level in reversed(range(levels - 1)))
    return opening + "[]" + closing


REFUSED: dict[str, bytes] = {
    # RFC 8259 2: a JSON text is a serialized value. Truncated ones are not.
    "an empty body": b"",
    "only white space": b" \r\n\t",
    "an opening brace": b"{",
    "truncated in a key": b'{"clientId',
    "truncated after a key": b'{"clientId"',
    "truncated after a colon": b'{"clientId":',
    "truncated in a string": b'{"clientId":"a',
    "truncated in an escape": b'{"clientId":"a\\',
    "truncated in a unicode escape": b'{"clientId":"a\\u00',
    "truncated after a value": GOOD.encode()[:-1],
    "truncated in a literal": with_members('"x":tru'),
    "truncated in an array": b"{" + REQUIRED.encode() + b',"scope":["a"',
    "truncated in UTF-8": b'{"clientId":"\xe2\x82',
    # trailing bytes
    "a second object": GOOD.encode() * 2,
    "a trailing brace": GOOD.encode() + b"}",
    "a trailing comma": GOOD.encode() + b",",
    "a trailing NUL": GOOD.encode() + b"\x00",
    "a trailing semicolon": GOOD.encode() + b";",
    "trailing text": GOOD.encode() + b" x",
    "a trailing byte order mark": GOOD.encode() + b"\xef\xbb\xbf",
    "a trailing no-break space": GOOD.encode() + b"\xc2\xa0",
    "a trailing form feed": GOOD.encode() + b"\x0c",
    # what is JavaScript or JSON5 and not JSON
    "a comment of a line": GOOD.encode() + b"// comment",
    "a comment within": b"{/* comment */" + GOOD.encode()[1:],
    "a comment with a hash": b"# comment\n" + GOOD.encode(),
    "NaN": with_members('"x":NaN'),
    "Infinity": with_members('"x":Infinity'),
    "-Infinity": with_members('"x":-Infinity'),
    "nan in a list": with_members('"x":[nan]'),
    "a number beyond a double": with_members('"x":1e400'),
    "a number of five thousand digits": with_members('"x":' + "9" * 5000),
    "a leading zero": with_members('"x":01'),
    "a plus sign": with_members('"x":+1'),
    "a naked minus": with_members('"x":-'),
    "a naked point": with_members('"x":1.'),
    "a leading point": with_members('"x":.5'),
    "a naked exponent": with_members('"x":1e'),
    "a hexadecimal number": with_members('"x":0x1'),
    "single quotes": b"{'clientId':'a','clientSecret':'b','grantType':'c'}",
    "a key without quotes": with_members("x:1"),
    "a comma at the end of an object": with_members(""),
    "a comma at the end of an array": with_members('"x":[1,]'),
    "two commas": with_members(',"x":1'),
    "a missing colon": with_members('"x" 1'),
    "a missing comma": with_members('"x":1 "y":2'),
    "an unknown escape": with_members('"x":"\\x41"'),
    "an escaped single quote": with_members('"x":"\\\'"'),
    "True": with_members('"x":True'),
    "undefined": with_members('"x":undefined'),
    "a number as key": with_members('1:"x"'),
    "a tab in a string": with_members('"x":"\t"'),
    "a line feed in a string": with_members('"x":"\n"'),
    "a form feed as white space": b"\x0c" + GOOD.encode(),
    # other encodings (RFC 8259 8.1: UTF-8, and no byte order mark)
    "a byte order mark": b"\xef\xbb\xbf" + GOOD.encode(),
    "UTF-16": GOOD.encode("utf-16"),
    "UTF-16, big end first": GOOD.encode("utf-16-be"),
    "UTF-16, little end first": GOOD.encode("utf-16-le"),
    "UTF-32": GOOD.encode("utf-32"),
    "UTF-32, big end first": GOOD.encode("utf-32-be"),
    "UTF-32, little end first": GOOD.encode("utf-32-le"),
    "UTF-7": b"+AHs-" + GOOD.encode()[1:],
    "Latin-1": '{"clientId":"é"}'.encode("latin-1"),
    "a lone continuation byte": b'{"clientId":"\x80"}',
    "the byte FF": b'{"clientId":"\xff"}',
    "the byte FF in a key": b'{"\xff":"a"}',
    "the byte FF in an unknown member": with_members('"x":"?"').replace(b"?", b"\xff"),
    "an overlong slash": with_members('"x":"?"').replace(b"?", b"\xc0\xaf"),
    "an overlong NUL": with_members('"x":"?"').replace(b"?", b"\xc0\x80"),
    "an overlong euro": with_members('"x":"?"').replace(b"?", b"\xf0\x82\x82\xac"),
    "an overlong quote": with_members('"x":"?"').replace(b"?", b"\xc0\xa2"),
    "beyond U+10FFFF": with_members('"x":"?"').replace(b"?", b"\xf4\x90\x80\x80"),
    "a surrogate in UTF-8": with_members('"x":"\ud800"'),
    "a pair of surrogates in UTF-8": with_members('"x":"\ud83d\ude00"'),
    # lone surrogates
    "a high surrogate in a value": with_members('"code":"\\ud800"'),
    "a low surrogate in a value": with_members('"code":"\\udc00"'),
    "reversed surrogates in a value": with_members('"code":"\\udc00\\ud800"'),
    "a high surrogate before a letter": with_members('"code":"\\ud800a"'),
    "a high surrogate before another escape": with_members('"code":"\\ud800\\n"'),
    "a high surrogate before an escaped letter": with_members('"code":"\\ud800\\u0041"'),
    "two high surrogates": with_members('"code":"\\ud800\\ud800"'),
    "a high surrogate before a pair": with_members('"code":"\\ud800\\ud83d\\ude00"'),
    "a high surrogate in a list": with_members('"scope":["\\uD800"]'),
    "a high surrogate in an unknown member": with_members('"x":"\\ud800"'),
    "a low surrogate in an unknown member": with_members('"x":"\\uDFFF"'),
    "a high surrogate deep in an unknown member": with_members('"x":{"y":["\\ud800"]}'),
    "a high surrogate in a key": with_members('"\\ud800":1'),
    "a low surrogate in a key": with_members('"\\udc00":1'),
    "a high surrogate in a nested key": with_members('"x":{"\\ud800":1}'),
    # NUL
    "a naked NUL in a value": with_members('"code":"\x00"'),
    "a naked NUL in a key": with_members('"co\x00de":"a"'),
    "a NUL between members": with_members("\x00"),
    "an escaped NUL in a value": with_members('"code":"\\u0000"'),
    "an escaped NUL in a list": with_members('"scope":["a\\u0000b"]'),
    "an escaped NUL in an unknown member": with_members('"x":"\\u0000"'),
    "an escaped NUL deep in an unknown member": with_members('"x":[{"y":"\\u0000"}]'),
    "an escaped NUL in a key": with_members('"co\\u0000de":"a"'),
    "a NUL after an escaped backslash": with_members('"x":"\\\\\\u0000"'),
    # RFC 6749 3.2: request parameters MUST NOT be included more than once
    "a repeated member": with_members('"clientId":"a"'),
    "a member repeated with another value": with_members('"clientId":"z"'),
    "a member repeated as null": with_members('"clientId":null'),
    "a member repeated with an empty string": with_members('"clientId":""'),
    "a repeated list": with_members('"scope":["a"],"scope":["a"]'),
    "a repeated unknown member": with_members('"x":1,"x":2'),
    "a repeated unknown member among numbers": with_members('"x":1,"y":[1,2,null],"x":1'),
    "a repeated empty key": with_members('"":1,"":1'),
    "a member repeated through an escape": with_members('"client\\u0049d":"a"'),
    "a member repeated through an escape in lower case": with_members('"\\u0063lientId":"a"'),
    "a member repeated through escapes only": with_members(
        '"x":1,"\\u0078":1',
    ),
    "a member repeated through a slash": with_members('"a/b":1,"a\\/b":1'),
    "a repeated member in an unknown object": with_members('"x":{"y":1,"y":1}'),
    "a repeated member in an object in a list": with_members('"x":[1,{"y":1,"z":2,"y":1}]'),
    "a repeated member far down": with_members('"x":' + '{"a":' * 20 + '{"y":1,"y":1}' + "}" * 20),
    "a repeated member whose first value is deep": with_members('"x":' + arrays(500) + ',"x":1'),
    # depth: the body itself is the first level
    "33 levels of arrays": with_members('"x":' + arrays(32)),
    "33 levels of objects": with_members('"x":' + objects(32)),
    "33 levels mixed": with_members('"x":' + mixed(32)),
    "500 levels of arrays with an escape": with_members('"y":"\\u0041","x":' + arrays(500)),
    "100000 levels of arrays": with_members('"x":' + arrays(100_000)),
    "100000 levels of objects": with_members('"x":' + objects(100_000)),
    "100000 levels mixed": with_members('"x":' + mixed(100_000)),
    "100000 opening brackets": b"[" * 100_000,
    "100000 opening objects": b'{"a":' * 100_000,
    # a JSON text that is not an object
    "a string": b'"clientId"',
    "a number": b"1",
    "true": b"true",
    "null": b"null",
    "an empty array": b"[]",
    "an array with a good object": b"[" + GOOD.encode() + b"]",
    "a JSON text in a string": json.dumps(GOOD).encode(),
    "an HTML form": b"client_id=a&client_secret=b&grant_type=c",
    "XML": b"<clientId>a</clientId>",
    # RFC 6749 3.1: a required parameter without a value is missing
    "an empty object": b"{}",
    "an empty required member": b'{"clientId":"","clientSecret":"b","grantType":"c"}',
    "a null required member": b'{"clientId":null,"clientSecret":"b","grantType":"c"}',
    "a missing required member": b'{"clientId":"a","clientSecret":"b"}',
    "a required member in another case": b'{"clientid":"a","clientSecret":"b","grantType":"c"}',
    "a required member in snake case": b'{"client_id":"a","clientSecret":"b","grantType":"c"}',
    # wrong types within lists
    "null in a list": with_members('"scope":[null]'),
    "a number in a list": with_members('"scope":["a",1]'),
    "a list in a list": with_members('"scope":[["a"]]'),
    "an object in a list": with_members('"scope":[{}]'),
    "an object with numbered keys for a list": with_members('"scope":{"0":"a"}'),
    "a string for a list": with_members('"scope":"a"'),
    "an empty object for a list": with_members('"scope":{}'),
}

ACCEPTED: dict[str, tuple[bytes, dict[str, Any]]] = {
    "the required members": (GOOD.encode(), {}),
    "white space around": (b" \r\n\t" + GOOD.encode() + b" \r\n\t", {}),
    "white space within": (GOOD.replace(":", " : ").replace(",", "\n,\t").encode(), {}),
    "unknown members": (with_members('"x":1,"y":"z","futureMember":{"a":[true,null,1.5e3]}'), {}),
    "an unknown member called like a Python one": (with_members('"__class__":"x","device_code":"x"'), {}),
    "an unknown empty key": (with_members('"":1'), {}),
    "null for an optional string": (with_members('"code":null'), {"code": None}),
    "null for an optional list": (with_members('"scope":null'), {"scope": None}),
    "an empty string for an optional string": (with_members('"code":""'), {"code": None}),
    "an empty string for an optional list": (with_members('"scope":""'), {"scope": None}),
    "an empty string for an unknown member": (with_members('"x":"","code":"d"'), {"code": "d"}),
    "an empty list": (with_members('"scope":[]'), {"scope": ()}),
    "an empty string in a list": (with_members('"scope":["","a"]'), {"scope": ("", "a")}),
    "a list": (with_members('"scope":["a","b"]'), {"scope": ("a", "b")}),
    "a pair of surrogates": (with_members('"code":"\\ud83d\\ude00"'), {"code": "\U0001f600"}),
    "a letter beyond the basic plane": (with_members('"code":"\U0001f600"'), {"code": "\U0001f600"}),
    "an escaped letter": (with_members('"co\\u0064e":"\\u0041"'), {"code": "A"}),
    "all short escapes": (with_members(r'"code":"\"\\\/\b\f\n\r\t"'), {"code": '"\\/\b\f\n\r\t'}),
    "an escaped backslash before u0000": (with_members(r'"code":"\\u0000"'), {"code": "\\u0000"}),
    "an escaped backslash before ud800": (with_members(r'"code":"\\ud800"'), {"code": "\\ud800"}),
    "quotes within a value": (with_members(r'"code":"\"clientId\":\"z\""'), {"code": '"clientId":"z"'}),
    "braces within a value": (with_members('"code":"{[{["'), {"code": "{[{["}),
    "a delete character": (with_members('"code":"\x7f"'), {"code": "\x7f"}),
    "a non-character": (with_members('"code":"\uffff"'), {"code": "\uffff"}),
    "a large integer": (with_members('"x":123456789012345678901234567890'), {}),
    "a number below the smallest double": (with_members('"x":1e-400'), {}),
    "minus zero": (with_members('"x":-0'), {}),
    "31 levels of arrays": (with_members('"x":' + arrays(30)), {}),
    "32 levels of arrays": (with_members('"x":' + arrays(31)), {}),
    "31 levels of objects": (with_members('"x":' + objects(30)), {}),
    "32 levels of objects": (with_members('"x":' + objects(31)), {}),
    "31 levels mixed": (with_members('"x":' + mixed(30)), {}),
    "32 levels mixed": (with_members('"x":' + mixed(31)), {}),
    "equal keys in different objects": (with_members('"x":[{"y":1},{"y":1}],"z":{"y":1}'), {}),
    "a key equal to a value": (with_members('"code":"code"'), {"code": "code"}),
    "ten thousand scopes": (
        with_members('"scope":' + json.dumps(["a"] * 10_000)),
        {"scope": ("a",) * 10_000},
    ),
}

REQUEST_SHAPES: tuple[type[Shape], ...] = tuple(operation.input for operation in OPERATIONS)


def test_the_table_of_hostile_bodies_is_long() -> None:
    assert len(REFUSED) >= 120


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequestException) as refusal:
        restjson.read(body, CreateTokenRequest)
    assert refusal.value.reason


@pytest.mark.parametrize("shape", REQUEST_SHAPES, ids=lambda shape: str(shape.__name__))
@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_a_hostile_body_never_surfaces_as_another_exception(body: bytes, shape: type[Shape]) -> None:
    try:
        read = restjson.read(body, shape)
    except InvalidRequestException:
        return
    assert isinstance(read, shape)


@pytest.mark.parametrize("body, members", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepted(body: bytes, members: dict[str, Any]) -> None:
    assert restjson.read(body, CreateTokenRequest) == msgspec.structs.replace(REQUEST, **members)


@pytest.mark.parametrize("levels", range(900, 1010))
@pytest.mark.parametrize("nest", [arrays, objects], ids=["arrays", "objects"])
@pytest.mark.parametrize("beside", ['"y":"\\u0041"', '"y":1'], ids=["with an escape", "without"])
def test_depth_near_the_limit_of_the_interpreter_is_refused_like_any_other(levels: int, nest: Any, beside: str) -> None:
    with pytest.raises(InvalidRequestException):
        restjson.read(with_members(f'{beside},"x":{nest(levels)}'), CreateTokenRequest)


WRONG_FOR_STRING = ["1", "1.5", "true", "false", "[]", '["a"]', "{}", '{"a":"b"}']
WRONG_FOR_LIST = ["1", "true", '"a"', "{}", "[1]", "[null]", "[true]", "[[]]", "[{}]", '["a",null]']
MEMBERS = [
    pytest.param(shape, field, id=f"{shape.__name__}.{field.encode_name}")
    for shape in REQUEST_SHAPES
    for field in msgspec.structs.fields(shape)
]


@pytest.mark.parametrize("shape, field", MEMBERS)
def test_a_wrong_type_names_the_member_and_nothing_else(shape: type[Shape], field: msgspec.structs.FieldInfo) -> None:
    others = {other.encode_name: "a" for other in msgspec.structs.fields(shape) if other.required}
    others.pop(field.encode_name, None)
    wrong = WRONG_FOR_LIST if "tuple" in str(field.type) else WRONG_FOR_STRING
    for value in [*wrong, "null"] if field.required else wrong:
        body = json.dumps(others)[:-1] + ("," if others else "") + f'"{field.encode_name}":{value}' + "}"
        with pytest.raises(InvalidRequestException) as refusal:
            restjson.read(body.encode(), shape)
        assert refusal.value.description == f"{field.encode_name} has a wrong type"


@pytest.mark.parametrize("shape, field", [member for member in MEMBERS if member.values[1].required])  # type: ignore[union-attr]
@pytest.mark.parametrize("sent", ["", "empty"])
def test_a_missing_member_is_named(shape: type[Shape], field: msgspec.structs.FieldInfo, sent: str) -> None:
    members = {other.encode_name: "a" for other in msgspec.structs.fields(shape) if other.required}
    if sent:
        members[field.encode_name] = ""
    else:
        del members[field.encode_name]
    with pytest.raises(InvalidRequestException) as refusal:
        restjson.read(json.dumps(members).encode(), shape)
    assert refusal.value.description == f"{field.encode_name} is required"


def test_the_refusal_of_a_body_has_no_cause_that_would_carry_input_into_a_log() -> None:
    with pytest.raises(InvalidRequestException) as refusal:
        restjson.read(b'{"clientId":["canary"]}', CreateTokenRequest)
    assert refusal.value.__suppress_context__
    assert "canary" not in f"{refusal.value.members()}{refusal.value.reason}"


# Generated bodies

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
KEYS = st.one_of(TEXT, st.sampled_from(["a", "b", "clientId", "x", ""]))
INTEGERS = st.integers(-(2**63), 2**63 - 1)
SCALARS = st.one_of(st.none(), st.booleans(), INTEGERS, st.floats(allow_nan=False, allow_infinity=False), TEXT)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)
OPTIONAL_TEXT = st.one_of(st.none(), TEXT)
OPTIONAL_LIST = st.one_of(st.none(), st.lists(TEXT, max_size=4))
MODELLED_NAMES = {field.encode_name for field in msgspec.structs.fields(RegisterClientRequest)}
REGISTRATIONS = st.fixed_dictionaries(
    {"clientName": TEXT, "clientType": TEXT},
    optional={
        "scopes": OPTIONAL_LIST,
        "redirectUris": OPTIONAL_LIST,
        "grantTypes": OPTIONAL_LIST,
        "issuerUrl": OPTIONAL_TEXT,
        "entitledApplicationArn": OPTIONAL_TEXT,
    },
)
UNKNOWN = st.dictionaries(KEYS.filter(lambda key: key not in MODELLED_NAMES), VALUES, max_size=4)


def reference(text: str) -> RegisterClientRequest | None:
    """What a plain reading makes of a well-formed body; ``None`` when a required member is missing."""
    members = {name: value for name, value in json.loads(text).items() if name in MODELLED_NAMES and value != ""}
    if not {"clientName", "clientType"} <= members.keys():
        return None
    return RegisterClientRequest(
        client_name=members["clientName"],
        client_type=members["clientType"],
        scopes=None if members.get("scopes") is None else tuple(members["scopes"]),
        redirect_uris=None if members.get("redirectUris") is None else tuple(members["redirectUris"]),
        grant_types=None if members.get("grantTypes") is None else tuple(members["grantTypes"]),
        issuer_url=members.get("issuerUrl"),
        entitled_application_arn=members.get("entitledApplicationArn"),
    )


@settings(max_examples=300, deadline=None)
@given(
    known=REGISTRATIONS, unknown=UNKNOWN, ascii_only=st.booleans(), indent=st.sampled_from([None, 0, 2]), data=st.data()
)
def test_whatever_json_dumps_writes_is_read_to_the_same_values(
    known: dict[str, object], unknown: dict[str, object], ascii_only: bool, indent: int | None, data: st.DataObject
) -> None:
    members = list((known | unknown).items())
    text = json.dumps(dict(data.draw(st.permutations(members))), ensure_ascii=ascii_only, indent=indent)
    expected = reference(text)
    if expected is None:
        with pytest.raises(InvalidRequestException):
            restjson.read(text.encode(), RegisterClientRequest)
    else:
        assert restjson.read(text.encode(), RegisterClientRequest) == expected


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good body of any kind with a stretch cut out and other bytes put in."""
    body = json.dumps(draw(REGISTRATIONS) | draw(UNKNOWN), ensure_ascii=draw(st.booleans())).encode()
    start = draw(st.integers(0, len(body)))
    end = draw(st.integers(start, min(len(body), start + 6)))
    inserted = draw(
        st.one_of(st.binary(max_size=6), st.sampled_from([b'"', b"\\u", b"\\ud800", b"\\", b"{", b"]", b"\x00"]))
    )
    return body[:start] + inserted + body[end:]


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.binary(max_size=200), damaged()))
@example(b'{"clientName":"a","clientType":"b"')
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for shape in REQUEST_SHAPES:
        try:
            assert isinstance(restjson.read(body, shape), shape)
        except InvalidRequestException:
            continue


def spelled(key: str, escaped: bool) -> str:
    """A key as JSON writes it, plainly or with every character escaped."""
    if not escaped:
        return json.dumps(key, ensure_ascii=False)
    units = key.encode("utf-16-be")
    return '"' + "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)) + '"'


@settings(max_examples=500, deadline=None)
@given(
    others=st.lists(st.tuples(KEYS, VALUES), max_size=5),
    key=KEYS,
    first=VALUES,
    second=VALUES,
    escapes=st.tuples(st.booleans(), st.booleans()),
    depth=st.integers(0, 3),
    data=st.data(),
)
def test_a_repeated_member_is_always_found(
    others: list[tuple[str, object]],
    key: str,
    first: object,
    second: object,
    escapes: tuple[bool, bool],
    depth: int,
    data: st.DataObject,
) -> None:
    members = [f"{spelled(name, False)}:{json.dumps(value)}" for name, value in others]
    for escaped, value in zip(escapes, (first, second), strict=True):
        members.insert(data.draw(st.integers(0, len(members))), f"{spelled(key, escaped)}:{json.dumps(value)}")
    text = "{" + ",".join(members) + "}"
    for level in range(depth):
        text = '{"within":' + text + "}" if level % 2 else '{"within":[0,' + text + "]}"
    with pytest.raises(InvalidRequestException, match="repeats a member"):
        restjson.read(text.encode(), RegisterClientRequest)


# The writer

REQUEST_ID = "e23c0c63-acd3-451c-a025-1f8a2275a680"
OF_JSON = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, ModelledError) and hasattr(kind, "default_description")
]


def test_an_error_has_the_bytes_of_the_real_service() -> None:
    response = restjson.write_error(AuthorizationPendingException(reason="nobody has decided yet"), REQUEST_ID)
    assert response.status == 400
    assert response.body == b'{"error":"authorization_pending","error_description":"Authorization is still pending"}'
    assert len(response.body) == 86
    assert dict(response.headers) == {
        b"content-type": b"application/json",
        b"content-length": b"86",
        b"x-amzn-requestid": REQUEST_ID.encode(),
        b"x-amzn-errortype": b"AuthorizationPendingException",
        b"cache-control": b"no-store",
        b"pragma": b"no-cache",
    }


def test_an_unknown_client_is_told_with_401() -> None:
    response = restjson.write_error(InvalidClientException(reason="wrong client secret"), REQUEST_ID)
    assert response.status == 401
    assert response.body == b'{"error":"invalid_client","error_description":"Invalid client provided"}'


def test_an_error_of_the_portal_has_the_bytes_of_the_real_service() -> None:
    response = restjson.write_error(UnauthorizedException(reason="access token has expired"), REQUEST_ID)
    assert response.status == 401
    assert response.body == (
        b'{"message":"Session token not found or invalid",'
        b'"__type":"com.amazonaws.switchboard.portal#UnauthorizedException"}'
    )
    assert dict(response.headers)[b"x-amzn-errortype"] == b"UnauthorizedException"


@pytest.mark.parametrize("kind", OF_JSON, ids=lambda kind: kind.__name__)
def test_an_error_says_what_it_is_each_time(kind: type[ModelledError]) -> None:
    """What was prepared for one is right for the next."""
    for description in ("one text", "another", "one text"):
        error = kind(description, reason="a reason")
        response = restjson.write_error(error, REQUEST_ID)
        assert msgspec.json.decode(response.body) == error.members()
        assert dict(response.headers)[b"x-amzn-errortype"] == error.wire_name().encode()
        assert response.status == error.status


@pytest.mark.parametrize("kind", OF_JSON, ids=lambda kind: kind.__name__)
def test_what_has_members_of_its_own_says_so(kind: type[ModelledError]) -> None:
    """Its answers are then written each time."""
    has_own = kind.__init__ is not ModelledError.__init__ or "members" in vars(kind)
    assert kind.says_more is has_own


def test_another_region_is_named_each_time() -> None:
    bodies = [
        restjson.write_error(InvalidRequestRegionException(endpoint=f"https://{region}", region=region), "id").body
        for region in ("eu-west-1", "us-east-1")
    ]
    assert [msgspec.json.decode(body)["region"] for body in bodies] == ["eu-west-1", "us-east-1"]


def test_a_success_omits_absent_members() -> None:
    response = restjson.write(CreateTokenResponse(access_token="t", token_type="Bearer", expires_in=3600), REQUEST_ID)
    assert response.status == 200
    assert response.body == b'{"accessToken":"t","tokenType":"Bearer","expiresIn":3600}'
    assert dict(response.headers) == {
        b"content-type": b"application/json",
        b"content-length": b"57",
        b"x-amzn-requestid": REQUEST_ID.encode(),
        b"cache-control": b"no-store",
        b"pragma": b"no-cache",
    }


def test_members_are_written_in_camel_case_with_all_their_values() -> None:
    shape = StartDeviceAuthorizationResponse(
        device_code="d", user_code="u", verification_uri="v", verification_uri_complete="c", expires_in=600, interval=1
    )
    assert json.loads(restjson.write(shape, REQUEST_ID).body) == {
        "deviceCode": "d",
        "userCode": "u",
        "verificationUri": "v",
        "verificationUriComplete": "c",
        "expiresIn": 600,
        "interval": 1,
    }


def test_nested_members_are_written() -> None:
    shape = CreateTokenWithIamResponse(
        scope=("openid",), aws_additional_details=AwsAdditionalDetails(identity_context="i")
    )
    assert (
        restjson.write(shape, REQUEST_ID).body == b'{"scope":["openid"],"awsAdditionalDetails":{"identityContext":"i"}}'
    )


def test_logout_answers_with_an_empty_body() -> None:
    assert restjson.write(LogoutResponse(), REQUEST_ID).body == b"{}"
    response = restjson.write_empty(REQUEST_ID)
    assert (response.status, response.body) == (200, b"")
    assert dict(response.headers)[b"content-length"] == b"0"
    assert dict(response.headers)[b"cache-control"] == b"no-store"


@pytest.mark.parametrize(
    "content_type, announced",
    [
        (b"", True),
        (b"application/json", True),
        (b"Application/JSON", True),
        (b"application/json; charset=utf-8", True),
        (b'application/json;charset="UTF-8"', True),
        (b"application/json; charset=utf-8; x=y", True),
        (b"application/x-amz-json-1.1", True),
        (b"application/json; charset=utf-16", False),
        (b"application/json; charset=iso-8859-1", False),
        (b"application/jsonp", False),
        (b"application/x-www-form-urlencoded", False),
        (b"text/plain", False),
        (b"multipart/form-data; boundary=x", False),
        (b"\xff\x00", False),
    ],
)
def test_content_types(content_type: bytes, announced: bool) -> None:
    assert restjson.is_json(content_type) is announced
