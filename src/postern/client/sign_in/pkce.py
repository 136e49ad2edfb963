"""The authorization code grant with PKCE (RFC 7636), for a browser on this machine (RFC 8252)."""

import secrets
from base64 import urlsafe_b64encode
from functools import partial
from hashlib import sha256
from urllib.parse import quote, urlencode, urlsplit

from postern.api.errors import InvalidClientException, ModelledError
from postern.api.sso_oidc import START_DEVICE_AUTHORIZATION, CreateTokenRequest, StartDeviceAuthorizationRequest
from postern.client.effects import Call, Emit, Flow
from postern.client.errors import SignInError, SignInExpired
from postern.client.sign_in import addresses, callback, tokens
from postern.client.sign_in.attempt import Attempt
from postern.client.sign_in.callback import Expectation
from postern.client.sign_in.countdown import Countdown
from postern.client.sign_in.interface import Authorization
from postern.client.sign_in.listener import ADDRESS, CallbackListener
from postern.client.sign_in.persistence import is_hiccup, persistently
from postern.client.sign_in.registration import AUTHORIZATION_CODE, Registration, with_registration
from postern.client.token_cache.entries import CachedToken

_LONGEST = 600.0  # seconds, when no time-out is given
_TICK = 1.0  # seconds between signs of life
_VERIFIER_BYTES = 64
_STATE_BYTES = 32
_DYNAMIC_PORTS = range(49152, 65536)


class ListenerUnavailable(SignInError):
    """There is no port on the loopback address to be had, and another grant may be tried."""


def pkce_flow(attempt: Attempt) -> Flow[CachedToken]:
    """Sign in with a browser.

    Raises:
        ListenerUnavailable: with the method ``auto`` only; with ``pkce`` the person can still paste the address.
        SignInDenied, SignInExpired, SignInError: the person, or the time, or the service said no.
        ModelledError, ClientError: a call went wrong.
    """
    return (yield from with_registration(attempt, AUTHORIZATION_CODE, partial(_signed_in, attempt)))


def challenge_of(verifier: str) -> str:
    """The S256 code challenge (RFC 7636 4.2)."""
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def authorization_endpoint(attempt: Attempt, registration: Registration) -> str:
    """Where to send the browser: where the registration says, else beside the other operations.

    Raises:
        SignInError: the registration says something that no browser should be sent to.
    """
    ours = addresses.origin(attempt.caller.endpoint.href)
    url = registration.authorization_endpoint or ours
    parts = addresses.parsed(url)
    is_plain = url.isascii() and not set(url) & set("\"'<>\\#")
    if parts is None or not is_plain or "@" in parts.netloc or parts.scheme not in ("https", urlsplit(ours).scheme):
        raise SignInError("the service names an authorization endpoint that cannot be used")
    path = parts.path.rstrip("/")
    return parts._replace(path=path if path.endswith("/authorize") else f"{path}/authorize").geturl()


def authorization_url(
    endpoint: str, *, client_id: str, redirect_uri: str, state: str, challenge: str, scopes: tuple[str, ...]
) -> str:
    """The authorization request (RFC 6749 4.1.1), with parameters named and ordered as the AWS CLI does."""
    parameters = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "state": state,
        "code_challenge_method": "S256",
        "scopes": " ".join(scopes),
        "code_challenge": challenge,
    }
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(parameters, quote_via=quote, safe='')}"


def _signed_in(attempt: Attempt, registration: Registration) -> Flow[CachedToken]:
    if registration.is_from_cache:
        yield from _check_registration(attempt, registration)
    verifier = secrets.token_urlsafe(_VERIFIER_BYTES)
    code, redirect_uri = yield from _authorized(attempt, registration, challenge_of(verifier))
    request = CreateTokenRequest(
        client_id=registration.client_id,
        client_secret=registration.client_secret,
        grant_type=AUTHORIZATION_CODE,
        code=code,
        redirect_uri=redirect_uri,
        code_verifier=verifier,
    )

    def ask() -> Flow[CachedToken]:
        asked_at = attempt.now()
        response = yield from attempt.redeem(request)
        return tokens.issued(
            attempt.request, registration, response, endpoint=attempt.caller.endpoint, asked_at=asked_at
        )

    return (yield from persistently(ask, attempt, is_hiccup, sent={"code": code}))


