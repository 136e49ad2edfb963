"""Signature Version 4 held against AWS's test suite, botocore's signer, and the examples of AWS's documentation."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from postern.api import sigv4, sigv4_authorization
from postern.api.sigv4 import CredentialScope, MalformedSignature

SUITE = Path(__file__).parents[1] / "vectors" / "sigv4"
SUITE_ACCESS_KEY_ID = "AKIDEXAMPLE"
SUITE_SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SUITE_SCOPE = CredentialScope("20150830", "us-east-1", "service")
SUITE_KEY = sigv4.signing_key(SUITE_SECRET, SUITE_SCOPE)
# Its request is without the token that its credentials have.
TOKEN_OF_CREDENTIALS = {
    "get-vanilla-with-session-token": "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"
}


class Vector(msgspec.Struct, frozen=True, kw_only=True):
    """A request of AWS's test suite, and what has to come of it."""

    name: str
    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    canonical_request: str
    string_to_sign: str
    authorization: str

    @property
    def signed_headers(self) -> tuple[str, ...]:
        return sigv4_authorization.parse_authorization(self.authorization).signed_headers

    @property
    def own_headers(self) -> set[str]:
        return {name.lower() for name, _ in self.headers} - set(self.signed_headers)


def read_vector(folder: Path) -> Vector:
    text = {
        ending: (folder / f"{folder.name}.{ending}").read_text("utf-8") for ending in ("req", "creq", "sts", "authz")
    }
    head, _, body = text["req"].partition("\n\n")
    request_line, *lines = head.rstrip("\n").replace("\n ", " ").split("\n")
    method, _, target = request_line.removesuffix(" HTTP/1.1").partition(" ")
    path, _, query = target.partition("?")
    headers = [(name, value) for name, _, value in (line.partition(":") for line in lines)]
    if token := TOKEN_OF_CREDENTIALS.get(folder.name):
        headers.append(("X-Amz-Security-Token", token))
    return Vector(
        name=folder.name,
        method=method,
        path=path,
        query=query,
        headers=tuple(headers),
        body=body.encode(),
        canonical_request=text["creq"],
        string_to_sign=text["sts"],
        authorization=text["authz"],
    )


VECTORS = [read_vector(file.parent) for file in sorted(SUITE.rglob("*.authz"))]
# `sign` leaves headers unsigned that are neither of AWS nor about the body.
SIGNED_WHOLE = [vector for vector in VECTORS if "my-header1" not in vector.signed_headers]
each_vector = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)


def test_the_whole_suite_is_there() -> None:
    assert (len(VECTORS), len(SIGNED_WHOLE)) == (34, 28)


@each_vector
def test_canonical_request(vector: Vector) -> None:
    digest = sigv4.payload_hash(vector.body)
    found = sigv4.canonical_request(
        vector.method, vector.path, vector.query, vector.headers, vector.signed_headers, digest
    )
    assert found == vector.canonical_request


@each_vector
def test_string_to_sign(vector: Vector) -> None:
    assert sigv4.string_to_sign("20150830T123600Z", SUITE_SCOPE, vector.canonical_request) == vector.string_to_sign


@each_vector
def test_signature_is_expected_by_the_verifier(vector: Vector) -> None:
    authorization = sigv4_authorization.parse_authorization(vector.authorization)
    assert authorization.access_key_id == SUITE_ACCESS_KEY_ID
    assert authorization.scope == SUITE_SCOPE
    found = sigv4_authorization.expected_signature(
        authorization,
        key=SUITE_KEY,
        amz_date="20150830T123600Z",
        method=vector.method,
        path=vector.path,
        query=vector.query,
        headers=vector.headers,
        body=vector.body,
    )
    assert found == authorization.signature


@pytest.mark.parametrize("vector", SIGNED_WHOLE, ids=lambda vector: vector.name)
def test_authorization_header(vector: Vector) -> None:
    headers = dict(vector.headers)
    found = sigv4.sign(
        method=vector.method,
        url=f"https://example.amazonaws.com{vector.path}?{vector.query}",
        headers=headers,
        body=vector.body,
        access_key_id=SUITE_ACCESS_KEY_ID,
        secret_access_key=SUITE_SECRET,
        session_token=headers.get("X-Amz-Security-Token"),
        region="us-east-1",
        service="service",
        now=sigv4.unix_seconds("20150830T123600Z"),
    )
    assert found["Authorization"] == vector.authorization


