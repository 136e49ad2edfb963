"""Tokens and registrations to keep."""

from postern.client.token_cache import CachedRegistration, CachedToken, RegistrationKey, SessionKey

NOW = 1_700_000_000.0
START_URL = "https://sso.example.test/start"
SESSION = SessionKey(START_URL, "dev")
OTHER_SESSION = SessionKey(START_URL, "prod")
LEGACY = SessionKey(START_URL)

SECRETS = ("access-secret", "refresh-secret", "client-secret")

TOKEN = CachedToken(
    start_url=START_URL,
    region="eu-west-1",
    access_token="access-secret",
    expires_at=NOW + 3600,
    refresh_token="refresh-secret",
    client_id="client-1",
    client_secret="client-secret",
    registration_expires_at=NOW + 90 * 86_400,
    session_name="dev",
    scopes=("sso:account:access",),
    issued_at=NOW,
    extra={"somebodyElses": [1, {"deep": None}]},
)

REGISTRATION_KEY = RegistrationKey(START_URL, "eu-west-1", ("sso:account:access",), ("refresh_token",), "dev")
REGISTRATION = CachedRegistration(
    client_id="client-1",
    client_secret="client-secret",
    expires_at=NOW + 90 * 86_400,
    scopes=("sso:account:access",),
    grant_types=("refresh_token",),
    extra={"authorizationEndpoint": "https://sso.example.test/authorize"},
)
