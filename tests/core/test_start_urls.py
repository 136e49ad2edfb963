"""Start URLs are compared after normalising, never fetched."""

import pytest

from postern.api.errors import InvalidRequestException
from postern.core import start_urls
from postern.core.policy import InstancePolicy, Policy
from postern.core.records import Instance
from tests.core.world import PUBLIC_URL, refused

INSTANCE = Instance(
    instance_id="ssoins-0123456789abcdef",
    identity_store_id="d-0123456789",
    owner_account_id="111122223333",
    created_at=0,
)
POLICY = Policy(
    public_url=PUBLIC_URL,
    instance=InstancePolicy(region="eu-central-1", start_url_aliases=("https://My-Company.awsapps.com/start/",)),
)
KNOWN = dict.fromkeys(start_urls.accepted(POLICY, INSTANCE), INSTANCE)


@pytest.mark.parametrize(
    "url",
    [
        "https://sso.example.com",
        "https://sso.example.com/",
        "https://sso.example.com/start",
        "https://sso.example.com/start/",
        "https://sso.example.com/start#",
        "https://sso.example.com/start/#/",
        "https://sso.example.com/start?a=b",
        "HTTPS://SSO.EXAMPLE.COM/start",
        "https://d-0123456789.awsapps.com/start",
        "https://ssoins-0123456789abcdef.awsapps.com/start",
        "https://identitycenter.amazonaws.com/ssoins-0123456789abcdef",
        "https://ssoins-0123456789abcdef.portal.eu-central-1.app.aws",
        "https://my-company.awsapps.com/start",
        "https://MY-COMPANY.awsapps.com/start#/",
    ],
)
def test_names_of_this_instance(url: str) -> None:
    assert start_urls.require(url, KNOWN) is INSTANCE


@pytest.mark.parametrize(
    "url",
    [
        "",
        " ",
        "start",
        "/start",
        "sso.example.com/start",
        "//sso.example.com/start",
        "https:sso.example.com/start",
        "https://",
        "https:///start",
        "http://sso.example.com/start",
        "ftp://sso.example.com/start",
        "javascript://sso.example.com/start",
        "https://sso.example.com/Start",
        "https://sso.example.com/start/x",
        "https://sso.example.com/start/../start",
        "https://sso.example.com/%73tart",
        "https://sso.example.com:443/start",
        "https://sso.example.com:8443/start",
        "https://sso.example.com./start",
        "https://sso.example.com.evil.example/start",
        "https://sso.example.com@evil.example/start",
        "https://user@sso.example.com/start",
        "https://sso.example.com\\start",
        "https://evil.example/start",
        "https://other.awsapps.com/start",
        "https://d-9999999999.awsapps.com/start",
        "https://identitycenter.amazonaws.com/ssoins-ffffffffffffffff",
        "https://identitycenter.amazonaws.com",
        "https://ssoins-0123456789abcdef.portal.us-east-1.app.aws",
        "https://[::1/start",
        "https://[]/start",
        "https://sso.example.com\u2100/start",
        "https://sso.example.com/\ud800",
        "https://sso.example.com/start\x00",
        "https://sso.example.com/start" + "/" * 4096,
    ],
)
def test_everything_else_is_refused_with_one_text(url: str) -> None:
    """The text does not say which instances there are."""
    with refused(InvalidRequestException) as refusal:
        start_urls.require(url, KNOWN)
    assert refusal.value.description == "Invalid start url provided"


def test_the_start_url_to_print_for_the_aws_cli_is_on_a_host_of_aws() -> None:
    assert start_urls.aws_start_url(INSTANCE) == "https://d-0123456789.awsapps.com/start"
    assert start_urls.normalise(start_urls.aws_start_url(INSTANCE)) in KNOWN
    assert start_urls.normalise(start_urls.own_start_url(POLICY, INSTANCE)) in KNOWN