# Further forms that one request may have on its way; botocore encodes what it sends, so its signer does not meet them.
@pytest.mark.parametrize(
    "query, canonical",
    [
        ("", ""),
        ("aws_iam=t", "aws_iam=t"),
        ("b&a", "a=&b="),
        ("a=2&a=1&a=10", "a=1&a=10&a=2"),
        ("a-=1&a=2", "a=2&a-=1"),
        ("a=%7e%2d&b=%c3%a4", "a=~-&b=%C3%A4"),
        ("a=b=c", "a=b%3Dc"),
        ("a=b+c", "a=b%2Bc"),
        ("a=/:,", "a=%2F%3A%2C"),
        ("a=100%", "a=100%25"),
        ("a=\udcff", "a=%FF"),
        ("a=%ff", "a=%FF"),
    ],
)
def test_canonical_query(query: str, canonical: str) -> None:
    assert sigv4.canonical_query(query) == canonical


@pytest.mark.parametrize(
    "path, canonical",
    [
        ("", "/"),
        ("/", "/"),
        ("/token", "/token"),
        ("/a/b/", "/a/b/"),
        ("//a///b//", "/a/b/"),
        ("/../a", "/a"),
        ("/a/./b/../c", "/a/c"),
        ("/a/..", "/"),
        ("/.well-known/x", "/.well-known/x"),
        ("/a%20b%2Fc", "/a%2520b%252Fc"),
        ("/a:b@c", "/a%3Ab%40c"),
        ("/\udcff", "/%FF"),
    ],
)
def test_canonical_path(path: str, canonical: str) -> None:
    assert sigv4.canonical_path(path) == canonical


def test_bytes_that_are_not_utf_8_are_signed_as_they_are() -> None:
    one, other = (
        sigv4.canonical_request("GET", "/", "", [("host", host)], ["host"], sigv4.payload_hash(b""))
        for host in ("\udcff", "\udcfe")
    )
    assert sigv4.string_to_sign("d", SUITE_SCOPE, one) != sigv4.string_to_sign("d", SUITE_SCOPE, other)


@pytest.mark.parametrize(
    "date, key",
    [
        ("20150830", "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"),
        ("20120215", "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d"),
    ],
)
def test_signing_key_is_that_of_the_documentation(date: str, key: str) -> None:
    assert sigv4.signing_key(SUITE_SECRET, CredentialScope(date, "us-east-1", "iam")).hex() == key


def test_list_users_of_the_documentation() -> None:
    found = sigv4.sign(
        method="GET",
        url="https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
        headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
        body=b"",
        access_key_id=SUITE_ACCESS_KEY_ID,
        secret_access_key=SUITE_SECRET,
        region="us-east-1",
        service="iam",
        now=1440938160,
    )
    assert found == {
        "X-Amz-Date": "20150830T123600Z",
        "Authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
    }


# Against botocore.

printable = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=12)
segments = st.sampled_from(["", ".", "..", "token", "%2F", "%", "a%20b", "~user", "a;b=c,d", "..."]) | printable.map(
    lambda text: text.replace("/", "").replace("?", "").replace("#", "")
)
paths = st.lists(segments, max_size=5).map("/".join).map("/{}".format) | st.just("")
pairs = st.tuples(st.sampled_from(["", "a", "A", "a-b", "aws_iam"]) | printable, st.just("") | printable)


def as_query(pairs: list[tuple[str, str]]) -> str:
    """As botocore and every SDK writes it on the wire."""
    return "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs)


