"""What the person sees."""

import io
import os
from pathlib import Path

import msgspec
import pytest

from postern.client.sign_in.interface import Authorization, DeviceCode, TerminalInterface
from postern.client.token_cache import CachedToken
from tests.client.sign_in.world import ENDPOINT, NOW, START_URL

CODE = DeviceCode(
    user_code="BRCJ-PDVT",
    verification_uri=f"{ENDPOINT}/device",
    verification_uri_complete=f"{ENDPOINT}/device?user_code=BRCJ-PDVT",
    expires_in=600,
    opens=False,
    reason="this is a remote shell (SSH_TTY is set)",
)
AUTHORIZATION = Authorization(
    url=f"{ENDPOINT}/authorize?response_type=code&client_id={'x' * 100}",
    redirect_uri="http://127.0.0.1:5000/oauth/callback",
    opens=True,
    reason="there is a display",
    paste=lambda text: None,
)
TOKEN = CachedToken(
    start_url=START_URL,
    region="eu-central-1",
    access_token="access-token-1",
    expires_at=NOW,
    refresh_token="refresh-token-1",
    client_id="client-1",
    client_secret="secret-of-client-1",
)


class Screen(io.TextIOWrapper):
    """A stream that may be a terminal."""

    def __init__(self, *, is_terminal: bool = False, encoding: str = "utf-8") -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, encoding=encoding)
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    @property
    def text(self) -> str:
        self.flush()
        return self.bytes.getvalue().decode(self.encoding)


def interface(screen: Screen, **environment: str) -> TerminalInterface:
    return TerminalInterface(screen, environment=environment, stdin=io.StringIO(), columns=80)


def test_the_code_and_the_whole_address_are_lines_of_their_own() -> None:
    screen = Screen()
    interface(screen).show_device_code(CODE)
    lines = [line.strip() for line in screen.text.split("\n")]
    assert CODE.user_code in lines
    assert CODE.verification_uri_complete in lines
    assert CODE.reason in screen.text
    assert "10 minutes" in screen.text


def test_a_long_address_is_not_broken() -> None:
    screen = Screen()
    interface(screen).show_authorization(AUTHORIZATION)
    assert AUTHORIZATION.url in [line.strip() for line in screen.text.split("\n")]


def test_there_is_a_qr_code() -> None:
    screen = Screen()
    interface(screen).show_device_code(CODE)
    assert "█▀" in screen.text


@pytest.mark.parametrize("columns, encoding", [(30, "utf-8"), (80, "ascii"), (80, "latin-1")])
def test_where_there_is_no_room_for_a_qr_code_that_is_said(columns: int, encoding: str) -> None:
    screen = Screen(encoding=encoding)
    TerminalInterface(screen, environment={}, columns=columns).show_device_code(CODE)
    assert "█" not in screen.text
    assert "No QR code" in screen.text
    assert CODE.user_code in screen.text


def test_a_pipe_gets_plain_text_and_no_progress() -> None:
    screen = Screen()
    shown = interface(screen)
    shown.show_device_code(CODE)
    shown.waiting(500)
    shown.finished(TOKEN)
    assert "\x1b" not in screen.text
    assert "\r" not in screen.text


def test_a_terminal_gets_colour_and_progress_that_is_cleared() -> None:
    screen = Screen(is_terminal=True)
    shown = interface(screen)
    shown.show_device_code(CODE)
    assert f"\x1b[1m{CODE.user_code}\x1b[0m" in screen.text
    shown.waiting(541.7)
    assert screen.text.endswith("Waiting for you, 9:01 left\x1b[0m")
    shown.finished(TOKEN)
    assert "\r\x1b[KSigned in to" in screen.text


def test_a_sign_in_that_comes_to_nothing_leaves_no_half_line() -> None:
    screen = Screen(is_terminal=True)
    shown = interface(screen)
    shown.waiting(541.7)
    shown.ended()
    shown.ended()
    assert screen.text.endswith("9:01 left\x1b[0m\r\x1b[K")


def test_a_dumb_terminal_gets_no_progress() -> None:
    screen = Screen(is_terminal=True)
    interface(screen, TERM="dumb").waiting(500)
    assert screen.text == ""


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_color_is_honoured(environment: dict[str, str]) -> None:
    screen = Screen(is_terminal=True)
    interface(screen, **environment).show_device_code(CODE)
    assert "\x1b[1m" not in screen.text
    assert "\x1b[38" not in screen.text


def test_control_characters_of_the_service_never_reach_the_terminal() -> None:
    screen = Screen(is_terminal=True)
    shown = TerminalInterface(screen, environment={}, color=False, columns=80)
    evil = "\x1b]0;evil\x07\r\n\u202e\x9b2J"
    shown.show_device_code(
        msgspec.structs.replace(
            CODE, user_code=evil, verification_uri=f"{ENDPOINT}/{evil}", verification_uri_complete=f"{ENDPOINT}/{evil}"
        )
    )
    shown.show_authorization(msgspec.structs.replace(AUTHORIZATION, url=f"{ENDPOINT}/{evil}", reason=evil))
    shown.notice(evil)
    shown.finished(TOKEN._replace(start_url=evil))
    assert not set(evil) & set(screen.text) & set("\x1b\x07\r\u202e\x9b")


def test_no_secret_is_shown() -> None:
    screen = Screen(is_terminal=True)
    shown = interface(screen)
    shown.finished(TOKEN)
    for secret in (TOKEN.access_token, TOKEN.refresh_token, TOKEN.client_secret):
        assert secret is not None
        assert secret not in screen.text
    assert START_URL in screen.text


def test_a_time_that_no_calendar_has_is_left_out() -> None:
    screen = Screen()
    interface(screen).finished(TOKEN._replace(expires_at=1e20))
    assert screen.text == f"Signed in to {START_URL}. The access token is good.\n"


def test_what_a_stream_cannot_say_is_replaced() -> None:
    screen = Screen(encoding="ascii")
    TerminalInterface(screen, environment={}).notice("sign-in in München")
    assert screen.text == "sign-in in M?nchen\n"


def test_an_address_can_be_pasted_where_both_ends_are_a_terminal() -> None:
    ours, theirs = os.openpty()
    with open(theirs, encoding="utf-8") as terminal:  # noqa: PTH123
        screen = Screen(is_terminal=True)
        shown = TerminalInterface(screen, environment={}, stdin=terminal)
        assert shown.paste_input == theirs
        shown.show_authorization(AUTHORIZATION)
        assert "paste its address here" in screen.text
        assert TerminalInterface(Screen(), environment={}, stdin=terminal).paste_input is None
    os.close(ours)


def test_nothing_is_read_from_input_that_is_no_terminal(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    with empty.open() as stdin:
        screen = Screen(is_terminal=True)
        shown = TerminalInterface(screen, environment={}, stdin=stdin)
        assert shown.paste_input is None
        shown.show_authorization(AUTHORIZATION)
        assert "paste" not in screen.text


def test_without_a_browser_the_person_is_told_where_to_open_one() -> None:
    screen = Screen()
    interface(screen).show_authorization(msgspec.structs.replace(AUTHORIZATION, opens=False))
    assert "in a browser on this machine" in screen.text
    assert "will open" not in screen.text
