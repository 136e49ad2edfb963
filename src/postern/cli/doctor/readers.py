"""Which tool reads which file of the AWS token cache, and which goes to a configured endpoint at all."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from postern.cli.doctor.cached_files import contents, path_of
from postern.cli.doctor.findings import Case, Finding, login_command, ok, warn
from postern.cli.doctor.service import endpoint_of
from postern.client.errors import ConfigurationError
from postern.client.token_cache import SessionKey


class Tool(NamedTuple):
    """``by_url``: it reads the file of the start URL even for a profile that names an sso-session. ``limit`` is why it
    does not go to a configured endpoint; empty if it does.
    """

    name: str
    by_url: bool = False
    limit: str = ""


_INTERCEPT = "reach it by DNS and a certificate, or by HTTPS_PROXY"
TOOLS = (
    Tool("AWS CLI v2 (2.13 or newer)"),
    Tool("boto3"),
    Tool("AWS SDK for JavaScript v3"),
    Tool("AWS SDK for Go v2"),
    Tool("AWS SDK for JavaScript v2", limit="it reads no endpoint from the profile: pass endpoint in the program"),
    Tool("aws-sso-lib, aws-sso-util", by_url=True),
)
WITHOUT_ENDPOINT = ("AWS CLI before 2.13", "granted", "aws-sso-cli", "AWS Toolkit for VS Code (browser sign-in)")


def examine(case: Case) -> Iterator[Finding]:
    assert case.session is not None
    if path_of(case.cache, "") is None:
        yield warn("tools", "no other tool reads this token cache", "sign in with --cache aws to share the sign-in")
        return
    try:
        is_custom = endpoint_of(case, "sso_oidc").is_custom
    except ConfigurationError:
        return  # it is reported where the endpoint is looked at
    yield from _of_tools(case, [tool for tool in TOOLS if not (tool.by_url or (tool.limit and is_custom))])
    yield from _of_tools(case, [tool for tool in TOOLS if tool.by_url])
    for tool in TOOLS:
        if tool.limit and is_custom:
            yield warn("tools", f"{tool.name} reads that file too, but does not find the service", tool.limit)
    yield from _legacy_profiles(case)
    if is_custom:
        yield warn("tools", f"no configured endpoint is used by {', '.join(WITHOUT_ENDPOINT)}", _INTERCEPT)


def _of_tools(case: Case, tools: Sequence[Tool]) -> Iterator[Finding]:
    """Of tools that read the same file."""
    assert case.session is not None
    digest = case.session.key.digests[-1 if tools[0].by_url else 0]
    held = contents(case, digest)
    names = ", ".join(tool.name for tool in tools)
    text = f"{digest}.json is read by {names}: {held.text}"
    yield ok("tools", text) if held.is_live else warn("tools", text, f"run {login_command(case)}")


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
    yield (
        ok("tools", text)
        if held.is_live
        else warn("tools", text, f"run {login_command(case)}, or give them an sso_session")
    )