header_values = st.sampled_from(
    ["", " ", "application/json", "  a   b\t c  ", '"a   b"', "a,b , c", "ä\u3000b"]
) | st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20)
headers = st.dictionaries(
    st.sampled_from(["Content-Type", "X-Amz-Target", "x-amz-content-kind", "X-AMZ-A", "User-Agent", "Connection"]),
    header_values,
)
requests = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["GET", "POST", "DELETE", "patch"]),
        "scheme": st.sampled_from(["http", "https", "HTTPS"]),
        "authority": st.sampled_from(
            ["oidc.us-east-1.amazonaws.com", "OIDC.Example:443", "example:80", "127.0.0.1:8765", "[::1]:443", "[::1]:9"]
        ),
        "path": paths,
        "headers": headers,
        "body": st.binary(max_size=40),
        "secret_access_key": st.just(SUITE_SECRET) | printable,
        "session_token": st.none() | st.just("a b  c/+=") | printable.filter(bool),
        "region": st.sampled_from(["us-east-1", "cn-north-1"]),
        "service": st.sampled_from(["sso-oauth", "awsssoportal"]),
        "now": st.integers(0, 253402300799) | st.just(1440938160.75),
    }
)
quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def signed_by_botocore(signer: type[SigV4Auth], request: dict[str, Any]) -> AWSRequest:
    credentials = Credentials(request["access_key_id"], request["secret_access_key"], request["session_token"])
    moment = datetime.fromtimestamp(request["now"], UTC).replace(tzinfo=None)
    signed = AWSRequest(method=request["method"], url=request["url"], headers=request["headers"], data=request["body"])
    with patch("botocore.auth.get_current_datetime", lambda: moment):
        signer(credentials, request["service"], request["region"]).add_auth(signed)
    return signed


