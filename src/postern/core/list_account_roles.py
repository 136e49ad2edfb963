"""ListAccountRoles: what the person may be in an account now."""

from bisect import bisect_right

from postern.api.errors import ForbiddenException
from postern.api.portal import ListAccountRolesRequest, ListAccountRolesResponse, RoleInfo
from postern.core import paging, portal_access
from postern.core.audit import EventName
from postern.core.caller import Caller
from postern.core.service import Service


async def list_account_roles(
    service: Service, request: ListAccountRolesRequest, caller: Caller
) -> ListAccountRolesResponse:
    """By name, page by page.

    Raises:
        UnauthorizedException, ForbiddenException, TooManyRequestsException: see `portal_access.admit`.
        PortalInvalidRequestException: ``account_id``, ``max_result`` or ``next_token`` is not one.
        ForbiddenException: the person has no role in the account, or there is no such account.
    """
    access = await portal_access.admit(service, request.access_token)
    user_id, account_id = access.user.user_id, request.account_id
    portal_access.require_account_id(account_id)
    limit, of_list = paging.page_size(request.max_results), f"roles of {user_id} in {account_id}"
    after = paging.read_next_token(service.ring, of_list, request.next_token)
    names = [each.name for each in await service.store.list_assigned_roles(user_id, account_id)]
    if not names:
        raise ForbiddenException(reason="the person has no role in the account, or there is none")
    start = bisect_right(names, after) if after else 0
    page = names[start : start + limit]
    portal_access.record(service, EventName.LIST_ACCOUNT_ROLES, access, caller, account_id=account_id)
    has_more = len(names) > start + limit
    return ListAccountRolesResponse(
        next_token=paging.write_next_token(service.ring, of_list, page[-1]) if has_more else None,
        role_list=tuple(RoleInfo(role_name=name, account_id=account_id) for name in page),
    )
