"""``postern exec -- COMMAND …``: a command with the credentials of a role in its environment, in place of ours."""

import argparse
import os
import shutil
from collections.abc import Mapping

from postern.cli.credentials import variables_of
from postern.cli.exit_codes import UsageError
from postern.cli.output import tell
from postern.cli.roles_meant import SignedIn, credentials_for, role_meant, signed_in
from postern.client.settings import service_settings

_NOT_FOUND, _NOT_EXECUTABLE = 127, 126
# What would lead the command to other credentials than those that it is given.
_LEFT_OUT = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SECURITY_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
)


def run(options: argparse.Namespace) -> int:
    """The command takes the place of this process; what is returned is why it could not.

    Raises:
        UsageError: there is no command.
        SignInRequired: nobody is signed in, or not any more.
        CredentialsError: the role is not theirs.
    """
    words = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not words:
        raise UsageError("what is to be run? postern exec --profile NAME -- COMMAND …")
    whose = signed_in(options)
    found = credentials_for(options, whose, role_meant(options, whose))
    environment = {
        **{name: value for name, value in os.environ.items() if name not in _LEFT_OUT},
        **_region(whose.settings),
        **_endpoints(whose),
        **variables_of(found),
    }
    program = shutil.which(words[0], path=environment.get("PATH"))
    if program is None:
        tell(f"postern: {words[0]} is not found")
        return _NOT_FOUND
    try:
        os.execve(program, words, environment)  # noqa: S606  # what the person asked for
    except OSError as error:
        tell(f"postern: {words[0]} cannot be run: {error.strerror}")
        return _NOT_EXECUTABLE


def _region(settings: Mapping[str, str]) -> dict[str, str]:
    """The profile's region, since the profile itself is not passed on."""
    region = settings.get("region")
    return {"AWS_REGION": region, "AWS_DEFAULT_REGION": region} if region else {}


def _endpoints(whose: SignedIn) -> dict[str, str]:
    """Those of the profile: credentials of a service of one's own shall not be shown to AWS."""
    settings, profile = whose.settings, whose.session.profile
    general = service_settings("", profile=profile, environment=os.environ, shared=whose.shared)
    if general.ignore_configured_endpoint_urls or os.environ.get("AWS_ENDPOINT_URL"):
        return {}
    found = {"AWS_ENDPOINT_URL": settings.get("endpoint_url", "")}
    services = whose.shared.services(settings["services"]) if settings.get("services") else {}
    for service_id, block in services.items():
        variable = f"AWS_ENDPOINT_URL_{service_id.upper()}"
        found[variable] = os.environ.get(variable) or block.get("endpoint_url", "")
    return {variable: url for variable, url in found.items() if url}