def complete(drawn: dict[str, Any], pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """The arguments of `sign`."""
    query = f"?{as_query(pairs)}" if pairs else ""
    url = f"{drawn['scheme']}://{drawn['authority']}{drawn['path']}{query}"
    rest = {name: value for name, value in drawn.items() if name not in ("scheme", "authority", "path")}
    return rest | {"url": url, "access_key_id": SUITE_ACCESS_KEY_ID}


@quick
@given(requests, st.lists(pairs, max_size=5))
def test_headers_are_exactly_those_of_botocore(drawn: dict[str, Any], parameters: list[tuple[str, str]]) -> None:
    request = complete(drawn, parameters)
    signed = signed_by_botocore(SigV4Auth, request)
    theirs = {name: value for name, value in signed.headers.items() if name not in request["headers"]}
    assert sigv4.sign(**request) == theirs


@quick
@given(requests, st.lists(pairs, max_size=5, unique_by=lambda pair: pair[0]))
def test_presigned_url_is_exactly_that_of_botocore(drawn: dict[str, Any], parameters: list[tuple[str, str]]) -> None:
    # botocore moves a body into the query, and writes the scheme in lower case.
    request = complete(drawn | {"body": b"", "scheme": drawn["scheme"].lower()}, parameters)
    assert sigv4.presign(**request) == signed_by_botocore(SigV4QueryAuth, request).url


@quick
@given(requests, st.lists(pairs, max_size=5))
@example(
    {
        "method": "POST",
        "scheme": "https",
        "authority": "example",
        "path": "/token",
        "headers": {"Content-Type": "application/json"},
        "body": b"{}",
        "secret_access_key": SUITE_SECRET,
        "session_token": "t",
        "region": "us-east-1",
        "service": "sso-oauth",
        "now": 1440938160,
    },
    [("aws_iam", "t")],
)
def test_what_is_signed_verifies(drawn: dict[str, Any], parameters: list[tuple[str, str]]) -> None:
    request = complete(drawn, parameters)
    added = sigv4.sign(**request)
    target = urlsplit(request["url"])
    authorization = sigv4_authorization.parse_authorization(added["Authorization"])
    found = sigv4_authorization.expected_signature(
        authorization,
        key=sigv4.signing_key(request["secret_access_key"], authorization.scope),
        amz_date=added["X-Amz-Date"],
        method=request["method"],
        path=target.path,
        query=target.query,
        headers=[("Host", sigv4.host_header(request["url"])), *request["headers"].items(), *added.items()],
        body=request["body"],
    )
    assert found == authorization.signature


# Signing.


def signing(**changes: Any) -> dict[str, Any]:
    request: dict[str, Any] = {
        "method": "POST",
        "url": "https://oidc.us-east-1.amazonaws.com/token?aws_iam=t",
        "headers": {"Content-Type": "application/json", "User-Agent": "postern"},
        "body": b'{"grantType":"refresh_token"}',
        "access_key_id": SUITE_ACCESS_KEY_ID,
        "secret_access_key": SUITE_SECRET,
        "region": "us-east-1",
        "service": "sso-oauth",
        "now": 1440938160,
    }
    return request | changes


def signed_names(added: dict[str, str]) -> str:
    return ";".join(sigv4_authorization.parse_authorization(added["Authorization"]).signed_headers)


def test_signs_host_content_type_and_the_headers_of_aws() -> None:
    assert signed_names(sigv4.sign(**signing())) == "content-type;host;x-amz-date"
    assert signed_names(sigv4.sign(**signing(session_token="t"))) == "content-type;host;x-amz-date;x-amz-security-token"


def test_a_known_key_gives_the_same_signature_without_the_secret() -> None:
    key = sigv4.signing_key(SUITE_SECRET, CredentialScope("20150830", "us-east-1", "sso-oauth"))
    assert sigv4.sign(**signing(secret_access_key="", key=key)) == sigv4.sign(**signing())
    assert sigv4.presign(**signing(secret_access_key="", key=key)) == sigv4.presign(**signing())


def test_signing_again_replaces_what_signed_before() -> None:
    first = sigv4.sign(**signing(session_token="old", now=1440930000))
    again = signing(session_token="new", headers=signing()["headers"] | first)
    assert sigv4.sign(**again) == sigv4.sign(**signing(session_token="new"))


@pytest.mark.parametrize(
    "url, host",
    [
        ("https://example.com", "example.com"),
        ("HTTPS://Example.COM:443/a", "example.com"),
        ("http://example.com:80", "example.com"),
        ("http://example.com:443/", "example.com:443"),
        ("https://example.com:/", "example.com"),
        ("http://localhost:08765?a", "localhost:8765"),
        ("http://somebody:something@[::1]:9/", "[::1]:9"),
        ("https://[2001:DB8::1]#here", "[2001:db8::1]"),
        ("https://Bücher.example:1/", "xn--bcher-kva.example:1"),
    ],
)
def test_host_is_derived_from_the_url(url: str, host: str) -> None:
    assert sigv4.host_header(url) == host


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/token",
        "example.com/token",
        "ftp://secret.example/",
        "https:///secret",
        "https://secret.example:port/",
        "https://a@b@secret.example/",
        "https://secret.example\\@b/",
        "https://secret.example/a\r\nX-Amz-Date: b",
        "https://secret.example/?a\n",
        "https://sec ret.example/",
        "https://::1/secret",
    ],
)
def test_what_is_no_absolute_http_url_is_not_signed(url: str) -> None:
    with pytest.raises(ValueError, match="not an absolute HTTP URL") as raised:
        sigv4.sign(**signing(url=url))
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("expires_in", [0, -1, 604801])
def test_presigned_url_lasts_for_a_second_to_seven_days(expires_in: int) -> None:
    with pytest.raises(ValueError, match="1 to 604800 seconds"):
        sigv4.presign(**signing(expires_in=expires_in))


# Dates.


@pytest.mark.parametrize(
    "seconds, date",
    [(0, "19700101T000000Z"), (1440938160.999, "20150830T123600Z"), (253402300799, "99991231T235959Z")],
)
def test_amz_date(seconds: float, date: str) -> None:
    assert sigv4.amz_date(seconds) == date
    assert sigv4.unix_seconds(date) == int(seconds)


@pytest.mark.parametrize("seconds", [-1, 253402300800, float("nan"), float("inf")])
def test_no_amz_date_beyond_four_digits_of_years(seconds: float) -> None:
    with pytest.raises(ValueError, match="between the years"):
        sigv4.amz_date(seconds)


@pytest.mark.parametrize(
    "date",
    [
        "",
        "20150830",
        "2015-08-30T12:36:00Z",
        "20150830T123600",
        "20150830t123600z",
        "20150830T123600Z\n",
        " 20150830T123600Z",
        "20150830T123600Z,20150830T123600Z",
        "20150830T1236\u0660\u0660Z",
        "20151330T123600Z",
        "20150229T123600Z",
        "20150830T240000Z",
        "20150830T123660Z",
        "00000101T000000Z",
    ],
)
def test_odd_amz_dates_are_refused(date: str) -> None:
    with pytest.raises(MalformedSignature, match="X-Amz-Date is not"):
        sigv4.unix_seconds(date)


