"""Where a browser is opened, and how."""

import sys
import time
from pathlib import Path

import pytest

from postern.client.sign_in.browser import Machine, can_open, open_url

DISPLAY = {"DISPLAY": ":0"}
SSH = {"SSH_CONNECTION": "10.0.0.1 50000 10.0.0.2 22"}


def machine(platform: str = "linux", *, files: str = "", programs: str = "xdg-open", kernel: str = "6.1.0") -> Machine:
    return Machine(
        platform=platform,
        exists=lambda path: path in files.split(),
        which=lambda name, path: f"/usr/bin/{name}" if name in programs.split() else None,
        kernel=lambda: kernel,
    )


SCRIPT = "/opt/editor/browser.sh"
CHROME, WSL_CHROME = "C:/x/chrome.exe", "/mnt/c/x/chrome.exe"
WSL = {"WSL_DISTRO_NAME": "Debian"}
ALL = "w3m firefox wslview"

OPENS = {
    "Linux with a display": (DISPLAY, machine(), "xdg-open"),
    "Wayland": ({"WAYLAND_DISPLAY": "wayland-0"}, machine(programs="firefox"), "firefox"),
    "macOS": ({}, machine("darwin"), "/usr/bin/open"),
    "Windows": ({}, machine("win32"), "start"),
    "WSL with wslview": ({"WSL_DISTRO_NAME": "Debian"}, machine(programs="wslview powershell.exe"), "wslview"),
    "WSL by its kernel": ({}, machine(programs="powershell.exe", kernel="5.15.1-microsoft-standard"), "powershell.exe"),
    "WSL with a Linux browser": ({"WSL_DISTRO_NAME": "Debian", **DISPLAY}, machine(programs="firefox"), "firefox"),
    "BROWSER over SSH, as editors set it": ({"BROWSER": SCRIPT, **SSH}, machine(programs=SCRIPT), SCRIPT),
    "BROWSER in a container": ({"BROWSER": SCRIPT}, machine(files="/.dockerenv", programs=SCRIPT), SCRIPT),
    "BROWSER without a display": ({"BROWSER": SCRIPT}, machine(programs=SCRIPT), SCRIPT),
    "BROWSER over SSH, the one that we do not know": (
        {"BROWSER": f"firefox:{SCRIPT}", **SSH},
        machine(programs=f"firefox {SCRIPT}"),
        SCRIPT,
    ),
    "BROWSER's first graphical one": ({"BROWSER": "w3m:firefox %s", **DISPLAY}, machine(programs=ALL), "firefox"),
    "BROWSER's first one that is there": ({"BROWSER": "opera:firefox", **DISPLAY}, machine(programs=ALL), "firefox"),
    "BROWSER on macOS": ({"BROWSER": "/opt/firefox"}, machine("darwin", programs="/opt/firefox"), "/opt/firefox"),
    "BROWSER on Windows": ({"BROWSER": '"C:/x/chrome.exe"'}, machine("win32", programs=CHROME), CHROME),
    "WSL where BROWSER lacks a display": ({"BROWSER": "firefox", **WSL}, machine(programs=ALL), "wslview"),
    "WSL with a browser of Windows": ({"BROWSER": WSL_CHROME, **WSL}, machine(programs=WSL_CHROME), WSL_CHROME),
    "CI=false": ({"CI": "false", **DISPLAY}, machine(), "xdg-open"),
}

