"""Assertions, good and hostile: RFC 7523 3, RFC 8725, statements 92 to 99 and attacks 17 to 24 of the security design.

The small world's issuer counts how often it is asked for a key, which is when the server would go out for it.
"""

import functools
import hmac
import json
import time
from base64 import urlsafe_b64encode
from hashlib import sha256

import msgspec
import pytest
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from postern.api.errors import InvalidGrantException
from postern.core import assertions, users
from postern.core.assertions import SKEW, Assertion
from postern.core.directory import trusted_token_issuers
from postern.core.directory.records import (
    Application,
    ApplicationGrants,
    AuthorizedTokenIssuer,
    ExternalId,
    JwtBearerOptions,
    Status,
    TrustedTokenIssuer,
)
from postern.core.issuer_keys import IssuerUnavailable
from postern.core.policy import DAY
from postern.core.store import ConfigurationChange
from tests.core.application_world import AUDIENCE, ISSUER_ARN, ISSUER_URL, add_application, change, open_issuer
from tests.core.world import PASSWORD, World, present, refused

ATTACKER_URL = "https://attacker.example/keys"
MIRA_IN_FULLWIDTH = "\N{FULLWIDTH LATIN SMALL LETTER M}ira"
KELVIN = "\N{KELVIN SIGN}"


@functools.cache
def rsa_key(name: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": name})


@functools.cache
def ec_key(name: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": name})


class Keys:
    """An issuer's keys; ``asked`` says for which the server asked."""

    def __init__(self) -> None:
        published: tuple[Key, ...] = (rsa_key("rsa"), ec_key("ec"), OKPKey.generate_key("Ed25519", {"kid": "okp"}))
        self.published = {present(key.kid): key for key in published}
        self.asked: list[tuple[str, str | None]] = []
        self.is_down = False

    async def find(self, issuer_url: str, key_id: str | None) -> Key | None:
        self.asked.append((issuer_url, key_id))
        if self.is_down:
            raise IssuerUnavailable("no answer within 3 seconds")
        return self.published.get(key_id or "ec")


class Desk:
    """An application, its trusted issuer and the assertions that are presented."""

    def __init__(self, world: World, application: Application, keys: Keys) -> None:
        self.world = world
        self.application = application
        self.keys = keys

    def claims(self, **changes: object) -> dict[str, object]:
        now = self.world.now
        good: dict[str, object] = {
            "iss": ISSUER_URL,
            "sub": "a-subject",
            "aud": AUDIENCE,
            "iat": now,
            "nbf": now,
            "exp": now + 300,
            "jti": "an-id",
            "preferred_username": "mira",
        }
        return present_members(good | changes)

    def assertion(self, header: dict[str, object] | None = None, /, **claims: object) -> str:
        return signed({"alg": "ES256", "kid": "ec", "typ": "JWT"} | (header or {}), self.claims(**claims), ec_key("ec"))

    async def present(self, text: str) -> Assertion:
        return await assertions.verify(self.world.service, self.application.application_arn, text)

    async def change_issuer(self, **changes: object) -> None:
        issuer = await self.issuer()
        changed = msgspec.structs.replace(issuer, **changes)
        await self.world.store.change_configuration(ConfigurationChange(replace=((issuer, changed),)))

    async def issuer(self) -> TrustedTokenIssuer:
        return present(await self.world.store.find_trusted_token_issuer(ISSUER_ARN))

    async def change_grants(self, *authorized: AuthorizedTokenIssuer) -> None:
        grants = ApplicationGrants(jwt_bearer=JwtBearerOptions(authorized_token_issuers=authorized))
        self.application = await change(self.world, self.application, grants=grants)


@pytest.fixture
async def desk(world: World) -> Desk:
    await open_issuer(world)
    keys = Keys()
    world.service.issuer_keys = keys
    return Desk(world, await add_application(world), keys)


def present_members(members: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not None}


def base64url(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def signed(header: dict[str, object], claims: dict[str, object] | str, key: Key) -> str:
    """Signed as ``alg`` says."""
    return signed_text(json.dumps(present_members(header)), claims, key, str(header["alg"]))


def signed_text(header: str, claims: dict[str, object] | str, key: Key, algorithm: str) -> str:
    payload = claims if isinstance(claims, str) else json.dumps(claims)
    start = f"{base64url(header.encode())}.{base64url(payload.encode())}"
    return f"{start}.{base64url(JWSRegistry.algorithms[algorithm].sign(start.encode(), key))}"


def deep(levels: int) -> str:
    return base64url(b'{"a":' + b"[" * levels + b"]" * levels + b"}")


# Good ones


async def test_a_good_assertion_says_who_the_person_is(desk: Desk) -> None:
    found = await desk.present(desk.assertion(auth_time=desk.world.now - 30))
    assert found == Assertion(
        digest=sha256(f"{ISSUER_URL}\0an-id".encode()).digest(),
        forget_at=desk.world.now + 300 + SKEW,
        trusted_token_issuer_arn=ISSUER_ARN,
        user_id=desk.world.person.user_id,
        authenticated_at=desk.world.now - 30,
    )
    assert desk.keys.asked == [(ISSUER_URL, "ec")]


@pytest.mark.parametrize(
    "algorithm", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "Ed25519", "EdDSA"]
)
async def test_every_asymmetric_algorithm_that_the_issuer_is_allowed(desk: Desk, algorithm: str) -> None:
    await desk.change_issuer(algorithms=(algorithm,))
    kid = {"ES": "ec", "Ed": "okp"}.get(algorithm[:2], "rsa")
    key = desk.keys.published[kid]
    text = signed({"alg": algorithm, "kid": kid}, desk.claims(), key)
    assert (await desk.present(text)).user_id == desk.world.person.user_id


@pytest.mark.parametrize(
    "header",
    [
        pytest.param({"typ": None}, id="no typ"),
        pytest.param({"typ": "at+jwt"}, id="an access token"),
        pytest.param({"typ": "application/at+JWT"}, id="typ as a media type"),
        pytest.param({"kid": None}, id="no kid, and one key"),
        pytest.param({"x5t": "c29tZXRoaW5n"}, id="a thumbprint, as Entra writes it"),
    ],
)
async def test_headers_that_issuers_write(desk: Desk, header: dict[str, object]) -> None:
    assert (await desk.present(desk.assertion(header))).user_id == desk.world.person.user_id


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"aud": [AUDIENCE]}, id="aud is a list"),
        pytest.param({"aud": ["another", AUDIENCE]}, id="ours is one audience of several"),
        pytest.param({"iat": None, "nbf": None}, id="neither iat nor nbf"),
        pytest.param({"exp": 1_790_000_300.75}, id="exp is a fraction"),
        pytest.param({"exp": 1_790_000_000 - SKEW + 1}, id="expired within the skew"),
        pytest.param({"nbf": 1_790_000_000 + SKEW, "iat": 1_790_000_000 + SKEW}, id="the issuer's clock is ahead"),
        pytest.param({"exp": 1_790_000_000 + DAY}, id="lives for the longest time"),
        pytest.param({"preferred_username": "MIRA"}, id="the name in other letters"),
    ],
)
async def test_claims_that_are_good(desk: Desk, claims: dict[str, object]) -> None:
    assert (await desk.present(desk.assertion(**claims))).user_id == desk.world.person.user_id


