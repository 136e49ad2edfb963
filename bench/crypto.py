"""The cryptography that CreateTokenWithIAM by JWT bearer cannot do without, alone and in a tight loop:
``python -m bench.crypto SECONDS`` verifies a SigV4 signature with the day's key at hand, verifies an RS256 signature
and makes an ES256 one, and prints the microseconds of each as JSON.
"""

import hmac
import sys
import time
from collections.abc import Callable

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from bench.issuer import claims, sign
from postern.api import sigv4
from postern.api.sigv4_authorization import expected_signature, parse_authorization

_URL = "http://127.0.0.1:18900/token?aws_iam=t"
_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
_ID_TOKEN = b"." * 3500  # as long as one with both contexts


class Microseconds(msgspec.Struct, frozen=True, kw_only=True):
    """What each takes once."""

    sigv4: float
    rs256: float
    es256: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return 1e6 / (self.sigv4 + self.rs256 + self.es256)


def measure(seconds: float) -> Microseconds:
    """The three in turn, so that each sees the caches as the others leave them."""
    steps = (_sigv4(), _rs256(), _es256())
    spent = [0] * len(steps)
    turns, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        for number, step in enumerate(steps):
            started = time.perf_counter_ns()
            step()
            spent[number] += time.perf_counter_ns() - started
        turns += 1
    sigv4_time, rs256, es256 = (nanoseconds / turns / 1000 for nanoseconds in spent)
    return Microseconds(sigv4=sigv4_time, rs256=rs256, es256=es256)


def _sigv4() -> Callable[[], None]:
    body = msgspec.json.encode({"assertion": "a" * 900, "clientId": "c" * 80, "grantType": "g" * 43})
    signed = {"Content-Type": "application/json"}
    signed |= sigv4.sign(
        method="POST",
        url=_URL,
        headers=signed,
        body=body,
        access_key_id="AKIDEXAMPLE",
        secret_access_key=_SECRET,
        region="us-east-1",
        service="sso-oauth",
        now=time.time(),
    )
    headers = [("host", "127.0.0.1:18900"), *((name.lower(), value) for name, value in signed.items())]
    key = sigv4.signing_key(_SECRET, parse_authorization(signed["Authorization"]).scope)
    date = signed["X-Amz-Date"]

    def verify() -> None:
        authorization = parse_authorization(signed["Authorization"])
        expected = expected_signature(
            authorization,
            key=key,
            amz_date=date,
            method="POST",
            path="/token",
            query="aws_iam=t",
            headers=headers,
            body=body,
        )
        assert hmac.compare_digest(expected, authorization.signature)

    return verify


def _rs256() -> Callable[[], None]:
    from base64 import urlsafe_b64decode

    private_key = rsa.generate_private_key(65537, 2048)
    public_key = private_key.public_key()
    signed, _, signature = sign(private_key, claims("https://issuer.example.com")).rpartition(".")
    text, proof = signed.encode(), urlsafe_b64decode(signature + "==")
    return lambda: public_key.verify(proof, text, padding.PKCS1v15(), SHA256())


def _es256() -> Callable[[], None]:
    private_key = ec.generate_private_key(ec.SECP256R1())
    algorithm = ec.ECDSA(SHA256())

    def make() -> None:
        private_key.sign(_ID_TOKEN, algorithm)

    return make


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(measure(float(sys.argv[1]))))
