"""The STS of the tests is worth what it refuses: asked by boto3, with tokens of an issuer that signs anything."""

import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from postern.testing.oidc_issuer import AUDIENCE, SUBJECT, IssuerProcess
from postern.testing.sts import Setting, StsProcess

pytestmark = pytest.mark.real_client

KEYS = {"AKIAEXAMPLE": "the secret of the key"}
ROLE = {"RoleArn": "arn:aws:iam::111122223333:role/Admin", "RoleSessionName": "mira"}
POLICY: dict[str, Any] = {"policy": "readwrite"}


@pytest.fixture(scope="module")
def issuer() -> Iterator[IssuerProcess]:
    with IssuerProcess() as process:
        yield process


@pytest.fixture(scope="module")
def minio(issuer: IssuerProcess) -> Iterator[StsProcess]:
    with StsProcess(Setting(profile="minio", issuer=issuer.url, audience=AUDIENCE)) as process:
        yield process


@pytest.fixture(scope="module")
def aws() -> Iterator[StsProcess]:
    with StsProcess(Setting(access_keys=KEYS, external_id="postern")) as process:
        yield process


def client(sts: StsProcess, key_id: str = "", secret: str = "", **config: Any) -> Any:
    return boto3.client(
        "sts",
        endpoint_url=sts.url,
        region_name="eu-central-1",
        aws_access_key_id=key_id or "x",
        aws_secret_access_key=secret or "x",
        config=Config(retries={"max_attempts": 0}, **config),
    )


def with_token(sts: StsProcess, token: str, **members: Any) -> Any:
    """RoleArn is empty: boto3 does not leave it out, and MinIO takes no other."""
    given = {"RoleArn": "", "RoleSessionName": "mira", "WebIdentityToken": token} | members
    config = Config(parameter_validation=False, signature_version=UNSIGNED, retries={"max_attempts": 0})
    unsigned = boto3.client("sts", endpoint_url=sts.url, region_name="eu-central-1", config=config)
    return unsigned.assume_role_with_web_identity(**given)