async def test_an_assertion_is_remembered_for_as_long_as_it_would_be_accepted(desk: Desk) -> None:
    text = desk.assertion(exp=desk.world.now + 100.5)
    forget_at = (await desk.present(text)).forget_at
    desk.world.clock.advance(forget_at - desk.world.now)
    with refused(InvalidGrantException, "exp is in the past"):
        await desk.present(text)


@pytest.mark.parametrize("auth_time", ["2026-01-01T00:00:00Z", True, -1, 2_000_000_000, None, [1]])
async def test_an_auth_time_that_is_no_moment_is_as_none(desk: Desk, auth_time: object) -> None:
    assert (await desk.present(desk.assertion(auth_time=auth_time))).authenticated_at is None


# 92, 93, 94: the algorithm, the key, extensions


def public_pem(kid: str) -> bytes:
    return (rsa_key(kid) if kid == "rsa" else ec_key(kid)).as_pem(private=False)


HEADERS = [
    pytest.param({"alg": "none"}, "alg is not", id="alg none"),
    pytest.param({"alg": "None"}, "alg is not", id="alg none in other letters"),
    pytest.param({"alg": None}, "alg is not", id="no alg"),
    pytest.param({"alg": ["ES256"]}, "alg is not", id="alg is a list"),
    pytest.param({"alg": "PS256"}, "alg is not", id="an algorithm that the issuer is not allowed"),
    pytest.param({"alg": "RS256"}, "the key that kid names is not for RS256", id="RS256 with an EC key"),
    pytest.param({"alg": "ES256", "kid": "rsa"}, "the key that kid names is not for ES256", id="ES256 with an RSA key"),
    pytest.param({"alg": "ES256", "kid": "okp"}, "the key that kid names is not for ES256", id="ES256 with an OKP key"),
    pytest.param({"kid": "another"}, "the issuer has no such key", id="a kid that nobody has"),
    pytest.param({"kid": "../../../../dev/null"}, "the issuer has no such key", id="kid is a path"),
    pytest.param({"kid": "' UNION SELECT 1 --"}, "the issuer has no such key", id="kid is SQL"),
    pytest.param({"kid": 7}, "kid is not a string", id="kid is a number"),
    pytest.param({"kid": {"kty": "oct", "k": ""}}, "kid is not a string", id="kid is a key"),
    pytest.param({"crit": ["exp"]}, "the header has crit", id="crit"),
    pytest.param({"crit": ["bork"], "bork": 1}, "the header has crit", id="crit with an unknown extension"),
    pytest.param({"crit": []}, "the header has crit", id="empty crit"),
    pytest.param({"b64": False, "crit": ["b64"]}, "the header has crit", id="b64 with crit"),
    pytest.param({"b64": False}, "the header has b64", id="b64"),
    pytest.param({"typ": "JWE"}, "typ is neither", id="typ JWE"),
    pytest.param({"typ": "dpop+jwt"}, "typ is neither", id="a proof of possession"),
    pytest.param({"typ": "logout+jwt"}, "typ is neither", id="a logout token"),
    pytest.param({"typ": 1}, "typ is neither", id="typ is a number"),
    pytest.param({"cty": "JWT"}, "the header has cty", id="nested"),
    pytest.param({"zip": "x" * 8192}, "the header of the assertion is too large", id="a huge header"),
]


