"""The XML of an STS, good and hostile."""

import pytest

from postern.core.role_credentials.port import StsUnavailable
from postern.remote.sts_answers import Answer, UnusableAnswer, read_credentials
from tests.remote.sts_network import SECRET, SECRETS, SESSION_TOKEN, document

ACTION = "AssumeRoleWithWebIdentity"
NOW = 1_790_000_000
EXPIRES_AT = NOW + 3600


def read(text: str | bytes, now: float = NOW) -> int:
    """When the credentials of a good answer expire."""
    body = text.encode() if isinstance(text, str) else text
    credentials = read_credentials(Answer(200, body), ACTION, now)
    assert (credentials.access_key_id, credentials.secret_access_key) == ("ASIAGIVEN", SECRET)
    assert credentials.session_token == SESSION_TOKEN
    return credentials.expires_at


GOOD = {
    "AWS": document(),
    "no namespace": document(namespace=""),
    "another namespace": document(namespace="urn:of-another-store"),
    "a prefix": document(namespace="")
    .replace(f"<{ACTION}Response>", f'<s:{ACTION}Response xmlns:s="urn:x">')
    .replace(f"</{ACTION}Response>", f"</s:{ACTION}Response>"),
    "a declaration": '<?xml version="1.0" encoding="UTF-8"?>\n' + document(),
    "spaces": document()
    .replace("><", ">\n  <")
    .replace("<AccessKeyId>", "<AccessKeyId>\n ")
    .replace("</AccessKeyId>", "\n</AccessKeyId>"),
    "CDATA": document(SecretAccessKey=f"<![CDATA[{SECRET}]]>"),
    "references": document(SecretAccessKey=SECRET.replace("+", "&#43;")),
    "a comment": document(SecretAccessKey=f"{SECRET[:5]}<!-- x -->{SECRET[5:]}"),
    "another encoding, with a mark of it": document().encode("utf-16"),
    "more than is asked for": document().replace("<Credentials>", "<Audience>x</Audience><Credentials>"),
    "unknown members": document().replace("<AccessKeyId>", "<Region>eu</Region><AccessKeyId>"),
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_a_good_answer_is_read_whoever_wrote_it(text: str | bytes) -> None:
    assert read(text) == EXPIRES_AT


@pytest.mark.parametrize(
    "expiration",
    [
        "2026-09-21T15:13:20Z",
        "2026-09-21T15:13:20.999Z",
        "2026-09-21T15:13:20+00:00",
        "2026-09-21T17:13:20+02:00",
        "2026-09-21T15:13:20",
        "20260921T151320Z",
    ],
)
def test_times_are_those_of_iso_8601(expiration: str) -> None:
    assert read(document(expiration=expiration)) == EXPIRES_AT


ENTITIES = '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
HOSTILE = {
    "a command after the token": document(SessionToken='x"&amp;calc&amp;"'),
    "a variable in the token": document(SessionToken="x%PATH%"),
    "a document type": f"<!DOCTYPE {ACTION}Response>{document()}",
    "an entity": ENTITIES + document(AccessKeyId="&b;"),
    "an entity that is not used": ENTITIES + document(),
    "an external entity": f'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>{document(AccessKeyId="&x;")}',
    "an external subset": f'<!DOCTYPE r SYSTEM "http://127.0.0.1/r.dtd">{document()}',
    "a parameter entity": f'<!DOCTYPE r [<!ENTITY % x SYSTEM "http://127.0.0.1/x">%x;]>{document()}',
    "an entity of nobody": document(AccessKeyId="&unknown;"),
    "a processing instruction": f'<?xml-stylesheet href="http://127.0.0.1/"?>{document()}',
    "depth": "<a>" * 10_000 + "</a>" * 10_000,
    "width": f"<{ACTION}Response>{'<a/>' * 10_000}{document(namespace='')}</{ACTION}Response>",
    "another root": document("AssumeRole"),
    "the answer within another": f"<x>{document()}</x>",
    "two answers": document() + document(),
    "two of a kind": document().replace("<AccessKeyId>", "<AccessKeyId>ASIAOTHER</AccessKeyId><AccessKeyId>"),
    "three of a kind": document().replace(
        "<AccessKeyId>", "<AccessKeyId>A</AccessKeyId><AccessKeyId>B</AccessKeyId><AccessKeyId>"
    ),
    "two credentials": document(namespace="").replace(
        "</Credentials>", "</Credentials><Credentials><AccessKeyId>B</AccessKeyId></Credentials>"
    ),
    "an element where text is": document(AccessKeyId="<b>ASIAGIVEN</b>"),
    "a refusal with status 200": "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>",
    "JSON": '{"AssumeRoleWithWebIdentityResponse": {}}',
    "a page": "<!doctype html><title>Sign in</title>",
    "nothing": "",
    "no end": document()[:-5],
    "no encoding": document().encode() + b"\xff",
    "a NUL": document(AccessKeyId="ASIA\0GIVEN"),
    "no key id": document(AccessKeyId=""),
    "no secret": document(SecretAccessKey=""),
    "no token": document(SessionToken=""),
    "a key id of two words": document(AccessKeyId="ASIA GIVEN"),
    "a secret with a line break": document(SecretAccessKey="a&#10;b"),
    "a token that is no ASCII": document(SessionToken="é"),
    "no expiration": document(expiration=""),
    "an expiration that is none": document(expiration="tomorrow"),
    "an expiration in numbers": document(expiration="1790003600"),
    "no such day": document(expiration="2026-02-30T00:00:00Z"),
    "an expiration in the past": document(expiration="2026-09-21T14:13:19Z"),
    "an expiration now": document(expiration="2026-09-21T14:13:20.9Z"),
    "before our time": document(expiration="0001-01-01T00:00:00+23:59"),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_anything_else_is_no_answer_and_the_reason_repeats_nothing_of_it(text: str | bytes) -> None:
    with pytest.raises(UnusableAnswer) as caught:
        read(text)
    reason = caught.value.reason
    assert not [secret for secret in (*SECRETS, "passwd", "127.0.0.1", "ASIA") if secret in reason]


def test_a_hostile_refusal_has_no_code() -> None:
    body = ENTITIES + "<ErrorResponse><Error><Code>&b;</Code></Error></ErrorResponse>"
    with pytest.raises(StsUnavailable) as caught:
        read_credentials(Answer(503, body.encode()), ACTION, NOW)
    assert caught.value.reason == "status 503"


def test_an_answer_shows_no_secret() -> None:
    assert repr(Answer(200, document().encode())) == f"Answer(200, {len(document())} bytes)"
