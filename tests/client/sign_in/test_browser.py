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


OPENS = {
    "Linux with a display": (DISPLAY, machine(), "xdg-open"),
    "Wayland": ({"WAYLAND_DISPLAY": "wayland-0"}, machine(programs="firefox"), "firefox"),
    "macOS": ({}, machine("darwin"), "/usr/bin/open"),
    "Windows": ({}, machine("win32"), "start"),
    "WSL with wslview": ({"WSL_DISTRO_NAME": "Debian"}, machine(programs="wslview powershell.exe"), "wslview"),
    "WSL by its kernel": ({}, machine(programs="powershell.exe", kernel="5.15.1-microsoft-standard"), "powershell.exe"),
    "WSL with a Linux browser": ({"WSL_DISTRO_NAME": "Debian", **DISPLAY}, machine(programs="firefox"), "firefox"),
    "BROWSER over SSH, as editors set it": (
        {"BROWSER": "/opt/editor/browser.sh", **SSH},
        machine(),
        "/opt/editor/browser.sh",
    ),
    "BROWSER in a container": ({"BROWSER": "open-outside"}, machine(files="/.dockerenv"), "open-outside"),
    "BROWSER without a display": ({"BROWSER": "open-outside"}, machine(), "open-outside"),
    "BROWSER's first graphical one": ({"BROWSER": "w3m:firefox -new-tab %s"}, machine(), "firefox"),
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
    assert list(can_open({"BROWSER": value}, machine()).commands) == commands


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
        "time.sleep(1)\n"
    )
    url = "https://sso.example.test/authorize?a=1&b=$(id)"
    started_at = time.monotonic()
    assert open_url(((sys.executable, str(script), "%s"),), url)
    assert time.monotonic() - started_at < 0.5
    while not said.exists() and time.monotonic() - started_at < 10:
        time.sleep(0.02)
    assert said.read_text() == url
    assert capfd.readouterr() == ("", "")


def test_the_next_command_is_tried_when_one_cannot_be_started() -> None:
    assert open_url((("/nonexistent/browser", "%s"), (sys.executable, "-c", "pass", "%s")), "https://sso.example.test")
    assert not open_url((("/nonexistent/browser", "%s"),), "https://sso.example.test")