def _authorized(attempt: Attempt, registration: Registration, challenge: str) -> Flow[tuple[str, str]]:
    """Send the person to the browser; the authorization code, and the redirect URI that it came to."""
    state = secrets.token_urlsafe(_STATE_BYTES)
    endpoint = authorization_endpoint(attempt, registration)
    issuers = callback.issuers(endpoint, attempt.caller.endpoint.href, attempt.request.start_url)
    judge = Expectation(state=state, issuers=issuers).judge
    listener = CallbackListener(judge, port=attempt.request.callback_port, paste_input=attempt.interface.paste_input)
    try:
        redirect_uri = yield from _listen(attempt, listener)
        url = authorization_url(
            endpoint,
            client_id=registration.client_id,
            redirect_uri=redirect_uri,
            state=state,
            challenge=challenge,
            scopes=attempt.request.scopes,
        )
        yield from _show(attempt, listener, url, redirect_uri)
        return (yield from _code(attempt, listener)), redirect_uri
    finally:
        listener.close()


def _check_registration(attempt: Attempt, registration: Registration) -> Flow[None]:
    """See that the service still knows the client. Else only the browser would say so, on a page that leads nowhere.

    The question is one that an authorization code client may not ask, so nothing comes of it.

    Raises:
        InvalidClientException: it does not.
        ClientError: there is no answer.
    """
    question = StartDeviceAuthorizationRequest(
        client_id=registration.client_id,
        client_secret=registration.client_secret,
        start_url=attempt.request.start_url,
    )
    try:
        yield from attempt.caller.flow(START_DEVICE_AUTHORIZATION, question)
    except InvalidClientException:
        raise
    except ModelledError:
        return


def _listen(attempt: Attempt, listener: CallbackListener) -> Flow[str]:
    """Bind the listener; the redirect URI that leads to it."""
    wanted = attempt.request.callback_port
    # Not to be broken off: what it has opened would stay open.
    port: int | None = yield Call(listener.open, lambda: None)
    if port is None and attempt.request.method == "auto":
        raise ListenerUnavailable(f"there is no free port on {ADDRESS}")
    if port is None:
        yield from attempt.notice(f"There is no free port on {ADDRESS}: paste the address that the browser ends at.")
        port = wanted or secrets.choice(_DYNAMIC_PORTS)
    elif wanted not in (0, port):
        yield from attempt.notice(f"Port {wanted} is taken, {port} is used.")
    return f"http://{ADDRESS}:{port}{callback.PATH}"


def _show(attempt: Attempt, listener: CallbackListener, url: str, redirect_uri: str) -> Flow[None]:
    authorization = Authorization(
        url=url,
        redirect_uri=redirect_uri,
        opens=attempt.opens_browser,
        reason=attempt.reason,
        paste=listener.paste,
    )
    yield Emit((attempt.interface.show_authorization,), (authorization,))
    yield from attempt.open_browser(url)


def _code(attempt: Attempt, listener: CallbackListener) -> Flow[str]:
    """The authorization code, once the browser or the person brings it."""
    time = Countdown(_LONGEST if attempt.request.timeout is None else None, attempt.now, within=attempt.time)
    while (left := time.left) > 0:
        if not listener.is_pasting:  # what shows progress may write where the person does
            yield Emit((attempt.interface.waiting,), (left,))
        pause = min(_TICK, left)
        verdict: callback.Verdict | None = yield Call(partial(listener.wait, pause), listener.cancel)
        if verdict is None:
            time.waited(pause)
        elif verdict.error is not None:
            raise verdict.error
        elif verdict.code is not None:
            return verdict.code
        else:
            yield from attempt.notice(verdict.text)
    raise SignInExpired("nobody signed in in time")
