"""Role credentials of a profile that signs in by SSO: the token is in the cache, the rest comes from the portal."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from postern.api.errors import ModelledError
from postern.client.credentials.model import Credentials
from postern.client.credentials.profile import Profile
from postern.client.credentials.redaction import redacted
from postern.client.effects import Call, Flow
from postern.client.errors import CredentialsError, ServiceError, SignInRequired, TransportError

if TYPE_CHECKING:
    from postern.client.role_credentials.sealed_files import RoleCredentials
    from postern.client.token_cache import CachedToken, SessionKey, TokenCache
    from postern.client.token_refresh import Caller

_ROLE, _ACCOUNT = "sso_role_name", "sso_account_id"
_REQUIRED = (_ROLE, _ACCOUNT, "sso_start_url", "sso_region")


class SsoCredentials:
    """``sso_account_id`` and ``sso_role_name`` of a profile, with ``sso_session`` or, in old files, ``sso_start_url``.

    ``tokens`` opens the token cache. ``oidc`` and ``portal`` make the calls to the two services in a region: the token
    is refreshed when that is due, as `TokenProvider` does it.
    """

    name = "sso"

    def __init__(
        self,
        profile: Profile,
        *,
        tokens: "Callable[[], TokenCache]",
        oidc: "Callable[[str], Caller]",
        portal: "Callable[[str], Caller]",
        now: Callable[[], float],
    ) -> None:
        self._profile = profile
        self._tokens = tokens
        self._oidc = oidc
        self._portal = portal
        self._now = now

    def load(self) -> Flow[Credentials | None]:
        """
        Raises:
            CredentialsError: a setting is missing, nobody is signed in, or a service refuses or does not answer.
        """
        settings = self._profile.settings
        if _ROLE not in settings and _ACCOUNT not in settings:
            return None
        settings = self._with_session(settings)
        try:
            role = yield from self._fetched(settings)
        except ModelledError as error:
            raise CredentialsError(f"the service refuses: {error.wire_name()}: {redacted(error.description)}") from None
        except ServiceError as error:
            raise CredentialsError(f"the service answered {error.status}: {redacted(error.message)}") from None
        except TransportError as error:
            raise CredentialsError(str(error)) from error
        return Credentials(
            access_key_id=role.access_key_id,
            secret_access_key=role.secret_access_key,
            session_token=role.session_token,
            expires_at=role.expires_at,
            source=f"{self.name} ({self._profile})",
        )

    def _with_session(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        """The settings with those of the sso-session, which may be in both places only if they are the same."""
        if "sso_session" in settings:
            session = self._profile.shared.sso_session(settings["sso_session"])
            for key, value in session.items():
                if settings.get(key, value) != value:
                    raise CredentialsError(f"{key} differs between {self._profile} and its sso-session")
            settings = {**settings, **session}
        missing = [key for key in _REQUIRED if not settings.get(key)]
        if missing:
            raise CredentialsError(f"{self._profile} lacks {', '.join(missing)}")
        return settings

    def _fetched(self, settings: Mapping[str, str]) -> "Flow[RoleCredentials]":
        from postern.client.role_credentials.sealed_files import RoleKey
        from postern.client.role_credentials.usable import fetched
        from postern.client.token_cache import SessionKey

        session = SessionKey(settings["sso_start_url"], settings.get("sso_session"))
        token = yield from self._token(session, settings)
        key = RoleKey(session, settings[_ACCOUNT], settings[_ROLE])
        try:
            return (yield from fetched(key, token, self._portal(settings["sso_region"])))
        except SignInRequired:
            raise CredentialsError(f"the portal does not accept the sign-in: {self._advice(settings)}") from None

    def _token(self, key: "SessionKey", settings: Mapping[str, str]) -> "Flow[CachedToken]":
        from postern.client.token_refresh import usable_token

        cache = self._tokens()
        token: CachedToken | None = yield Call(lambda: cache.load(key))
        if token is None:
            raise CredentialsError(f"nobody is signed in: {self._advice(settings)}")
        if not token.is_refreshable(self._now()):
            if token.expires_at <= self._now():
                raise CredentialsError(f"the sign-in has expired: {self._advice(settings)}")
            return token
        try:
            return (yield from usable_token(key, cache, self._oidc(settings["sso_region"]), now=self._now))
        except SignInRequired:
            raise CredentialsError(f"the sign-in cannot be renewed: {self._advice(settings)}") from None

    def _advice(self, settings: Mapping[str, str]) -> str:
        session = settings.get("sso_session")
        which = f"--session {session}" if session else f"--profile {self._profile.name}"
        return f"run `postern login {which}`"
