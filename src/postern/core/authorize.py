"""The authorization endpoint (RFC 6749 4.1.1, RFC 7636 4.3, RFC 9207): validate a request, and turn a person's
decision into a redirect.

Until client and redirect URI are proved good nothing may lead to that URI; after it, errors do, but only once the
person has acted.
"""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

import msgspec

from postern.api.errors import AccessDeniedException, InvalidClientException, SsoOidcError, UnauthorizedClientException
from postern.core import pkce, redirect_uris, scopes, sign_in, tokens
from postern.core.audit import AuditEvent, EventName
from postern.core.caller import Caller
from postern.core.clients import AUTHORIZATION_CODE, Client
from postern.core.directory.applications import ARN, as_client
from postern.core.directory.records import Application
from postern.core.grants.base import refusal_to_issue
from postern.core.records import AuthorizationCode, Instance
from postern.core.service import Service
from postern.core.sign_in import ActiveSession
from postern.core.store import AlreadyExists, NotFound

MAX_STATE = 2048
MAX_NONCE = 512


class AuthorizationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A validated request: every member is fit to be used. ``instance`` is whose people may decide; where there is
    none, anybody may.
    """

    client: Client
    redirect_uri: str
    state: str | None
    scopes: tuple[str, ...]
    code_challenge: str
    nonce: str | None = None
    instance: Instance | None = None


class AuthorizationRefused(Exception):
    """The request cannot go on. ``return_url`` leads back to the client with the error, if its redirect URI was
    proved good.
    """

    def __init__(
        self, error: str, description: str, return_url: str | None = None, client_name: str | None = None
    ) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.return_url = return_url
        self.client_name = client_name


async def validate(service: Service, query: Mapping[str, str]) -> AuthorizationRequest:
    """Check the parameters of ``/authorize``; some clients send ``scope``, some ``scopes``.

    Raises:
        AuthorizationRefused: unknown client, redirect URI that does not match, or anything else that is wrong.
    """
    client, instance = await _identify(service, query.get("client_id", ""))
    redirect_uri = query.get("redirect_uri", "")
    if not any(redirect_uris.matches(registered, redirect_uri) for registered in client.redirect_uris):
        raise AuthorizationRefused(
            "invalid_request", "The address to return to is not one that the application registered."
        )
    state = query.get("state")
    if state is not None and len(state) > MAX_STATE:
        raise AuthorizationRefused("invalid_request", "The state is too long.")

    def refuse(error: str, description: str) -> AuthorizationRefused:
        back = error_url(service, redirect_uri, state, error, description)
        return AuthorizationRefused(error, description, back, client.name)

    if AUTHORIZATION_CODE not in client.grant_types:
        raise refuse("unauthorized_client", "Client is unauthorized")
    if query.get("response_type") != "code":
        raise refuse("unsupported_response_type", "Only response_type=code is supported.")
    challenge = query.get("code_challenge", "")
    if not _is_challenge(client, challenge, query.get("code_challenge_method", "")):
        raise refuse("invalid_request", "A code_challenge with code_challenge_method=S256 is required.")
    nonce = query.get("nonce")
    if nonce is not None and len(nonce) > MAX_NONCE:
        raise refuse("invalid_request", "The nonce is too long.")
    requested = scopes.parse(query.get("scope") or query.get("scopes") or "")
    if len(requested) > scopes.MAX_SCOPES or not scopes.within(requested, client.scopes):
        raise refuse("invalid_scope", "The scope goes beyond what the application registered.")
    return AuthorizationRequest(
        client=client,
        redirect_uri=redirect_uri,
        state=state,
        scopes=requested or client.scopes,
        code_challenge=challenge,
        nonce=nonce,
        instance=instance,
    )


def _is_challenge(client: Client, challenge: str, method: str) -> bool:
    """An application may be configured to do without; a challenge that it does send must be good."""
    if not challenge and not method:
        return not client.requires_pkce
    return method == pkce.METHOD and pkce.is_challenge(challenge)


def consent_token(service: Service, active: ActiveSession, raw_query: str) -> str:
    """Binds a decision to this browser session, this person and this very request."""
    return sign_in.page_token(service, "consent", active.session.session_digest, active.user.user_id, raw_query)


def is_consent_token(service: Service, active: ActiveSession, raw_query: str, token: str) -> bool:
    return sign_in.is_page_token(
        service, token, "consent", active.session.session_digest, active.user.user_id, raw_query
    )


async def approve(service: Service, active: ActiveSession, request: AuthorizationRequest, caller: Caller) -> str:
    """Issue an authorization code; the URL that takes it to the client, or that tells it that the person may not use
    it.
    """
    if refusal := await _why_not(service, active, request):
        _record(service, active, request, caller, EventName.CONSENT_GIVEN, refusal.reason)
        error = "unauthorized_client" if isinstance(refusal, UnauthorizedClientException) else "access_denied"
        return error_url(service, request.redirect_uri, request.state, error, refusal.description)
    try:
        code = await _create_code(service, active, request)
    except NotFound:
        _record(service, active, request, caller, EventName.CONSENT_GIVEN, "the browser session has ended")
        return error_url(service, request.redirect_uri, request.state, "access_denied", "The sign-in has ended")
    _record(service, active, request, caller, EventName.CONSENT_GIVEN)
    text = tokens.mint(
        service.ring.active, tokens.Kind.AUTHORIZATION_CODE, tokens.Claims(code.code_id, 0, 0, code.expires_at)
    )
    return _redirect(service, request.redirect_uri, request.state, code=text)


async def _create_code(service: Service, active: ActiveSession, request: AuthorizationRequest) -> AuthorizationCode:
    """Two workers may make the same row number in the same millisecond: then another is made."""
    code = _new_code(service, active, request)
    try:
        await service.store.create_authorization_code(code, active.session.session_digest)
    except AlreadyExists:
        code = _new_code(service, active, request)
        await service.store.create_authorization_code(code, active.session.session_digest)
    return code


def _new_code(service: Service, active: ActiveSession, request: AuthorizationRequest) -> AuthorizationCode:
    now, client = service.now(), request.client
    return AuthorizationCode(
        code_id=service.new_row_id(),
        client_digest=client.digest,
        client_name=client.name,
        user_id=active.user.user_id,
        scopes=request.scopes,
        issues_refresh_token=client.issues_refresh_token,
        redirect_uri=request.redirect_uri,
        code_challenge=request.code_challenge,
        created_at=now,
        expires_at=now + service.policy.lifetimes.authorization_code,
        application_arn=client.application_arn,
        authenticated_at=active.session.created_at,
        nonce=request.nonce,
    )


def deny(service: Service, active: ActiveSession, request: AuthorizationRequest, caller: Caller) -> str:
    """The URL that tells the client of the person's refusal."""
    _record(service, active, request, caller, EventName.CONSENT_DENIED)
    return error_url(service, request.redirect_uri, request.state, "access_denied", "The request was denied.")


