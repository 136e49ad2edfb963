"""ListAccounts: the accounts where the person has a role now."""

from postern.api.portal import AccountInfo, ListAccountsRequest, ListAccountsResponse
from postern.core import paging, portal_access
from postern.core.audit import EventName
from postern.core.caller import Caller
from postern.core.service import Service


async def list_accounts(service: Service, request: ListAccountsRequest, caller: Caller) -> ListAccountsResponse:
    """In the order of their ids, page by page.

    Raises:
        UnauthorizedException, ForbiddenException, TooManyRequestsException: see `portal_access.admit`.
        PortalInvalidRequestException: ``max_result`` or ``next_token`` is not one.
    """
    access = await portal_access.admit(service, request.access_token)
    limit, of_list = paging.page_size(request.max_results), f"accounts of {access.user.user_id}"
    after = paging.read_next_token(service.ring, of_list, request.next_token)
    found = await service.store.list_assigned_accounts(access.user.user_id, after, limit + 1)
    page = found[:limit]
    portal_access.record(service, EventName.LIST_ACCOUNTS, access, caller)
    return ListAccountsResponse(
        next_token=paging.write_next_token(service.ring, of_list, page[-1].account_id) if len(found) > limit else None,
        account_list=tuple(
            AccountInfo(account_id=each.account_id, account_name=each.name, email_address=each.email) for each in page
        ),
    )