@pytest.mark.parametrize("header,reason", HEADERS)
async def test_92_94_no_header_talks_us_into_anything(desk: Desk, header: dict[str, object], reason: str) -> None:
    members = present_members({"alg": "ES256", "kid": "ec", "typ": "JWT"} | header)
    with refused(InvalidGrantException, reason):
        await desk.present(signed_text(json.dumps(members), desk.claims(), ec_key("ec"), "ES256"))


@pytest.mark.parametrize("kid", ["rsa", "ec"])
@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("allowed", [False, True], ids=["", "even if it were allowed"])
async def test_92_the_public_key_is_no_shared_secret(desk: Desk, kid: str, algorithm: str, *, allowed: bool) -> None:
    if allowed:
        await desk.change_issuer(algorithms=("RS256", "ES256", algorithm))
    start = signed({"alg": algorithm, "kid": kid}, desk.claims(), OctKey.generate_key(512)).rpartition(".")[0]
    text = f"{start}.{base64url(hmac.digest(public_pem(kid), start.encode(), f'sha{algorithm[2:]}'))}"
    with refused(InvalidGrantException, "alg is not one that is allowed"):
        await desk.present(text)
    assert desk.keys.asked == []


def test_92_no_symmetric_algorithm_is_known() -> None:
    assert not [name for name in trusted_token_issuers.ALGORITHMS if name.lower().startswith(("hs", "none"))]


def brought_along() -> list[dict[str, object]]:
    attacker = ec_key("attacker")
    return [
        {"jwk": dict(attacker.as_dict(private=False))},
        {"jku": ATTACKER_URL},
        {"x5u": ATTACKER_URL},
        {"x5c": ["MIIB"]},
        {"jwk": dict(attacker.as_dict(private=False)), "kid": None},
        {
            "jwk": dict(OctKey.import_key("a secret of the attacker").as_dict(private=True)),
            "jku": ATTACKER_URL,
            "x5u": ATTACKER_URL,
        },
    ]


@pytest.mark.parametrize("header", brought_along(), ids=" ".join)
async def test_93_a_key_that_comes_along_is_not_used(desk: Desk, header: dict[str, object]) -> None:
    text = signed({"alg": "ES256", "kid": "ec"} | header, desk.claims(), ec_key("attacker"))
    with refused(InvalidGrantException, "the signature is wrong"):
        await desk.present(text)
    assert {url for url, _ in desk.keys.asked} == {ISSUER_URL}


