"""StartDeviceAuthorization (RFC 8628 3.1, 3.2)."""

from postern.api.errors import InternalServerException, SlowDownException, UnauthorizedClientException
from postern.api.sso_oidc import StartDeviceAuthorizationRequest, StartDeviceAuthorizationResponse
from postern.core import start_urls, tokens, user_codes
from postern.core.caller import Caller
from postern.core.clients import DEVICE_CODE, Client
from postern.core.records import DeviceAuthorization, Instance
from postern.core.service import Service
from postern.core.store import AlreadyExists

_TRIES = 5


async def start_device_authorization(
    service: Service, request: StartDeviceAuthorizationRequest, caller: Caller
) -> StartDeviceAuthorizationResponse:
    """Begin a device authorization; who began it is remembered for the person who will be asked."""
    client = service.authenticate_client(request.client_id, request.client_secret)
    if DEVICE_CODE not in client.grant_types or not service.policy.clients.device_grant:
        raise UnauthorizedClientException(reason="client may not use the device grant")
    instance = service.instances.named_by(request.start_url)
    if service.device_start_pacer and not service.device_start_pacer.take(caller.counted_address, service.clock()):
        raise SlowDownException(reason="too many device authorizations from one address")
    authorization, user_code = await _create(service, client, instance, caller)
    claims = tokens.Claims(authorization.authorization_id, 0, 0, authorization.expires_at)
    verification_uri = f"{service.policy.public_url}{start_urls.device_path(instance)}"
    return StartDeviceAuthorizationResponse(
        device_code=tokens.mint(service.ring.active, tokens.Kind.DEVICE_CODE, claims),
        user_code=user_code,
        verification_uri=verification_uri,
        verification_uri_complete=f"{verification_uri}?user_code={user_code}",
        expires_in=service.policy.lifetimes.device_code,
        interval=service.policy.device.interval,
    )


async def _create(
    service: Service, client: Client, instance: Instance, caller: Caller
) -> tuple[DeviceAuthorization, str]:
    """Remember a new authorization under a user code that no other one has."""
    for _ in range(_TRIES):
        user_code = user_codes.new_user_code()
        digest = user_codes.digest(service.ring.active, user_code)
        authorization = _authorization(service, client, instance, caller, digest)
        try:
            await service.store.create_device_authorization(authorization)
        except AlreadyExists:
            continue
        return authorization, user_code
    raise InternalServerException(reason="no free user code was found")


def _authorization(
    service: Service, client: Client, instance: Instance, caller: Caller, user_code_digest: bytes
) -> DeviceAuthorization:
    now = service.now()
    return DeviceAuthorization(
        authorization_id=service.new_row_id(),
        user_code_digest=user_code_digest,
        client_digest=client.digest,
        client_name=client.name,
        scopes=client.scopes,
        issues_refresh_token=client.issues_refresh_token,
        requester_address=caller.address,
        requester_agent=caller.user_agent,
        created_at=now,
        expires_at=now + service.policy.lifetimes.device_code,
        instance_id=instance.instance_id,
    )
