"""Profiles whose credentials only botocore can fetch: roles to assume, sign-ins of ``aws login``."""

from collections.abc import Mapping

from postern.client.credentials.botocore_chain import EXTRA, BotocoreCredentials
from postern.client.credentials.model import Credentials
from postern.client.credentials.profile import Profile
from postern.client.effects import Flow
from postern.client.errors import CredentialsError

_WEB_IDENTITY = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN")
_KINDS = {
    "role": ("assumes a role", "role_arn"),
    "login": ("is signed in by `aws login`", "login_session"),
}


class DelegatedCredentials:
    """Asks botocore where the profile, or for a role the environment (web identity), is configured so. ``name`` is
    ``role`` or ``login``.

    botocore sees the environment of the process only, so ``environment`` has to be that.
    """

    def __init__(self, name: str, profile: Profile, environment: Mapping[str, str], *, uses_environment: bool) -> None:
        self.name = name
        self._profile = profile
        self._environment = environment
        self._uses_environment = uses_environment
        self._botocore = BotocoreCredentials(None if uses_environment else profile.name)

    def load(self) -> Flow[Credentials | None]:
        """
        Raises:
            CredentialsError: botocore is not installed, or it fails.
        """
        import os

        reason = self._reason()
        if reason is None:
            return None
        if not _is_installed():
            raise CredentialsError(f"{reason}, which needs botocore: {EXTRA}")
        if self._environment is not os.environ:
            raise CredentialsError(f"{reason}, which botocore does only in the environment of the process")
        return (yield from self._botocore.load())

    def _reason(self) -> str | None:
        says, key = _KINDS[self.name]
        if key in self._profile.settings:
            return f"{self._profile} {says}"
        if self.name == "role" and self._uses_environment and all(self._environment.get(key) for key in _WEB_IDENTITY):
            return f"{_WEB_IDENTITY[0]} is set, so a role is assumed"
        return None


def _is_installed() -> bool:
    from importlib.util import find_spec

    return find_spec("botocore") is not None
