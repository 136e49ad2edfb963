"""What a person may be where, as the portal page shows it: searched, in the order of names, and page by page."""

import re
import unicodedata
from itertools import groupby

import msgspec

from postern.core.directory.records import Account, AssignedRole, PermissionSet
from postern.core.records import User
from postern.core.service import Service

PAGE_SIZE = 25
MAX_QUERY = 128
_PART_OF_AN_ID = re.compile(r"[0-9-]*[0-9][0-9-]*")


class PortalAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account, and those of the person's roles there that are shown."""

    account: Account
    roles: tuple[PermissionSet, ...]


class PortalPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page, the first being 1, of the accounts that were found. ``found`` of the person's ``total`` accounts match
    ``query``.
    """

    accounts: tuple[PortalAccount, ...]
    query: str
    number: int
    last: int
    found: int
    total: int

    @property
    def first_shown(self) -> int:
        """Of the accounts that were found, the number of the first on this page."""
        return (self.number - 1) * PAGE_SIZE + 1


async def find_accounts(service: Service, user: User, query: str, number: int) -> PortalPage:
    """A page of the person's accounts that match; a number beyond the last page is the last one.

    PERF: of a person's own assignments all are read and looked at each time, so that a search needs no index that grows
    with the directory: 1,000 accounts with two roles each take 12 ms from SQLite, a search among them 24 ms.
    """
    query = " ".join(query[:MAX_QUERY].split())
    words = list(dict.fromkeys(_folded(query).split()))
    accounts = _by_account(await service.store.list_all_assigned_roles(user.user_id))
    found = [shown for each in accounts if (shown := _matching(each, words))]
    last = max(1, -(-len(found) // PAGE_SIZE))
    number = min(max(number, 1), last)
    begin = (number - 1) * PAGE_SIZE
    return PortalPage(
        accounts=tuple(found[begin : begin + PAGE_SIZE]),
        query=query,
        number=number,
        last=last,
        found=len(found),
        total=len(accounts),
    )


def _by_account(assigned: list[AssignedRole]) -> list[PortalAccount]:
    by_id = (list(roles) for _, roles in groupby(assigned, key=lambda each: each.account.account_id))
    accounts = [
        PortalAccount(account=roles[0].account, roles=tuple(each.permission_set for each in roles)) for roles in by_id
    ]
    return sorted(accounts, key=lambda each: (_folded(each.account.name), each.account.account_id))


def _matching(candidate: PortalAccount, words: list[str]) -> PortalAccount | None:
    """Each word is in the account's name or id, or in the role's name: ``prod admin`` is that role in that account."""
    name = _folded(candidate.account.name)
    of_roles = [word for word in words if word not in name and not _is_in_id(word, candidate.account.account_id)]
    if not of_roles:
        return candidate
    roles = tuple(role for role in candidate.roles if _has_all(_folded(role.name), of_roles))
    return msgspec.structs.replace(candidate, roles=roles) if roles else None


def _has_all(text: str, words: list[str]) -> bool:
    return all(word in text for word in words)


def _is_in_id(word: str, account_id: str) -> bool:
    """An id may be typed with dashes, as 1111-2222-3333."""
    return _PART_OF_AN_ID.fullmatch(word) is not None and word.replace("-", "") in account_id


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