def code_of(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


def test_a_good_token_gets_credentials(issuer: IssuerProcess, minio: StsProcess) -> None:
    answer = with_token(minio, issuer.mint(**POLICY), DurationSeconds=900)
    assert answer["SubjectFromWebIdentityToken"] == SUBJECT
    assert answer["Credentials"]["Expiration"].timestamp() - time.time() <= 900
    call = minio.calls()[-1]
    assert call["access_key_id"] == answer["Credentials"]["AccessKeyId"]
    assert call["policies"] == ["readwrite"]


def test_so_does_one_of_a_key_that_is_new(issuer: IssuerProcess, minio: StsProcess) -> None:
    issuer.rotate()
    assert with_token(minio, issuer.mint(header={"alg": "ES256"}, **POLICY))["Credentials"]


@pytest.mark.parametrize(
    "claims, code",
    [
        ({"iss": "https://another.example.org"}, "InvalidIdentityToken"),
        ({"aud": "another"}, "InvalidIdentityToken"),
        ({"aud": [AUDIENCE]}, "InvalidIdentityToken"),
        ({"sub": None}, "InvalidIdentityToken"),
        ({"exp": 1}, "ExpiredTokenException"),
        ({"exp": 4e9}, "InvalidIdentityToken"),
        ({"iat": 4_000_000_000, "exp": 4_000_000_300}, "InvalidIdentityToken"),
        ({"nbf": 4_000_000_000}, "InvalidIdentityToken"),
        ({"policy": None}, "InvalidParameterValue"),
        ({"policy": []}, "InvalidParameterValue"),
        ({"groups": ["a-group-with-a-long-name"] * 80}, "ValidationError"),
    ],
    ids=str,
)
def test_a_token_that_is_not_good_is_refused(
    issuer: IssuerProcess, minio: StsProcess, claims: dict[str, object], code: str
) -> None:
    with pytest.raises(ClientError) as caught:
        with_token(minio, issuer.mint(**POLICY | claims))
    assert code_of(caught.value) == code


@pytest.mark.parametrize("header", [{"kid": "another"}, {"kid": None}], ids=str)
def test_so_is_one_of_a_key_that_is_not_published(
    issuer: IssuerProcess, minio: StsProcess, header: dict[str, object]
) -> None:
    with pytest.raises(ClientError) as caught:
        with_token(minio, issuer.mint(header=header, **POLICY))
    assert code_of(caught.value) == "InvalidIdentityToken"


def test_so_is_one_that_was_changed(issuer: IssuerProcess, minio: StsProcess) -> None:
    one, other = issuer.mint(**POLICY).split("."), issuer.mint(**POLICY).split(".")
    for text in (f"{one[0]}.{one[1]}.{other[2]}", f"{one[0]}.{other[1]}.{one[2]}", f"{one[0]}.{one[1]}.", "x.y.z"):
        with pytest.raises(ClientError) as caught:
            with_token(minio, text)
        assert code_of(caught.value) == "InvalidIdentityToken"


def test_minio_gives_nothing_where_a_role_is_asked_for(issuer: IssuerProcess, minio: StsProcess) -> None:
    with pytest.raises(ClientError) as caught:
        with_token(minio, issuer.mint(**POLICY), RoleArn="arn:minio:iam:::role/x")
    assert code_of(caught.value) == "InvalidParameterValue"


def test_aws_takes_no_issuer_without_https(issuer: IssuerProcess) -> None:
    with (
        StsProcess(Setting(profile="aws", issuer=issuer.url, audience=AUDIENCE)) as sts,
        pytest.raises(ClientError) as caught,
    ):
        with_token(sts, issuer.mint(), **ROLE)
    assert code_of(caught.value) == "InvalidIdentityToken"


def test_ceph_takes_no_key_without_a_certificate(issuer: IssuerProcess) -> None:
    with (
        StsProcess(Setting(profile="ceph", issuer=issuer.url, audience=AUDIENCE)) as sts,
        pytest.raises(ClientError) as caught,
    ):
        with_token(sts, issuer.mint(), **ROLE)
    assert code_of(caught.value) == "AccessDenied"


def test_an_issuer_that_is_not_there_is_said_not_to_be(issuer: IssuerProcess) -> None:
    setting = Setting(profile="minio", issuer=issuer.url, reached_at="http://127.0.0.1:1", audience=AUDIENCE)
    with StsProcess(setting) as sts, pytest.raises(ClientError) as caught:
        with_token(sts, issuer.mint(**POLICY))
    assert code_of(caught.value) == "IDPCommunicationError"


def test_a_good_signature_gets_credentials(aws: StsProcess) -> None:
    answer = client(aws, "AKIAEXAMPLE", KEYS["AKIAEXAMPLE"]).assume_role(
        **ROLE, ExternalId="postern", Tags=[{"Key": "team", "Value": "blue"}], TransitiveTagKeys=["team"]
    )
    assert answer["Credentials"]["AccessKeyId"] == aws.calls()[-1]["access_key_id"]
    assert aws.calls()[-1]["tags"] == {"team": "blue"}
    assert aws.calls()[-1]["transitive_tag_keys"] == ["team"]


@pytest.mark.parametrize(
    "key_id, secret, external_id, code",
    [
        ("AKIAEXAMPLE", "another secret", "postern", "SignatureDoesNotMatch"),
        ("AKIAANOTHER", KEYS["AKIAEXAMPLE"], "postern", "InvalidClientTokenId"),
        ("AKIAEXAMPLE", KEYS["AKIAEXAMPLE"], "another", "AccessDenied"),
    ],
)
def test_any_other_is_refused(aws: StsProcess, key_id: str, secret: str, external_id: str, code: str) -> None:
    with pytest.raises(ClientError) as caught:
        client(aws, key_id, secret).assume_role(**ROLE, ExternalId=external_id)
    assert code_of(caught.value) == code


def test_a_call_without_a_signature_is_refused(aws: StsProcess) -> None:
    with pytest.raises(ClientError) as caught:
        client(aws, signature_version=UNSIGNED).assume_role(**ROLE, ExternalId="postern")
    assert code_of(caught.value) == "MissingAuthenticationToken"
