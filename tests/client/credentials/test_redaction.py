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
        ("a\x1b[31mred\x07", "a [31mred "),
    ],
)
def test_what_is_shown_of_a_text(text: str, shown: str) -> None:
    assert redacted(text) == shown


def test_no_text_is_endless() -> None:
    assert len(redacted("no " * 1000)) == 200
