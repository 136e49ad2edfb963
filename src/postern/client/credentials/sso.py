"""Role credentials of a profile that signs in by SSO: the token is in the cache, the rest comes from the portal."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from postern.api import errors
from postern.api.portal import BEARER_HEADER, GET_ROLE_CREDENTIALS, GetRoleCredentialsResponse
from postern.client.credentials.fetch import fetch
from postern.client.credentials.model import Credentials
from postern.client.credentials.profile import Profile
from postern.client.credentials.redaction import redacted
from postern.client.effects import Call, Flow
from postern.client.errors import CredentialsError, ServiceError
from postern.client.http import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from postern.client.token_cache import CachedToken, SessionKey

_ROLE, _ACCOUNT = "sso_role_name", "sso_account_id"
_REQUIRED = (_ROLE, _ACCOUNT, "sso_start_url", "sso_region")


class Tokens(Protocol):
    """What is needed of a token cache."""

    def load(self, key: "SessionKey") -> "CachedToken | None": ...


class SsoCredentials:
    """``sso_account_id`` and ``sso_role_name`` of a profile, with ``sso_session`` or, in old files, ``sso_start_url``.

    ``tokens`` opens the token cache. ``endpoint`` is the base URL of the portal for a region. The token is used as it
    is cached: who signs in renews it.
    """

    name = "sso"

    def __init__(
        self,
        profile: Profile,
        *,
        tokens: Callable[[], Tokens],
        endpoint: Callable[[str], str],
        now: Callable[[], float],
    ) -> None:
        self._profile = profile
        self._tokens = tokens
        self._endpoint = endpoint
        self._now = now

    def load(self) -> Flow[Credentials | None]:
        """
        Raises:
            CredentialsError: a setting is missing, nobody is signed in, or the portal refuses.
        """
        settings = self._profile.settings
        if _ROLE not in settings and _ACCOUNT not in settings:
            return None
        settings = self._with_session(settings)
        access_token = yield from self._access_token(settings)
        answer = yield from fetch(self._request(settings, access_token))
        return self._credentials(self._read(answer, settings))

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

    def _access_token(self, settings: Mapping[str, str]) -> Flow[str]:
        from postern.client.token_cache import SessionKey

        key = SessionKey(settings["sso_start_url"], settings.get("sso_session"))
        token: CachedToken | None = yield Call(lambda: self._tokens().load(key))
        if token is None:
            raise CredentialsError(f"nobody is signed in: {self._advice(settings)}")
        if token.expires_at <= self._now():
            raise CredentialsError(f"the sign-in has expired: {self._advice(settings)}")
        return token.access_token

    def _request(self, settings: Mapping[str, str], access_token: str) -> HttpRequest:
        from urllib.parse import urlencode

        base = self._endpoint(settings["sso_region"]).rstrip("/")
        query = urlencode({"role_name": settings[_ROLE], "account_id": settings[_ACCOUNT]})
        return HttpRequest(
            method=GET_ROLE_CREDENTIALS.method,
            url=f"{base}{GET_ROLE_CREDENTIALS.path}?{query}",
            headers={BEARER_HEADER: access_token, "Accept": "application/json"},
        )

    def _read(self, answer: HttpResponse, settings: Mapping[str, str]) -> GetRoleCredentialsResponse:
        from postern.client.answers import result

        try:
            read: GetRoleCredentialsResponse = result(answer, GET_ROLE_CREDENTIALS, convert=True)
        except errors.UnauthorizedException:
            raise CredentialsError(f"the portal does not accept the sign-in: {self._advice(settings)}") from None
        except errors.ForbiddenException:
            raise CredentialsError(
                f"role {settings[_ROLE]} of account {settings[_ACCOUNT]} is not assigned to who is signed in"
            ) from None
        except errors.ModelledError as error:
            raise CredentialsError(f"the portal refuses: {error.wire_name()}: {redacted(error.description)}") from None
        except ServiceError as error:
            raise CredentialsError(f"the portal answered {error.status}: {redacted(error.message)}") from None
        return read

    def _credentials(self, answer: GetRoleCredentialsResponse) -> Credentials:
        role = answer.role_credentials
        if role is None or not role.access_key_id or not role.secret_access_key:
            raise CredentialsError("the portal's answer has no credentials")
        return Credentials(
            access_key_id=role.access_key_id,
            secret_access_key=role.secret_access_key,
            session_token=role.session_token or None,
            expires_at=None if role.expiration is None else role.expiration / 1000,
            source=f"{self.name} ({self._profile})",
        )

    def _advice(self, settings: Mapping[str, str]) -> str:
        session = settings.get("sso_session")
        which = f"--session {session}" if session else f"--profile {self._profile.name}"
        return f"run `postern login {which}`"
