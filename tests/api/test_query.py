"""Members in a query: what a client writes a server reads, and what it cannot read it refuses, whatever the bytes."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from postern.api import portal, query
from postern.api.errors import PortalInvalidRequestException

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=200)


@given(account_id=texts, next_token=st.none() | texts, max_results=st.none() | st.integers(0, 10**9 - 1))
@example(account_id="a+b&c=d%20 é\U0001f98a", next_token="%", max_results=0)
def test_what_is_written_is_read(account_id: str, next_token: str | None, max_results: int | None) -> None:
    members = {"account_id": account_id, "next_token": next_token, "max_results": max_results}
    written = query.write(
        portal.LIST_ACCOUNT_ROLES, {name: value for name, value in members.items() if value is not None}
    )
    read = query.read(written.encode(), portal.LIST_ACCOUNT_ROLES, access_token="t")
    assert read == portal.ListAccountRolesRequest(access_token="t", **members)  # type: ignore[arg-type]  # by name


@given(st.binary(max_size=400) | st.text("aA0%&=+_ids\0\xff", max_size=60).map(lambda text: text.encode("latin-1")))
@example(b"max_result=%")
@example(b"\xff=\xff")
@example(b"a=" + b"%" * 300)
def test_any_bytes_are_read_or_refused(octets: bytes) -> None:
    try:
        read = query.read(octets, portal.LIST_ACCOUNTS, access_token="t")
    except PortalInvalidRequestException:
        return
    assert read.access_token == "t"
    assert read.next_token != ""
    assert read.max_results is None or 0 <= read.max_results < 10**9


def test_the_token_is_not_taken_from_the_query() -> None:
    read = query.read(b"access_token=x&accessToken=x&x-amz-sso_bearer_token=x", portal.LIST_ACCOUNTS, access_token="t")
    assert read == portal.ListAccountsRequest(access_token="t")


@pytest.mark.parametrize("size, is_read", [(query.MAX_LENGTH, True), (query.MAX_LENGTH + 1, False)])
def test_a_query_has_a_longest_length(size: int, is_read: bool) -> None:
    octets = b"next_token=".ljust(size, b"a")
    if is_read:
        query.read(octets, portal.LIST_ACCOUNTS, access_token="t")
        return
    with pytest.raises(PortalInvalidRequestException):
        query.read(octets, portal.LIST_ACCOUNTS, access_token="t")