def error_url(service: Service, redirect_uri: str, state: str | None, error: str, description: str) -> str:
    return _redirect(service, redirect_uri, state, error=error, error_description=description)


def _redirect(service: Service, redirect_uri: str, state: str | None, **parameters: str) -> str:
    if state is not None:
        parameters["state"] = state
    parameters["iss"] = service.policy.public_url
    separator = "&" if "?" in redirect_uri else "?"
    return redirect_uri + separator + urlencode(parameters, quote_via=quote, safe="", errors="replace")


def instance_of_client(service: Service, client_id: str) -> Instance | None:
    """Whose people the client asks, before anything else of a request is looked at; ``None`` if anybody, or if it is
    no client.
    """
    try:
        if ARN.fullmatch(client_id):
            return service.instances.of_application(client_id)
        return service.instances.of_client(service.identify_client(client_id))
    except InvalidClientException:
        return None


async def _identify(service: Service, client_id: str) -> tuple[Client, Instance | None]:
    """The client of a registration, or the application of an ARN; and whose people it is for."""
    try:
        if client_id.startswith("arn:"):
            client = as_client(await _find_enabled(service, client_id))
        else:
            client = service.identify_client(client_id)
        return client, service.instances.of_client(client)
    except InvalidClientException:
        raise AuthorizationRefused(
            "invalid_request", "The application is not known here, or its registration has expired."
        ) from None


async def _find_enabled(service: Service, application_arn: str) -> Application:
    application = await service.store.find_application(application_arn)
    if application is not None and application.enabled:
        return application
    raise AuthorizationRefused("invalid_request", "The application is not known here, or is switched off.")


async def _why_not(service: Service, active: ActiveSession, request: AuthorizationRequest) -> SsoOidcError | None:
    """Why this person may not use the application, as it would be told when the code is redeemed."""
    application_arn = request.client.application_arn
    if application_arn is None:
        if request.instance is None or request.instance.instance_id == active.user.instance_id:
            return None
        return AccessDeniedException(reason="the person is of another instance than the client registered for")
    standing = await service.store.find_standing(application_arn, active.user.user_id)
    return refusal_to_issue(active.user, standing, AUTHORIZATION_CODE, "Access denied")


def _record(
    service: Service,
    active: ActiveSession,
    request: AuthorizationRequest,
    caller: Caller,
    name: EventName,
    reason: str | None = None,
) -> None:
    service.record(
        AuditEvent(
            event_name=name,
            event_time=service.now(),
            outcome="Failure" if reason else "Success",
            reason=reason,
            application_arn=request.client.application_arn,
            user_id=active.user.user_id,
            client_name=request.client.name,
            client_digest=request.client.digest.hex(),
            source_address=caller.address,
        )
    )
