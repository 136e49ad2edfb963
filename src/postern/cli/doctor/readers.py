"""Which tool reads which file of the AWS token cache, and which finds its way to a service that is not AWS's own."""

from collections.abc import Iterator
from pathlib import Path
from shlex import quote

from postern.cli.doctor.cached_files import contents, path_of
from postern.cli.doctor.endpoint import Target, target_of
from postern.cli.doctor.findings import Case, Finding, login_command, ok, warn
from postern.client.errors import ConfigurationError
from postern.client.settings import service_settings
from postern.client.token_cache import SessionKey

_CHECK = "tools"
BY_NAME = (
    "AWS CLI v2 (2.13 or newer)",
    "boto3",
    "AWS SDK for JavaScript v3",
    "AWS SDK for Go v2 (with config.LoadDefaultConfig)",
)
JS_V2 = "AWS SDK for JavaScript v2"
# They read the file of the start URL even for a profile that names an sso-session.
BY_URL = ("aws-sso-lib", "aws-sso-util")
WITHOUT_ENDPOINT = ("AWS CLI before 2.13", "granted", "aws-sso-cli")
_INTERCEPT = "reach it by DNS and a certificate, or by HTTPS_PROXY"


def examine(case: Case) -> Iterator[Finding]:
    assert case.session is not None
    if path_of(case.cache, "") is None:
        yield warn(_CHECK, "no other tool reads this token cache", "sign in with --cache aws to share the sign-in")
        return
    try:
        target = target_of(case, "sso_oidc")
    except ConfigurationError:
        return  # it is reported where the endpoint is looked at
    by_name = BY_NAME if target.is_custom else (*BY_NAME, JS_V2)
    yield _of_tools(case, case.session.key.digests[0], by_name)
    yield _of_tools(case, case.session.key.digests[-1], BY_URL)
    yield from _legacy_profiles(case)
    yield from _other_configuration_file(case)
    yield from _aws_sso_login(case, target)
    if target.is_custom:
        yield from _of_a_service_of_ones_own(case, target)


def _of_tools(case: Case, digest: str, names: tuple[str, ...]) -> Finding:
    """Of tools that read the same file."""
    held = contents(case, digest)
    text = f"{digest}.json is read by {', '.join(names)}: {held.text}"
    return ok(_CHECK, text) if held.is_live else warn(_CHECK, text, f"run {login_command(case)}")


def _legacy_profiles(case: Case) -> Iterator[Finding]:
    """Profiles that name the start URL and no session read another file, whatever the tool."""
    assert case.session is not None
    url = case.session.start_url
    profiles = [name for name in case.shared.profile_names if case.shared.profile(name).get("sso_start_url") == url]
    legacy = [name for name in profiles if "sso_session" not in case.shared.profile(name)]
    if not (legacy and case.session.name):
        return
    digest = SessionKey(url).primary
    held = contents(case, digest)
    text = f"profiles without sso_session ({', '.join(legacy)}) read {digest}.json in every tool: {held.text}"
    advice = f"run {login_command(case)}, or give them an sso_session"
    yield ok(_CHECK, text) if held.is_live else warn(_CHECK, text, advice)


def _other_configuration_file(case: Case) -> Iterator[Finding]:
    usual = Path(case.environment.get("HOME") or Path.home()) / ".aws" / "config"
    if Path(case.shared.config_file) != usual:
        text = f"{JS_V2} reads sso-sessions in {usual} only, and not in {case.shared.config_file}"
        yield warn(_CHECK, text, f"write them to {usual} too, for programs that use it")


def _aws_sso_login(case: Case, target: Target) -> Iterator[Finding]:
    """The AWS CLI looks for endpoints in a profile also when a session is named."""
    assert case.session is not None
    if case.session.name is None or not target.is_shared:
        return
    try:
        active = service_settings("sso_oidc", profile=None, environment=case.environment, shared=case.shared)
    except ConfigurationError:
        return  # a profile that there is not: it is reported where the configuration is looked at
    if active.endpoint_url == (target.url if target.is_custom else None):
        return
    command = f"`aws sso login --sso-session {quote(case.session.name)}`"
    where = active.endpoint_url or "AWS's own service"
    yield warn(
        _CHECK,
        f"{command} goes to {where}: it takes the endpoint from profile {active.profile or 'default'}",
        f"name the profile instead: `aws sso login --profile {quote(case.session.profile or 'NAME')}`",
    )


def _of_a_service_of_ones_own(case: Case, target: Target) -> Iterator[Finding]:
    assert case.session is not None
    url, digest = target.url, case.session.key.primary
    if not target.is_shared:
        yield warn(
            _CHECK,
            f"no other tool is told of {url}: it is {target.origin}",
            f"run `postern configure sso --session {quote(case.session.name or 'NAME')} --endpoint-url {quote(url)}`",
        )
    yield warn(
        _CHECK,
        f"{JS_V2} reads {digest}.json too, but refreshes the token at AWS's own service",
        f"in the program: AWS.config.update({{ssooidc: {{endpoint: '{url}'}}}})",
    )
    yield warn(
        _CHECK,
        "AWS Toolkit for VS Code takes endpoints from its own setting aws.dev.endpoints only",
        f'set it to {{"ssooidc": "{url}", "sso": "{url}"}}; only its sign-in by device code goes there',
    )
    yield warn(
        _CHECK,
        "Amazon Q and other tools with the Amazon language servers (flare) take endpoints from the environment, and "
        "open AWS's own page to sign in",
        f"start them with AWS_ENDPOINT_URL_SSO_OIDC={quote(url)}, and sign in by device code",
    )
    yield warn(_CHECK, f"no configured endpoint is used by {', '.join(WITHOUT_ENDPOINT)}", _INTERCEPT)