# Verifying.

CREDENTIAL = "Credential=AKIDEXAMPLE/20150830/us-east-1/sso-oauth/aws4_request"
SIGNED_HEADERS = "SignedHeaders=content-type;host;x-amz-date"
SIGNATURE = "Signature=" + "0a" * 32


def authorization(credential: str = CREDENTIAL, signed: str = SIGNED_HEADERS, proof: str = SIGNATURE) -> str:
    return f"AWS4-HMAC-SHA256 {credential}, {signed}, {proof}"


@pytest.mark.parametrize(
    "value",
    [
        authorization(),
        f"AWS4-HMAC-SHA256 {CREDENTIAL},{SIGNED_HEADERS},{SIGNATURE}",
        f"AWS4-HMAC-SHA256 {SIGNATURE} ,\t{CREDENTIAL}, {SIGNED_HEADERS}",
    ],
    ids=["as SDKs write it", "without spaces", "in another order"],
)
def test_authorization_is_read(value: str) -> None:
    assert sigv4_authorization.parse_authorization(value) == sigv4_authorization.Authorization(
        access_key_id="AKIDEXAMPLE",
        scope=CredentialScope("20150830", "us-east-1", "sso-oauth"),
        signed_headers=("content-type", "host", "x-amz-date"),
        signature="0a" * 32,
    )


MALFORMED = {
    "empty": ("", "the algorithm"),
    "another scheme": ("Bearer secret", "the algorithm"),
    "SigV4A": (authorization().replace("AWS4-HMAC", "AWS4-ECDSA-P256"), "the algorithm"),
    "lower case": (authorization().replace("AWS4", "aws4"), "the algorithm"),
    "algorithm alone": ("AWS4-HMAC-SHA256", "a component other"),
    "a fourth component": (authorization() + ", Secret=x", "a component other"),
    "a comma at the end": (authorization() + ",", "a component other"),
    "component in lower case": (authorization(credential=CREDENTIAL.lower()), "a component other"),
    "space before the equals sign": (authorization(proof="Signature =" + "0a" * 32), "a component other"),
    "credential twice": (authorization() + f", {CREDENTIAL}", "Credential is repeated"),
    "signature twice": (authorization() + f", {SIGNATURE}", "Signature is repeated"),
    "no signature": (f"AWS4-HMAC-SHA256 {CREDENTIAL}, {SIGNED_HEADERS}", "Signature is missing"),
    "no signed headers": (f"AWS4-HMAC-SHA256 {CREDENTIAL}, {SIGNATURE}", "SignedHeaders is missing"),
    "no credential": (f"AWS4-HMAC-SHA256 {SIGNED_HEADERS}, {SIGNATURE}", "Credential is missing"),
    "credential empty": (authorization("Credential="), "Credential is not"),
    "four parts": (authorization("Credential=secret/20150830/us-east-1/aws4_request"), "Credential is not"),
    "six parts": (authorization(CREDENTIAL.replace("=", "=secret/")), "Credential is not"),
    "another terminator": (authorization(CREDENTIAL + "s"), "Credential is not"),
    "access key id empty": (authorization(CREDENTIAL.replace("AKIDEXAMPLE", "")), "the access key id"),
    "access key id with a space": (authorization(CREDENTIAL.replace("AKID", "secret ")), "the access key id"),
    "access key id not ASCII": (authorization(CREDENTIAL.replace("AKID", "É")), "the access key id"),
    "access key id too long": (authorization(CREDENTIAL.replace("AKIDEXAMPLE", "A" * 129)), "the access key id"),
    "date too short": (authorization(CREDENTIAL.replace("20150830", "2015830")), "the date"),
    "date not ASCII": (authorization(CREDENTIAL.replace("20150830", "2015083\u0660")), "the date"),
    "region empty": (authorization(CREDENTIAL.replace("us-east-1", "")), "the region"),
    "service with a star": (authorization(CREDENTIAL.replace("sso-oauth", "*")), "the service"),
    "signed headers empty": (authorization(signed="SignedHeaders="), "SignedHeaders has"),
    "signed headers in upper case": (authorization(signed="SignedHeaders=Host"), "SignedHeaders has"),
    "signed headers with a space": (authorization(signed="SignedHeaders=host; x-amz-date"), "SignedHeaders has"),
    "signed headers with a line break": (authorization(signed="SignedHeaders=host;x\n"), "SignedHeaders has"),
    "signed headers end early": (authorization(signed="SignedHeaders=host;"), "SignedHeaders has"),
    "signed headers not sorted": (authorization(signed="SignedHeaders=x-amz-date;host"), "SignedHeaders is not"),
    "signed headers repeated": (authorization(signed="SignedHeaders=host;host"), "SignedHeaders is not"),
    "host not signed": (authorization(signed="SignedHeaders=x-amz-date"), "SignedHeaders is without host"),
    "signature too short": (authorization(proof=SIGNATURE[:-1]), "Signature is not"),
    "signature too long": (authorization(proof=SIGNATURE + "0"), "Signature is not"),
    "signature in upper case": (authorization(proof="Signature=" + "0A" * 32), "Signature is not"),
    "signature not hex": (authorization(proof="Signature=" + "0g" * 32), "Signature is not"),
    "signature after a space": (authorization(proof="Signature= " + "0a" * 32), "Signature is not"),
}