@pytest.mark.parametrize("header", [{"jku": ATTACKER_URL}, {"x5u": ATTACKER_URL}], ids=["jku", "x5u"])
async def test_93_a_good_token_that_names_other_keys_is_good(desk: Desk, header: dict[str, object]) -> None:
    assert (await desk.present(desk.assertion(header))).user_id == desk.world.person.user_id
    assert desk.keys.asked == [(ISSUER_URL, "ec")]


# The form


def tampered(desk: Desk, name: str) -> str:
    good = desk.assertion()
    header, payload, signature = good.split(".")
    flipped = ("A" if signature[9] != "A" else "B").join((signature[:9], signature[10:]))
    twice = '{"alg":"ES256","kid":"ec","alg":"ES256"}'
    claims = json.dumps(desk.claims())
    return {
        "empty": "",
        "one part": header,
        "two parts": f"{header}.{payload}",
        "four parts": f"{good}.{signature}",
        "five parts, as an encrypted one": f"{good}.{payload}.{signature}",
        "no signature": f"{header}.{payload}.",
        "one bit of the signature": f"{header}.{payload}.{flipped}",
        "half a signature": f"{header}.{payload}.{signature[:40]}",
        "a signature of zeros": f"{header}.{payload}.{base64url(bytes(64))}",
        "other claims": f"{header}.{base64url(json.dumps(desk.claims(sub='another')).encode())}.{signature}",
        "padded": f"{header}.{payload}.{signature}==",
        "bits left over": f"{header}.{payload}.{signature[:-1]}{'B' if signature[-1] in 'AQgw' else 'h'}",
        "the other alphabet": f"{header}.{payload}.{signature[:-2]}+/",
        "white space": f"{header}.{payload}.{signature}\n",
        "not ASCII": f"{header}.{payload}.{signature}é",
        "a lone surrogate": f"{header}.{payload}.\ud800{signature}",
        "not base64": "%%%.###.***",
        "header is not JSON": f"{base64url(b'alg')}.{payload}.{signature}",
        "header is a list": f"{base64url(b'[]')}.{payload}.{signature}",
        "header is nested deeply": f"{deep(2900)}.{payload}.{signature}",
        "claims are nested deeply": f"{header}.{deep(20_000)}.{signature}",
        "claims are not UTF-8": f"{header}.{base64url(bytes([0x7B, 0xFF, 0x7D]))}.{signature}",
        "claims are UTF-16": f"{header}.{base64url(claims.encode('utf-16'))}.{signature}",
        "claims are a string": signed_text('{"alg":"ES256","kid":"ec"}', '"claims"', ec_key("ec"), "ES256"),
        "two objects": signed_text('{"alg":"ES256","kid":"ec"}', claims + "{}", ec_key("ec"), "ES256"),
        "alg twice": signed_text(twice, desk.claims(), ec_key("ec"), "ES256"),
        "iss twice": signed_text('{"alg":"ES256"}', claims[:-1] + f',"iss":"{ISSUER_URL}"}}', ec_key("ec"), "ES256"),
        "a member of a member twice": signed_text(
            '{"alg":"ES256"}', claims[:-1] + ',"a":{"b":1,"b":2}}', ec_key("ec"), "ES256"
        ),
        "too large": desk.assertion(padding="x" * 64 * 1024),
    }[name]


FORMS = [
    ("empty", "three parts"),
    ("one part", "three parts"),
    ("two parts", "three parts"),
    ("four parts", "three parts"),
    ("five parts, as an encrypted one", "three parts"),
    ("no signature", "the signature is not base64url"),
    ("one bit of the signature", "the signature is wrong"),
    ("half a signature", "the signature is wrong"),
    ("a signature of zeros", "the signature is wrong"),
    ("other claims", "the signature is wrong"),
    ("padded", "the signature is not base64url"),
    ("bits left over", "as an encoder writes it"),
    ("the other alphabet", "the signature is not base64url"),
    ("white space", "the signature is not base64url"),
    ("not ASCII", "the signature is not base64url"),
    ("a lone surrogate", "the signature is not base64url"),
    ("not base64", "the header is not base64url"),
    ("header is not JSON", "the header is not one JSON object"),
    ("header is a list", "the header is not one JSON object"),
    ("header is nested deeply", "the header is not one JSON object"),
    ("claims are nested deeply", "the payload is not one JSON object"),
    ("claims are not UTF-8", "the payload is not one JSON object"),
    ("claims are UTF-16", "the payload is not one JSON object"),
    ("claims are a string", "the payload is not one JSON object"),
    ("two objects", "the payload is not one JSON object"),
    ("alg twice", "the header repeats a member"),
    ("iss twice", "the payload repeats a member"),
    ("a member of a member twice", "the payload repeats a member"),
    ("too large", "the assertion is too large"),
]


