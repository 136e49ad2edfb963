import pytest

from postern.client.credentials.redaction import redacted


@pytest.mark.parametrize(
    "text, shown",
    [
        ("", ""),
        ("\n\n  no such user\nmore", "no such user"),
        ("cannot open /usr/bin/broker", "cannot open /usr/bin/broker"),
        ("key AKIAIOSFODNN7EXAMPLE is disabled", "key *** is disabled"),
        ("got wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "got ***"),
        ("got abcdefghijklmnopqrstuvwxyzabcdefgh", "got ***"),
        ("bearer eyJhbGciOi.eyJzdWIiOiIx.c2lnbmF0dXJl", "bearer ***"),
        ("password=hunter2 is wrong", "password=*** is wrong"),
        ('{"SecretAccessKey": "short"}', '{"SecretAccessKey": ***'),
        ("api_key : x", "api_key : ***"),
        ("url: https://sso.test/?access_token=abc", "url: https://sso.test/?access_token=***"),
        ("next-Token-is: abc, x-api-key=def", "next-Token-is: *** x-api-key=***"),
        ("tokens are old: renew", "tokens are old: renew"),
        ("a\x1b[31mred\x07", "a [31mred "),
    ],
)
def test_what_is_shown_of_a_text(text: str, shown: str) -> None:
    assert redacted(text) == shown


def test_no_text_is_endless() -> None:
    assert len(redacted("no " * 1000)) == 200


@pytest.mark.parametrize("unit", ["token-", "a-", "token", "token=", "token =  ", "a=", "\n", " "])
def test_a_long_text_of_a_stranger_takes_no_time(unit: str) -> None:
    assert len(redacted(unit * 20_000)) <= 200


def test_a_secret_that_is_cut_off_is_not_shown() -> None:
    assert redacted(f"key: {'x' * 4080} hunter2hunter2hunter2") == "key: *** ***"
