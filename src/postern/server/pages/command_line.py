"""What people paste into a terminal or a file to use a role: credentials as each shell and file takes them, and the
profiles that sign in and fetch credentials by themselves.
"""

import shlex

import msgspec

from postern.core import start_urls
from postern.core.directory.records import AssignedRole, LocalSource, SourceOptions
from postern.core.iam.access_keys import TemporaryCredentials
from postern.core.policy import Policy
from postern.core.records import Instance


class Paste(msgspec.Struct, frozen=True, kw_only=True):
    """A text to copy. ``key`` is its id on the page, ``where`` says where it goes."""

    key: str
    title: str
    where: str
    text: str

    def __repr__(self) -> str:
        """Without the text, which may hold secrets."""
        return f"Paste({self.key})"


def credential_pastes(role: AssignedRole, credentials: TemporaryCredentials) -> list[Paste]:
    """The credentials themselves."""
    variables = {
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_SESSION_TOKEN": credentials.session_token,
    }
    posix = (f"export {name}={shlex.quote(value)}" for name, value in variables.items())
    powershell = (f"$Env:{name} = '{_doubled(value)}'" for name, value in variables.items())
    command_prompt = (f'set "{name}={value}"' for name, value in variables.items())
    profile = (f"{name.lower()} = {value}" for name, value in variables.items())
    return [
        Paste(key="posix", title="macOS and Linux", where="Paste into a terminal.", text="\n".join(posix)),
        Paste(key="powershell", title="PowerShell", where="Paste into PowerShell.", text="\n".join(powershell)),
        Paste(key="cmd", title="Command Prompt", where="Paste into cmd.exe.", text="\n".join(command_prompt)),
        Paste(
            key="profile",
            title="AWS profile",
            where="Add to ~/.aws/credentials.",
            text="\n".join((f"[{profile_name(role)}]", *profile)),
        ),
    ]


def lasting_pastes(policy: Policy, instance: Instance, role: AssignedRole, source: SourceOptions) -> list[Paste]:
    """What holds no secret and fetches credentials when they are needed."""
    profile = profile_name(role)
    return [
        Paste(
            key="sign-in",
            title="Profile that signs in",
            where="Add to ~/.aws/config, then sign in with aws sso login.",
            text=_sign_in_profile(policy, instance, role, source),
        ),
        Paste(
            key="process",
            title="credential_process",
            where="For tools that know no SSO. Add beside the profile that signs in.",
            text=f"[profile {profile}-process]\ncredential_process = postern credentials --profile {profile}",
        ),
    ]


def profile_name(role: AssignedRole) -> str:
    return f"{role.permission_set.name}-{role.account.account_id}"


def _sign_in_profile(policy: Policy, instance: Instance, role: AssignedRole, source: SourceOptions) -> str:
    """As ``aws configure sso`` writes it. The start URL is of the form that every AWS CLI accepts."""
    session, region = "postern" if instance.is_primary else f"postern-{instance.name}", policy.instance.region
    services = ("sso_oidc", "sso", "sts") if isinstance(source, LocalSource) else ("sso_oidc", "sso")
    endpoints = "\n".join(f"{service} =\n  endpoint_url = {policy.public_url}" for service in services)
    return f"""\
[profile {profile_name(role)}]
sso_session = {session}
sso_account_id = {role.account.account_id}
sso_role_name = {role.permission_set.name}
region = {region}
services = {session}

[sso-session {session}]
sso_start_url = {start_urls.aws_start_url(instance)}
sso_region = {region}
sso_registration_scopes = sso:account:access

[services {session}]
{endpoints}"""


def _doubled(value: str) -> str:
    return value.replace("'", "''")