@pytest.mark.parametrize("name,reason", FORMS, ids=[name for name, _ in FORMS])
async def test_what_is_not_a_signed_token_is_refused(desk: Desk, name: str, reason: str) -> None:
    with refused(InvalidGrantException, reason) as refusal:
        await desk.present(tampered(desk, name))
    assert refusal.value.description == "Invalid assertion provided"


async def test_20_megabytes_are_refused_before_they_are_taken_apart(desk: Desk) -> None:
    text = "a" * 10_000_000 + "." * 10_000_000
    begun = time.thread_time()
    with refused(InvalidGrantException, "too large"):
        await desk.present(text)
    assert time.thread_time() - begun < 0.05


# 95: the issuer


@pytest.mark.parametrize(
    "issuer",
    [
        pytest.param("https://attacker.example", id="another"),
        pytest.param(ISSUER_URL + "/", id="a slash"),
        pytest.param(ISSUER_URL.upper(), id="upper case"),
        pytest.param(ISSUER_URL + ".attacker.example", id="a suffix"),
        pytest.param(ISSUER_URL[:-1], id="a prefix"),
        pytest.param(" " + ISSUER_URL, id="a blank"),
        pytest.param(ISSUER_URL.replace("e", "\N{CYRILLIC SMALL LETTER IE}"), id="a Cyrillic letter"),
        pytest.param(ISSUER_URL.replace("https:", "http:"), id="plain http"),
        pytest.param(ISSUER_URL.replace("https://", "https://user@"), id="a user"),
        pytest.param([ISSUER_URL], id="a list"),
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param("http://169.254.169.254/latest", id="the metadata service"),
    ],
)
async def test_95_an_issuer_that_is_not_known_causes_no_request(desk: Desk, issuer: object) -> None:
    with refused(InvalidGrantException, "iss is"):
        await desk.present(desk.assertion(iss=issuer))
    assert desk.keys.asked == []


async def test_95_a_disabled_issuer_is_refused_at_once(desk: Desk) -> None:
    text = desk.assertion()
    await desk.change_issuer(status=Status.DISABLED)
    with refused(InvalidGrantException, "iss is an issuer that is disabled"):
        await desk.present(text)
    assert desk.keys.asked == []


async def test_95_an_issuer_that_another_application_trusts_is_not_ours(desk: Desk) -> None:
    await desk.change_grants()
    with refused(InvalidGrantException, "iss is not an issuer that the application trusts"):
        await desk.present(desk.assertion())
    assert desk.keys.asked == []


@pytest.mark.parametrize("arn", ["", "arn:aws:sso::111122223333:application/ssoins-1111111111111111/apl-gone"])
async def test_95_an_application_that_is_gone_trusts_nobody(desk: Desk, arn: str) -> None:
    with refused(InvalidGrantException, "iss is not an issuer that the application trusts"):
        await assertions.verify(desk.world.service, arn, desk.assertion())
    assert desk.keys.asked == []


async def test_an_issuer_that_is_down_is_a_refusal_and_not_our_failure(desk: Desk) -> None:
    desk.keys.is_down = True
    with refused(InvalidGrantException, "cannot be had: no answer within 3 seconds"):
        await desk.present(desk.assertion())


# 96, 97, 98: audience, time, subject


