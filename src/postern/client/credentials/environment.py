"""Credentials in environment variables."""

from collections.abc import Mapping

from postern.client.credentials.documents import unix_time
from postern.client.credentials.model import Credentials
from postern.client.effects import Flow
from postern.client.errors import CredentialsError

_KEY_ID, _SECRET = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"


class EnvironmentCredentials:
    """``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``, ``AWS_SESSION_TOKEN`` (or the older ``AWS_SECURITY_TOKEN``) and
    ``AWS_CREDENTIAL_EXPIRATION`` (ISO 8601). An empty variable counts as absent.
    """

    name = "environment"

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def load(self) -> Flow[Credentials | None]:
        """
        Raises:
            CredentialsError: one half of the pair of keys is missing.
        """
        yield from ()
        get = self._environment.get
        key_id, secret, expiration = get(_KEY_ID), get(_SECRET), get("AWS_CREDENTIAL_EXPIRATION")
        if not key_id and not secret:
            return None
        if not key_id or not secret:
            there, missing = (_SECRET, _KEY_ID) if not key_id else (_KEY_ID, _SECRET)
            raise CredentialsError(f"{there} is set and {missing} is not")
        return Credentials(
            access_key_id=key_id,
            secret_access_key=secret,
            session_token=get("AWS_SESSION_TOKEN") or get("AWS_SECURITY_TOKEN") or None,
            expires_at=unix_time(expiration) if expiration else None,
            source=self.name,
        )