STAYS = {
    "CI": ({"CI": "true", **DISPLAY}, machine()),
    "CI, even with BROWSER": ({"CI": "1", "BROWSER": "firefox"}, machine()),
    "a remote shell": ({**SSH, **DISPLAY}, machine()),
    "a remote shell by its client": ({"SSH_CLIENT": "10.0.0.1 1 22", **DISPLAY}, machine()),
    "a remote shell by its terminal": ({"SSH_TTY": "/dev/pts/1", **DISPLAY}, machine()),
    "a remote shell on macOS": (SSH, machine("darwin")),
    "CloudShell": ({"AWS_EXECUTION_ENV": "CloudShell"}, machine("linux")),
    "Docker": (DISPLAY, machine(files="/.dockerenv")),
    "Podman": (DISPLAY, machine(files="/run/.containerenv")),
    "a pod": ({"KUBERNETES_SERVICE_HOST": "10.0.0.1", **DISPLAY}, machine()),
    "a container by its variable": ({"container": "podman", **DISPLAY}, machine()),
    "no display": ({}, machine()),
    "an empty display": ({"DISPLAY": ""}, machine()),
    "no program": (DISPLAY, machine(programs="lynx w3m")),
    "WSL without interoperation": ({"WSL_DISTRO_NAME": "Debian"}, machine(programs="")),
    "a text browser": ({"BROWSER": "lynx", **DISPLAY}, machine()),
    "BROWSER=none": ({"BROWSER": "none", **DISPLAY}, machine()),
    "a graphical BROWSER over SSH": ({"BROWSER": "firefox", **SSH, **DISPLAY}, machine(programs=ALL)),
    "a graphical BROWSER with its path": ({"BROWSER": "/opt/firefox", **SSH}, machine(programs="/opt/firefox")),
    "a graphical BROWSER in a container": (
        {"BROWSER": "google-chrome %s", "container": "podman", **DISPLAY},
        machine(programs="google-chrome"),
    ),
    "a graphical BROWSER without a display": ({"BROWSER": "xdg-open"}, machine()),
    "a graphical BROWSER on Windows over SSH": ({"BROWSER": CHROME, **SSH}, machine("win32", programs=CHROME)),
    "a BROWSER that is not there": ({"BROWSER": "/nonexistent/x", **DISPLAY}, machine()),
    "a BROWSER that cannot be read": ({"BROWSER": "'firefox", **DISPLAY}, machine()),
    "another Unix without a display": ({}, machine("freebsd14")),
}


@pytest.mark.parametrize("environment, on, program", OPENS.values(), ids=OPENS)
def test_a_browser_is_opened(environment: dict[str, str], on: Machine, program: str) -> None:
    decision = can_open(environment, on)
    assert decision.can_open, decision.reason
    assert decision.commands[0][0] == program


@pytest.mark.parametrize("environment, on", STAYS.values(), ids=STAYS)
def test_no_browser_is_opened(environment: dict[str, str], on: Machine) -> None:
    decision = can_open(environment, on)
    assert not decision.can_open
    assert decision.reason
    assert decision.commands == ()


BROWSERS = {
    "firefox": [("firefox", "%s")],
    "firefox -new-tab %s": [("firefox", "-new-tab", "%s")],
    "firefox:chromium --app=%s": [("firefox", "%s"), ("chromium", "--app=%s")],
    "'/opt/my browser/run' &": [("/opt/my browser/run", "%s")],
}


@pytest.mark.parametrize("value, commands", BROWSERS.items())
def test_browser_is_a_list_of_commands(value: str, commands: list[tuple[str, ...]]) -> None:
    has_all = Machine(platform="linux", exists=lambda path: False, which=lambda name, path: name)
    assert list(can_open({"BROWSER": value, **DISPLAY}, has_all).commands) == commands


@pytest.mark.alone
def test_a_browser_gets_the_url_as_one_argument_and_is_not_waited_for(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    said = tmp_path / "said"
    script = tmp_path / "browser.py"
    script.write_text(
        "import pathlib, sys, time\n"
        "print('noise'); print('noise', file=sys.stderr)\n"
        f"pathlib.Path({str(tmp_path / 'part')!r}).write_text(sys.argv[1])\n"
        f"pathlib.Path({str(tmp_path / 'part')!r}).rename({str(said)!r})\n"
        "time.sleep(2)\n"
    )
    url = "https://sso.example.test/authorize?a=1&b=$(id)"
    started_at = time.monotonic()
    assert open_url(((sys.executable, str(script), "%s"),), url)
    assert time.monotonic() - started_at < 1.5
    while not said.exists() and time.monotonic() - started_at < 10:
        time.sleep(0.02)
    assert said.read_text() == url
    assert capfd.readouterr() == ("", "")


def test_the_next_command_is_tried_when_one_cannot_be_started() -> None:
    assert open_url((("/nonexistent/browser", "%s"), (sys.executable, "-c", "pass", "%s")), "https://sso.example.test")
    assert not open_url((("/nonexistent/browser", "%s"),), "https://sso.example.test")


def test_a_command_that_fails_at_once_has_opened_nothing() -> None:
    fails, works = ("/bin/sh", "-c", "exit 3"), ("/bin/sh", "-c", "exit 0")
    assert not open_url((fails,), "https://sso.example.test")
    assert open_url((fails, works), "https://sso.example.test")
