"""Keys that stand in a profile of the shared files."""

from postern.client.credentials.model import Credentials
from postern.client.credentials.profile import Profile
from postern.client.effects import Flow
from postern.client.errors import CredentialsError

_KEY_ID, _SECRET = "aws_access_key_id", "aws_secret_access_key"


class SharedFilesCredentials:
    """``aws_access_key_id``, ``aws_secret_access_key`` and ``aws_session_token`` of a profile."""

    name = "shared files"

    def __init__(self, profile: Profile) -> None:
        self._profile = profile

    def load(self) -> Flow[Credentials | None]:
        """
        Raises:
            CredentialsError: one half of the pair of keys is missing.
        """
        yield from ()
        settings = self._profile.settings
        key_id, secret = settings.get(_KEY_ID), settings.get(_SECRET)
        if not key_id and not secret:
            return None
        if not key_id or not secret:
            there, missing = (_SECRET, _KEY_ID) if not key_id else (_KEY_ID, _SECRET)
            raise CredentialsError(f"{self._profile} has {there} and no {missing}")
        return Credentials(
            access_key_id=key_id,
            secret_access_key=secret,
            session_token=settings.get("aws_session_token") or settings.get("aws_security_token") or None,
            source=f"{self.name} ({self._profile})",
        )