NOW = 1_790_000_000
CLAIMS = [
    pytest.param({"aud": None}, "aud is missing", id="no aud"),
    pytest.param({"aud": []}, "aud is not an audience", id="aud is empty"),
    pytest.param({"aud": "another"}, "aud is not an audience", id="another aud"),
    pytest.param({"aud": ["another"]}, "aud is not an audience", id="a list without ours"),
    pytest.param({"aud": AUDIENCE[:-1]}, "aud is not an audience", id="a prefix of ours"),
    pytest.param({"aud": AUDIENCE + "/"}, "aud is not an audience", id="ours with a slash"),
    pytest.param({"aud": AUDIENCE.upper()}, "aud is not an audience", id="ours in upper case"),
    pytest.param({"aud": [AUDIENCE, 1]}, "aud is missing", id="a list with a number"),
    pytest.param({"aud": {AUDIENCE: True}}, "aud is missing", id="aud is an object"),
    pytest.param({"aud": [[AUDIENCE]]}, "aud is missing", id="a list in a list"),
    pytest.param({"exp": None}, "exp is missing", id="no exp"),
    pytest.param({"exp": NOW - SKEW}, "exp is in the past", id="expired"),
    pytest.param({"exp": 0}, "exp is in the past", id="exp is zero"),
    pytest.param({"exp": True}, "exp is not a date", id="exp is true"),
    pytest.param({"exp": str(NOW + 300)}, "exp is not a date", id="exp is a string"),
    pytest.param({"exp": [NOW + 300]}, "exp is not a date", id="exp is a list"),
    pytest.param({"exp": 10**60}, "exp is not a date", id="exp is huge"),
    pytest.param({"exp": 1e300}, "exp is not a date", id="exp is a huge float"),
    pytest.param({"exp": NOW + DAY + 1}, "lives longer", id="exp is too far"),
    pytest.param({"exp": NOW + DAY + 1, "iat": None}, "lives longer", id="exp is too far, and no iat"),
    pytest.param({"iat": NOW - DAY}, "lives longer", id="iat is long ago"),
    pytest.param({"iat": -(10**15)}, "lives longer", id="iat is before time"),
    pytest.param({"iat": NOW + SKEW + 1}, "iat is in the future", id="iat in the future"),
    pytest.param({"iat": "now"}, "iat is not a date", id="iat is a string"),
    pytest.param({"iat": False}, "iat is not a date", id="iat is false"),
    pytest.param({"nbf": NOW + SKEW + 1}, "nbf is in the future", id="nbf in the future"),
    pytest.param({"nbf": "now"}, "nbf is not a date", id="nbf is a string"),
    pytest.param({"nbf": True}, "nbf is not a date", id="nbf is true"),
    pytest.param({"jti": None}, "jti is missing", id="no jti"),
    pytest.param({"jti": ""}, "jti is missing", id="jti is empty"),
    pytest.param({"jti": 7}, "jti is missing", id="jti is a number"),
    pytest.param({"jti": "x" * 513}, "jti is missing", id="jti is too long"),
    pytest.param({"sub": None}, "sub is missing", id="no sub"),
    pytest.param({"sub": ""}, "sub is missing", id="sub is empty"),
    pytest.param({"sub": {"id": 1}}, "sub is missing", id="sub is an object"),
    pytest.param({"sub": "x" * 256}, "sub is missing", id="sub is too long"),
    pytest.param({"preferred_username": None}, "the claim preferred_username is missing", id="no mapped claim"),
    pytest.param({"preferred_username": ""}, "the claim preferred_username is missing", id="the claim is empty"),
    pytest.param({"preferred_username": 1}, "the claim preferred_username is missing", id="the claim is a number"),
    pytest.param({"preferred_username": ["mira"]}, "the claim preferred_username is missing", id="the claim is a list"),
    pytest.param({"preferred_username": "m" * 513}, "the claim preferred_username is missing", id="the claim is long"),
    pytest.param({"preferred_username": "nobody"}, "nobody has the userName", id="nobody has it"),
    pytest.param({"preferred_username": MIRA_IN_FULLWIDTH}, "nobody has the userName", id="a look-alike"),
    pytest.param({"preferred_username": " mira "}, "nobody has the userName", id="blanks around"),
    pytest.param({"preferred_username": "mira\0"}, "nobody has the userName", id="a NUL behind"),
]


@pytest.mark.parametrize("claims,reason", CLAIMS)
async def test_96_98_a_claim_that_is_not_good_is_refused(desk: Desk, claims: dict[str, object], reason: str) -> None:
    assert desk.world.now == NOW
    with refused(InvalidGrantException, reason) as refusal:
        await desk.present(desk.assertion(**claims))
    assert refusal.value.description == "Invalid assertion provided"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
async def test_97_a_number_that_is_none_is_refused(desk: Desk, number: str) -> None:
    claims = json.dumps(desk.claims(exp="here")).replace('"here"', number)
    with refused(InvalidGrantException, "the payload is not one JSON object"):
        await desk.present(signed_text('{"alg":"ES256","kid":"ec"}', claims, ec_key("ec"), "ES256"))


