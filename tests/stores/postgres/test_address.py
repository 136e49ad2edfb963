"""The store URL: what is ours in it, what is the driver's, and what is never shown."""

import pytest

from postern.stores import UnknownStoreUrl, open_store, without_password
from postern.stores.postgres.address import BadAddress, parse

URL = "postgresql://postern:secret@db.example.org:5432/postern"


def test_ours_is_taken_out_and_the_rest_is_the_driver_s() -> None:
    address = parse(f"{URL}?sslmode=verify-full&pool_size=3&statement_timeout=750&prepared_statements=off")
    assert (address.pool_size, address.statement_timeout, address.prepared_statements) == (3, 750, False)
    assert address.url == f"{URL}?sslmode=verify-full&target_session_attrs=read-write"


def test_a_standby_may_be_chosen_on_purpose() -> None:
    assert "target_session_attrs=any" in parse(f"{URL}?target_session_attrs=any").url
    assert "read-write" not in parse(f"{URL}?target_session_attrs=any").url


def test_each_of_several_servers_has_a_url_of_its_own() -> None:
    address = parse("postgresql://postern:secret@db1,[::1]:5433/postern?sslmode=require")
    rest = "/postern?sslmode=require&target_session_attrs=read-write"
    assert address.urls == (f"postgresql://postern:secret@db1{rest}", f"postgresql://postern:secret@[::1]:5433{rest}")
    assert parse("postgresql://db1,db2/postern?target_session_attrs=prefer-standby").urls == (
        "postgresql://db1,db2/postern?target_session_attrs=prefer-standby",
    )


@pytest.mark.parametrize("option", ["pool_size=0", "pool_size=many", "statement_timeout=-1", "prepared_statements=1"])
def test_what_an_option_cannot_be_is_refused(option: str) -> None:
    with pytest.raises(BadAddress, match=r"store\.url"):
        parse(f"{URL}?{option}")


def test_a_password_is_not_shown() -> None:
    assert without_password(URL) == "postgresql://postern:***@db.example.org:5432/postern"
    assert without_password("postgresql://postern@db/postern") == "postgresql://postern@db/postern"
    assert without_password("postgresql://u:se/cr@t@db1,[::1]:5433/postern") == (
        "postgresql://u:***@db1,[::1]:5433/postern"
    )
    assert without_password("postgresql://db/postern?sslpassword=a&password=b&x=1") == (
        "postgresql://db/postern?sslpassword=***&password=***&x=1"
    )
    assert without_password("sqlite:///a@b:c.db") == "sqlite:///a@b:c.db"


def test_a_url_of_another_kind_is_not_repeated_with_its_secrets() -> None:
    with pytest.raises(UnknownStoreUrl) as refused:
        open_store("mysql://root:secret@db/postern")
    assert "secret" not in str(refused.value)
