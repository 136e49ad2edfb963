"""moto's server, which many test against: it has no SSO OIDC, and our client says so. It has instance metadata, from
which our client takes credentials.
"""

import time
from collections.abc import Iterator

import pytest

from postern.api.errors import ModelledError
from postern.client.credentials import CredentialProviderChain, InstanceCredentials
from postern.client.driver import run
from postern.client.errors import ServiceError
from postern.client.service import Service
from postern.client.sso_oidc import SSOOIDC
from tests.clients_real.moto import started

pytestmark = pytest.mark.real_client

QUIET = {"AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"}


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with started(tmp_path_factory.mktemp("moto")) as url:
        yield url


def test_a_server_without_the_service_is_told_in_one_line(moto: str) -> None:
    with SSOOIDC(endpoint=moto, region="us-east-1", environment=QUIET, max_retries=0) as client:
        with pytest.raises((ServiceError, ModelledError)) as caught:
            client.register_client(client_name="a tool", client_type="public")
        assert isinstance(caught.value, ServiceError)
        assert caught.value.status >= 400
        assert "\n" not in str(caught.value)
        assert "is this the address of the service?" in str(caught.value)


def test_credentials_come_from_instance_metadata(moto: str) -> None:
    from postern.client.credentials.profile import Profile
    from postern.client.shared_config import SharedConfig

    given = {**QUIET, "AWS_EC2_METADATA_SERVICE_ENDPOINT": moto}
    provider = InstanceCredentials(Profile(SharedConfig.load(given), None), given, time.time)
    with Service.define_service("Any")(endpoint=moto, environment=QUIET) as client:
        credentials = run(CredentialProviderChain([provider]).resolve(), client.transport)
    assert credentials.access_key_id
    assert credentials.session_token
