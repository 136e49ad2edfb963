"""``postern credentials``: credentials for a role, as ``credential_process`` wants them. Programs call this at each
start, so from a warm cache it imports hardly anything.
"""

import time
from typing import TYPE_CHECKING

from postern.cli.roles_meant import credentials_for, role_meant, signed_in
from postern.client.role_credentials.sealed_files import RoleCredentials

if TYPE_CHECKING:
    import argparse

_SHELLS = {
    "env": ("export {}={}", "'", "'\\''"),
    "powershell": ("$Env:{}={}", "'", "''"),
}


def credentials(options: "argparse.Namespace") -> None:
    """
    Raises:
        SignInRequired: nobody is signed in, or not any more.
        CredentialsError: the role is not theirs.
        CommandFailed: there are none that are good for so long.
    """
    whose = signed_in(options)
    found = credentials_for(options, whose, role_meant(options, whose))
    if options.json or options.format == "json":
        import json

        print(json.dumps(_members(found), indent=2))
    elif options.format == "process":
        import json

        print(json.dumps(_for_process(found)))
    else:
        print("\n".join(_for_shell(found, *_SHELLS[options.format])))


def variables_of(found: RoleCredentials) -> dict[str, str]:
    """The variables that AWS's tools look at."""
    return {
        "AWS_ACCESS_KEY_ID": found.access_key_id,
        "AWS_SECRET_ACCESS_KEY": found.secret_access_key,
        "AWS_SESSION_TOKEN": found.session_token,
        "AWS_CREDENTIAL_EXPIRATION": _iso(found.expires_at),
    }


def _for_process(found: RoleCredentials) -> dict[str, object]:
    """As ``credential_process`` is documented."""
    return {
        "Version": 1,
        "AccessKeyId": found.access_key_id,
        "SecretAccessKey": found.secret_access_key,
        "SessionToken": found.session_token,
        "Expiration": _iso(found.expires_at),
    }


def _members(found: RoleCredentials) -> dict[str, object]:
    return {**found._asdict(), "expires_at": int(found.expires_at)}


def _for_shell(found: RoleCredentials, line: str, quote: str, escaped: str) -> list[str]:
    return [
        line.format(name, quote + value.replace("'", escaped) + quote) for name, value in variables_of(found).items()
    ]


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