async def test_97_the_longest_life_is_a_setting(desk: Desk) -> None:
    desk.world.change("trusted_issuers", max_assertion_lifetime=200)
    with refused(InvalidGrantException, "lives longer"):
        await desk.present(desk.assertion())


async def test_96_an_audience_of_another_issuer_does_not_count(desk: Desk) -> None:
    other = msgspec.structs.replace(
        await desk.issuer(), trusted_token_issuer_arn=f"{ISSUER_ARN}2", name="other", issuer_url="https://other.example"
    )
    await desk.world.store.change_configuration(ConfigurationChange(create=(other,)))
    await desk.change_grants(
        AuthorizedTokenIssuer(trusted_token_issuer_arn=ISSUER_ARN, authorized_audiences=(AUDIENCE,)),
        AuthorizedTokenIssuer(trusted_token_issuer_arn=f"{ISSUER_ARN}2", authorized_audiences=("theirs",)),
    )
    with refused(InvalidGrantException, "aud is not an audience"):
        await desk.present(desk.assertion(aud="theirs"))


# 98: whose attribute it is


@pytest.mark.parametrize(
    "email,claim,found",
    [
        pytest.param("kim@example.org", "kim@example.org", True, id="the same"),
        pytest.param("kim@example.org", "KIM@Example.org", True, id="in upper case"),
        pytest.param("kim@example.org", KELVIN + "im@example.org", False, id="with a Kelvin sign"),
        pytest.param("kim@example.org", "kim@example.org ", False, id="with a blank"),
        pytest.param("kim@example.org", "kim@example.or", False, id="a prefix"),
        pytest.param("kím@example.org", "kím@example.org", True, id="not ASCII, the same"),
        pytest.param("KÍM@Example.org", "kÍm@example.org", True, id="not ASCII, kept in upper case"),
        pytest.param(KELVIN + "im@example.org", "kim@example.org", False, id="kept with a Kelvin sign"),
        pytest.param("kím@example.org", "kÍm@example.org", False, id="not ASCII, in upper case"),
    ],
)
async def test_98_an_address_is_folded_in_ascii_only(desk: Desk, email: str, claim: str, *, found: bool) -> None:
    await desk.change_issuer(claim_attribute_path="email", identity_store_attribute_path="emails.value")
    kim = await users.add_user(
        desk.world.store,
        desk.world.hasher,
        user_name="kim",
        password=PASSWORD,
        email=email,
        instance=desk.world.service.instance,
        now=desk.world.now,
    )
    if found:
        assert (await desk.present(desk.assertion(email=claim))).user_id == kim.user_id
        return
    with refused(InvalidGrantException, "nobody has the emails.value"):
        await desk.present(desk.assertion(email=claim))


@pytest.mark.parametrize("verified", [False, "true", 0])
async def test_98_an_address_that_the_issuer_did_not_verify_is_nobodys(desk: Desk, verified: object) -> None:
    await desk.change_issuer(claim_attribute_path="email", identity_store_attribute_path="emails.value")
    await users.add_user(
        desk.world.store,
        desk.world.hasher,
        user_name="kim",
        password=PASSWORD,
        email="kim@example.org",
        instance=desk.world.service.instance,
        now=desk.world.now,
    )
    with refused(InvalidGrantException, "email_verified"):
        await desk.present(desk.assertion(email="kim@example.org", email_verified=verified))
    await desk.present(desk.assertion(email="kim@example.org", email_verified=True))


async def test_98_an_address_that_two_people_have_is_nobodys(desk: Desk) -> None:
    await desk.change_issuer(claim_attribute_path="email", identity_store_attribute_path="emails.value")
    for name in ("kim", "robin"):
        await users.add_user(
            desk.world.store,
            desk.world.hasher,
            user_name=name,
            password=PASSWORD,
            email="shared@example.org",
            instance=desk.world.service.instance,
            now=desk.world.now,
        )
    with refused(InvalidGrantException, "several people have the emails.value"):
        await desk.present(desk.assertion(email="shared@example.org"))


async def test_99_one_assertion_of_an_issuer_that_is_trusted_under_two_names_is_one(desk: Desk) -> None:
    """A ``jti`` is the issuer's: another record of the same URL, or one made anew, does not make it fresh."""
    first = await desk.present(desk.assertion())
    issuer = await desk.issuer()
    twin = msgspec.structs.replace(issuer, trusted_token_issuer_arn=f"{ISSUER_ARN}-twin", name="twin")
    await desk.world.store.change_configuration(ConfigurationChange(create=(twin,)))
    trusted = AuthorizedTokenIssuer(trusted_token_issuer_arn=f"{ISSUER_ARN}-twin", authorized_audiences=(AUDIENCE,))
    await desk.change_grants(trusted)
    second = await desk.present(desk.assertion())
    assert second.trusted_token_issuer_arn != first.trusted_token_issuer_arn
    assert second.digest == first.digest


