"""Which application a signed request is about, and whether its signer may do that with it."""

from functools import lru_cache

from postern.api.errors import AccessDeniedException, InvalidClientException, SsoOidcError
from postern.core.audit import AuditEvent, EventName
from postern.core.caller import Caller
from postern.core.directory.applications import ARN
from postern.core.directory.records import Application
from postern.core.iam import actor_policy
from postern.core.iam.actor_policy import Action, Effect
from postern.core.service import Service

# PERF: a policy is parsed once, and not for each request.
_parsed = lru_cache(maxsize=1024)(actor_policy.parse)


async def authorize(service: Service, client_id: str, caller: Caller, action: Action) -> Application:
    """The application that ``client_id`` names, which the caller may use in this way.

    Strangers learn nothing: whoever is of another account and not let in hears the same as of an application that is
    not there. A refusal is written to the audit log.

    Raises:
        InvalidClientException: unknown, disabled, or of another account.
        AccessDeniedException: the application's actor policy does not allow it.
    """
    try:
        return await _find_allowed(service, client_id, caller, action)
    except (AccessDeniedException, InvalidClientException) as refusal:
        service.record(_refusal_event(service, client_id, caller, action, refusal))
        raise


async def _find_allowed(service: Service, client_id: str, caller: Caller, action: Action) -> Application:
    application = await service.store.find_application(client_id)
    if application is None:
        raise InvalidClientException(reason="there is no such application")
    if not _allows(service, application, caller, action):
        principal = caller.principal.arn if caller.principal else "nobody"
        reason = f"the actor policy of {application.application_arn} does not allow {action} to {principal}"
        if caller.principal is None or caller.principal.account_id != application.account_id:
            raise InvalidClientException(reason=reason)
        raise AccessDeniedException(reason=reason)
    if not application.enabled:
        raise InvalidClientException(reason="the application is disabled")
    return application


def _allows(service: Service, application: Application, caller: Caller, action: Action) -> bool:
    """Whoever may create tokens for an application may look at them and revoke them too, unless that is denied."""
    if not application.actor_policy or caller.principal is None:
        return False
    policy = _parsed(application.actor_policy)
    arn, now, secure = application.application_arn, service.now(), service.policy.public_url.startswith("https:")
    effect = actor_policy.decide(policy, action, arn, caller, now, secure=secure)
    if effect is None and action is not Action.CREATE_TOKEN_WITH_IAM:
        effect = actor_policy.decide(policy, Action.CREATE_TOKEN_WITH_IAM, arn, caller, now, secure=secure)
    return effect is Effect.ALLOW


def _refusal_event(
    service: Service, client_id: str, caller: Caller, action: Action, refusal: SsoOidcError
) -> AuditEvent:
    """The client id is told only if it may be one: a caller may have put anything there."""
    return AuditEvent(
        event_name=EventName(action.partition(":")[2]),
        event_time=service.now(),
        outcome="Failure",
        source_address=caller.address,
        reason=f"{refusal.wire_name()}: {refusal.reason}",
        application_arn=client_id if ARN.fullmatch(client_id) else None,
        principal_arn=caller.principal.arn if caller.principal else None,
    )
