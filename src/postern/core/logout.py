"""Logout of the access portal: the sign-in that the access token belongs to ends."""

from postern.api.portal import LogoutRequest, LogoutResponse
from postern.core import access_tokens
from postern.core.caller import Caller
from postern.core.end_sign_in import end_sign_in
from postern.core.service import Service


async def logout(service: Service, request: LogoutRequest, caller: Caller) -> LogoutResponse:
    """
    Raises:
        UnauthorizedException: the token is not a live access token.
    """
    token = await access_tokens.verify(service, request.access_token)
    await end_sign_in(service, token.family, "signed out", caller)
    return LogoutResponse()