@pytest.mark.parametrize("value, part", MALFORMED.values(), ids=MALFORMED)
def test_malformed_authorization_is_refused_by_the_part_that_is_wrong(value: str, part: str) -> None:
    with pytest.raises(MalformedSignature, match=part) as raised:
        sigv4_authorization.parse_authorization(value)
    assert "secret" not in str(raised.value).lower()


PRESIGNED = urlsplit(sigv4.presign(**signing(session_token="a/secret+token=", expires_in=60))).query


def test_presigned_query_is_read_and_verifies() -> None:
    authorization = sigv4_authorization.parse_presigned(PRESIGNED)
    assert authorization.access_key_id == SUITE_ACCESS_KEY_ID
    assert authorization.scope == CredentialScope("20150830", "us-east-1", "sso-oauth")
    assert authorization.signed_headers == ("content-type", "host")
    assert (authorization.amz_date, authorization.expires_in) == ("20150830T123600Z", 60)
    assert authorization.session_token == "a/secret+token="
    assert expected(authorization, query=PRESIGNED, headers=HEADERS) == authorization.signature


def test_presigned_query_verifies_in_any_order() -> None:
    query = "&".join(sorted(PRESIGNED.split("&"), reverse=True))
    assert (
        expected(sigv4_authorization.parse_presigned(query), query=query, headers=HEADERS)
        == dict(parse_qsl(PRESIGNED))["X-Amz-Signature"]
    )


MALFORMED_QUERIES = {
    "none": ("aws_iam=t", "X-Amz-Algorithm is missing"),
    "no signature": (PRESIGNED.partition("&X-Amz-Signature")[0], "X-Amz-Signature is missing"),
    "signature twice": (PRESIGNED + "&X-Amz-Signature=0", "X-Amz-Signature is repeated"),
    "signature twice, once encoded": (PRESIGNED + "&X-Amz%2DSignature=0", "X-Amz-Signature is repeated"),
    "token twice": (PRESIGNED + "&X-Amz-Security-Token=x", "X-Amz-Security-Token is repeated"),
    "name in lower case": (PRESIGNED.replace("X-Amz-Date", "x-amz-date"), "X-Amz-Date is missing"),
    "another algorithm": (PRESIGNED.replace("HMAC", "ECDSA"), "X-Amz-Algorithm is not"),
    "a date that is none": (PRESIGNED.replace("20150830T", "20150832T"), "X-Amz-Date is not"),
    "for ever": (PRESIGNED.replace("Expires=60", "Expires=604801"), "X-Amz-Expires is not"),
    "for no time": (PRESIGNED.replace("Expires=60", "Expires=0"), "X-Amz-Expires is not"),
    "for a negative time": (PRESIGNED.replace("Expires=60", "Expires=-60"), "X-Amz-Expires is not"),
    "credential in parts": (PRESIGNED.replace("%2Faws4_request", ""), "Credential is not"),
    "signed headers without host": (PRESIGNED.replace("%3Bhost", ""), "SignedHeaders is without host"),
    "signature cut off": (PRESIGNED[:-1], "Signature is not"),
}


