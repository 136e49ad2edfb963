"""Which published keys count: RFC 7517 4.2 and 4.3, statements 92 and 93 of the security design."""

import functools
import json
import warnings

import pytest
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

from postern.core.issuer_keys import IssuerUnavailable
from postern.remote import key_sets
from postern.remote.key_sets import MAX_KEYS


@functools.cache
def rsa(bits: int) -> RSAKey:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is a short one is the point
        return RSAKey.generate_key(bits)


def jwk(key: Key, **changes: object) -> dict[str, object]:
    return dict(key.as_dict(private=False)) | {"kid": "it"} | changes


def read(*entries: object) -> key_sets.KeySet:
    return key_sets.read(json.dumps({"keys": [*entries, jwk(ec(), kid="good")]}).encode())


@functools.cache
def ec(curve: str = "P-256") -> ECKey:
    return ECKey.generate_key(curve)


GOOD = [
    pytest.param(lambda: jwk(rsa(2048)), id="RSA"),
    pytest.param(lambda: jwk(rsa(3072), use="sig", alg="RS256"), id="RSA with everything said"),
    pytest.param(lambda: jwk(ec("P-256")), id="P-256"),
    pytest.param(lambda: jwk(ec("P-384")), id="P-384"),
    pytest.param(lambda: jwk(ec("P-521")), id="P-521"),
    pytest.param(lambda: jwk(OKPKey.generate_key("Ed25519")), id="Ed25519"),
    pytest.param(lambda: jwk(ec(), key_ops=["verify"]), id="key_ops"),
    pytest.param(lambda: jwk(ec(), x5c=["MIIB"], x5t="dGh1bWI", issuer="https://issuer.example"), id="as Entra does"),
]


@pytest.mark.parametrize("entry", GOOD)
def test_a_key_for_signatures_is_found(entry: "functools.partial[dict[str, object]]") -> None:
    found = read(entry()).find("it")
    assert found is not None
    assert not found.is_private


PASSED_OVER = [
    pytest.param(lambda: jwk(ec(), use="enc"), id="for encryption"),
    pytest.param(lambda: jwk(ec(), key_ops=["sign"]), id="for signing only"),
    pytest.param(lambda: jwk(ec(), key_ops=[]), id="for nothing"),
    pytest.param(lambda: jwk(rsa(1024)), id="RSA of 1024 bits"),
    pytest.param(lambda: jwk(rsa(2048), n="A" * 20_000), id="RSA with a modulus of zeros"),
    pytest.param(lambda: jwk(rsa(2048), n="_" * 20_000), id="RSA with a huge modulus"),
    pytest.param(lambda: jwk(rsa(2048), e="_" * 300), id="RSA with a huge exponent"),
    pytest.param(lambda: jwk(rsa(2048), e="AQ"), id="RSA with exponent 1"),
    pytest.param(lambda: jwk(rsa(2048), n=None), id="RSA without modulus"),
    pytest.param(lambda: jwk(rsa(2048), n=7), id="a modulus that is a number"),
    pytest.param(lambda: jwk(rsa(2048), n="%%%"), id="a modulus that is not base64"),
    pytest.param(lambda: jwk(ec("secp256k1")), id="secp256k1"),
    pytest.param(lambda: jwk(ec(), x="AA"), id="a point off the curve"),
    pytest.param(lambda: jwk(ec(), crv="P-384"), id="a point of another curve"),
    pytest.param(lambda: jwk(OKPKey.generate_key("X25519")), id="X25519"),
    pytest.param(lambda: jwk(OKPKey.generate_key("Ed448")), id="Ed448"),
    pytest.param(lambda: dict(OctKey.generate_key(256).as_dict(private=True)) | {"kid": "it"}, id="a shared secret"),
    pytest.param(lambda: jwk(ec(), kty="RSA"), id="kty of another kind"),
    pytest.param(lambda: jwk(ec(), kty=None), id="no kty"),
    pytest.param(lambda: jwk(ec(), kid=7), id="a kid that is a number"),
    pytest.param(lambda: "a string", id="a string"),
    pytest.param(lambda: None, id="null"),
]


@pytest.mark.parametrize("entry", PASSED_OVER)
def test_another_key_is_passed_over_and_spoils_nothing(entry: "functools.partial[object]") -> None:
    keys = read(entry())
    assert keys.find("it") is None
    assert keys.find(None) is keys.find("good") is not None


def test_a_private_member_that_is_published_is_left_where_it_is() -> None:
    published = dict(rsa(2048).as_dict(private=True)) | {"kid": "it"}
    found = read(published).find("it")
    assert found is not None
    assert not found.is_private


def test_of_two_keys_with_one_kid_the_first_counts() -> None:
    found = read(jwk(rsa(2048)), jwk(ec())).find("it")
    assert isinstance(found, RSAKey)


@pytest.mark.parametrize("text", [b'{"keys":[]}', b'{"keys":[{}]}', b'{"keys":[{"kty":"oct","k":"AA"}]}'])
def test_a_set_with_nothing_of_use_is_a_failure(text: bytes) -> None:
    with pytest.raises(IssuerUnavailable, match="no key that verifies"):
        key_sets.read(text)


def test_more_keys_than_anybody_has_are_not_read() -> None:
    with pytest.raises(IssuerUnavailable, match="more than 100 keys"):
        read(*([{}] * MAX_KEYS))