async def test_96_of_two_issuers_with_one_url_the_one_for_the_audience_counts(desk: Desk) -> None:
    issuer = await desk.issuer()
    twin = msgspec.structs.replace(issuer, trusted_token_issuer_arn=f"{ISSUER_ARN}-twin", name="twin")
    await desk.world.store.change_configuration(ConfigurationChange(create=(twin,)))
    await desk.change_grants(
        AuthorizedTokenIssuer(trusted_token_issuer_arn=ISSUER_ARN, authorized_audiences=("another",)),
        AuthorizedTokenIssuer(trusted_token_issuer_arn=f"{ISSUER_ARN}-twin", authorized_audiences=(AUDIENCE,)),
    )
    assert (await desk.present(desk.assertion())).trusted_token_issuer_arn == f"{ISSUER_ARN}-twin"


@pytest.mark.parametrize("claim,found", [("Ext-1", True), ("ext-1", False), ("Ext-1 ", False), ("Ext-", False)])
async def test_98_an_external_id_is_exact(desk: Desk, claim: str, *, found: bool) -> None:
    await desk.change_issuer(claim_attribute_path="sub", identity_store_attribute_path="externalIds.id")
    known = ExternalId(external_id="Ext-1", issuer=ISSUER_URL, user_id=desk.world.person.user_id)
    await desk.world.store.change_configuration(ConfigurationChange(create=(known,)))
    if found:
        assert (await desk.present(desk.assertion(sub=claim))).user_id == desk.world.person.user_id
        return
    with refused(InvalidGrantException, "nobody has the externalIds.id"):
        await desk.present(desk.assertion(sub=claim))


@pytest.mark.parametrize(
    "claims,found",
    [
        pytest.param({"person": {"name": {"login": "mira"}}}, True, id="three levels down"),
        pytest.param({"person": {"name": "mira"}}, False, id="the path ends early"),
        pytest.param({"person.name.login": "mira"}, False, id="a name with dots"),
        pytest.param({"person": [{"name": {"login": "mira"}}]}, False, id="a list on the way"),
    ],
)
async def test_98_dots_of_a_path_descend(desk: Desk, claims: dict[str, object], *, found: bool) -> None:
    await desk.change_issuer(claim_attribute_path="person.name.login")
    if found:
        assert (await desk.present(desk.assertion(**claims))).user_id == desk.world.person.user_id
        return
    with refused(InvalidGrantException, r"the claim person.name.login is missing"):
        await desk.present(desk.assertion(**claims))


async def test_98_an_attribute_that_people_do_not_have_is_nobodys(desk: Desk) -> None:
    await desk.change_issuer(identity_store_attribute_path="displayName")
    with refused(InvalidGrantException, "nobody has the displayName"):
        await desk.present(desk.assertion())


# After a restore, which forgets what was presented since the back-up


@pytest.mark.parametrize(
    "claims, is_good",
    [
        pytest.param({"iat": NOW - 300}, False, id="made before"),
        pytest.param({"iat": NOW - 200 + SKEW}, False, id="made before, or by a clock that is ahead"),
        pytest.param({"iat": NOW - 200 + SKEW + 1}, True, id="made after"),
        pytest.param({"iat": None, "exp": NOW - 200 + 3_600}, False, id="no iat, may have been presented before"),
        pytest.param({"iat": None, "exp": NOW - 200 + 3_601}, True, id="no iat, would have lived too long before"),
    ],
)
async def test_an_assertion_that_may_have_been_used_before_a_restore_is_refused(
    desk: Desk, claims: dict[str, object], is_good: bool
) -> None:
    desk.world.change("trusted_issuers", max_assertion_lifetime=3_600)
    await desk.world.store.begin_epoch(NOW - 200)
    await desk.world.service.renew()
    assertion = desk.assertion(**claims)
    if is_good:
        await desk.present(assertion)
        return
    with refused(InvalidGrantException, "may have been presented before the store was restored"):
        await desk.present(assertion)