@pytest.mark.parametrize("query, part", MALFORMED_QUERIES.values(), ids=MALFORMED_QUERIES)
def test_malformed_presigned_query_is_refused_by_the_part_that_is_wrong(query: str, part: str) -> None:
    with pytest.raises(MalformedSignature, match=part) as raised:
        sigv4_authorization.parse_presigned(query)
    assert "secret" not in str(raised.value)


ADDED = sigv4.sign(**signing())
HEADERS = [
    ("host", "oidc.us-east-1.amazonaws.com"),
    ("content-type", "application/json"),
    ("user-agent", "postern"),
]


def expected(authorization: sigv4_authorization.Authorization, **changes: Any) -> str:
    """The signature expected for the request of `signing`, or for that with changes."""
    request: dict[str, Any] = {
        "key": sigv4.signing_key(SUITE_SECRET, authorization.scope),
        "amz_date": "20150830T123600Z",
        "method": "POST",
        "path": "/token",
        "query": "aws_iam=t",
        "headers": [*HEADERS, ("x-amz-date", "20150830T123600Z")],
        "body": b'{"grantType":"refresh_token"}',
    }
    return sigv4_authorization.expected_signature(authorization, **(request | changes))


TAMPERED: dict[str, dict[str, Any]] = {
    "method": {"method": "PUT"},
    "path": {"path": "/tokens"},
    "query": {"query": "aws_iam=f"},
    "another parameter": {"query": "aws_iam=t&a=b"},
    "the presigned parameter": {"query": "aws_iam=t&X-Amz-Signature=0"},
    "body": {"body": b'{"grantType":"refresh_tokem"}'},
    "time": {"amz_date": "20150830T123601Z"},
    "host": {"headers": [("host", "example.com"), *HEADERS[1:], ("x-amz-date", "20150830T123600Z")]},
    "a second host": {"headers": [*HEADERS, HEADERS[0], ("x-amz-date", "20150830T123600Z")]},
    "key": {"key": bytes(32)},
}


@pytest.mark.parametrize("changes", TAMPERED.values(), ids=TAMPERED)
def test_a_changed_request_is_not_what_was_signed(changes: dict[str, Any]) -> None:
    authorization = sigv4_authorization.parse_authorization(ADDED["Authorization"])
    assert expected(authorization) == authorization.signature
    assert expected(authorization, **changes) != authorization.signature


@pytest.mark.parametrize(
    "changes, why",
    [
        ({"amz_date": "20150831T000000Z"}, "the date in Credential"),
        ({"headers": HEADERS}, "a signed header is not in the request"),
        ({"headers": [*HEADERS, ("X-Amz-Date", ""), ("X-Amz-Target", "secret")]}, "an X-Amz- header is not signed"),
    ],
    ids=["key of another day", "signed header taken away", "header of AWS added"],
)
def test_what_was_signed_has_to_be_all_there(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(MalformedSignature, match=why):
        expected(sigv4_authorization.parse_authorization(ADDED["Authorization"]), **changes)


def test_a_session_token_may_be_added_after_signing() -> None:
    authorization = sigv4_authorization.parse_authorization(ADDED["Authorization"])
    headers = [*HEADERS, ("x-amz-date", "20150830T123600Z"), ("X-Amz-Security-Token", "t")]
    assert expected(authorization, headers=headers) == authorization.signature


@pytest.mark.parametrize(
    "authorization",
    [sigv4_authorization.parse_authorization(ADDED["Authorization"]), sigv4_authorization.parse_presigned(PRESIGNED)],
    ids=["header", "query"],
)
def test_a_repr_tells_who_signed_and_nothing_to_replay(authorization: sigv4_authorization.Authorization) -> None:
    text = repr(authorization)
    assert "AKIDEXAMPLE/20150830/us-east-1/sso-oauth/aws4_request" in text
    assert authorization.signature not in text
    assert "secret" not in text
