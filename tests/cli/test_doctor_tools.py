"""`postern doctor` on other tools: which file each reads, and how it finds a service of one's own."""

from pathlib import Path

import pytest

from tests.cli.desk import Desk
from tests.cli.examining import by_url, found, primary
from tests.cli.stub import Stub


def test_each_tool_is_shown_with_the_file_that_it_reads(sound: Desk) -> None:
    by_name, by_start_url = (text for text in found(sound, "tools", "ok"))
    assert by_name.startswith(f"{primary(sound).name} is read by AWS CLI v2 (2.13 or newer), boto3, ")
    assert by_start_url.startswith(f"{by_url(sound).name} is read by aws-sso-lib, aws-sso-util: a token good until")


@pytest.mark.parametrize(
    "said",
    [
        (
            "AWS SDK for JavaScript v2 reads {digest}.json too, but refreshes the token at AWS's own service"
            " -> in the program: AWS.config.update({{ssooidc: {{endpoint: '{url}'}}}})"
        ),
        (
            "AWS Toolkit for VS Code takes endpoints from its own setting aws.dev.endpoints only -> "
            'set it to {{"ssooidc": "{url}", "sso": "{url}"}}'
        ),
        (
            "(flare) take endpoints from the environment, and open AWS's own page to sign in -> "
            "start them with AWS_ENDPOINT_URL_SSO_OIDC={url}"
        ),
        "no configured endpoint is used by AWS CLI before 2.13, granted, aws-sso-cli -> reach it by DNS",
        (
            "`aws sso login --sso-session lab` goes to AWS's own service: it takes the endpoint from profile default "
            "-> name the profile instead: `aws sso login --profile lab`"
        ),
    ],
    ids=["JavaScript v2", "VS Code", "flare", "without endpoint", "aws sso login"],
)
def test_tools_that_do_not_find_a_service_of_one_s_own_are_named(sound: Desk, sso_oidc: Stub, said: str) -> None:
    text = said.format(url=sso_oidc.url, digest=primary(sound).stem)
    assert any(text in each for each in found(sound, "tools", "warn"))
    sound.use_session()
    sound.set(HTTPS_PROXY="http://127.0.0.1:9")
    assert found(sound, "tools", "warn") == []
    assert any("JavaScript v3" in each and "JavaScript v2" in each for each in found(sound, "tools", "ok"))


def test_aws_sso_login_finds_the_way_of_the_active_profile(sound: Desk) -> None:
    sound.set(AWS_PROFILE="lab")
    assert not any("aws sso login" in each for each in found(sound, "tools", "warn"))


def test_a_configuration_in_another_place_is_not_read_by_all(sound: Desk, tmp_path: Path) -> None:
    elsewhere = tmp_path / "config"
    sound.config_file.rename(elsewhere)
    sound.set(AWS_CONFIG_FILE=str(elsewhere))
    assert any(
        f"JavaScript v2 reads sso-sessions in {sound.config_file} only, and not in {elsewhere}" in each
        for each in found(sound, "tools", "warn")
    )


def test_an_endpoint_from_the_command_line_is_not_known_to_other_tools(desk: Desk, sso_oidc: Stub) -> None:
    desk.use_session()
    told = found(desk, "tools", "warn", "--endpoint-url", sso_oidc.url)
    assert any(f"`postern configure sso --session lab --endpoint-url {sso_oidc.url}`" in each for each in told)
