"""GetCallerIdentity: who the principal is that signed a request. Whoever may sign may know."""

from base64 import b32encode
from hashlib import sha256

from postern.api.sts import CallerIdentity
from postern.core.audit import AuditEvent, EventName
from postern.core.caller import Caller, Principal
from postern.core.service import Service

_USER, _ROLE = "AIDA", "AROA"
_DIGITS = 17


def get_caller_identity(service: Service, principal: Principal, caller: Caller) -> CallerIdentity:
    """As IAM forms it. It is an event: whoever tries out credentials that were found begins with this."""
    service.record(
        AuditEvent(
            event_name=EventName.GET_CALLER_IDENTITY,
            event_time=service.now(),
            source_address=caller.address,
            principal_arn=principal.arn,
            access_key_id=principal.access_key_id,
        )
    )
    return CallerIdentity(arn=principal.arn, user_id=_user_id(principal), account=principal.account_id)


def _user_id(principal: Principal) -> str:
    resource = principal.arn.split(":", 5)[5]
    if principal.role_arn is not None:
        return f"{_unique_id(_ROLE, principal.role_arn)}:{resource.rpartition('/')[2]}"
    if resource == "root":
        return principal.account_id
    return _unique_id(_ROLE if resource.startswith("role/") else _USER, principal.arn)


def _unique_id(prefix: str, arn: str) -> str:
    """Nobody keeps ids of principals here: an ARN has its own, always the same."""
    return prefix + b32encode(sha256(arn.encode()).digest()).decode()[:_DIGITS]
