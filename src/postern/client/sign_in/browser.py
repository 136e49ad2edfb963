"""Whether a browser can be opened for the person who runs us, which program does it, and opening it.

The answer is no wherever the browser would open in front of nobody, or would not reach our loopback address: there the
device code is the way. What is looked at, first match wins:

1. ``CI``: no, nobody is there.
2. ``BROWSER`` names only ``none``, text browsers, or programs that are not there: no.
3. ``BROWSER`` names a program that we do not know: yes, even over SSH and in a container, where editors set it to a
   command that opens the browser on the person's own machine.
4. ``SSH_CONNECTION``, ``SSH_CLIENT``, ``SSH_TTY``, and AWS CloudShell: no.
5. A container or a pod: no.
6. ``BROWSER`` names a graphical browser, and there is a display: yes.
7. WSL: ``wslview``, else Windows' PowerShell; otherwise as Linux.
8. Windows and macOS: yes. Elsewhere: if there is a display, and a program that opens URLs.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from subprocess import Popen

_URL = "%s"
_SSH = ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")
_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")
_CONTAINER_FILES = ("/.dockerenv", "/run/.containerenv")
_CONTAINER_VARIABLES = ("KUBERNETES_SERVICE_HOST", "container")
_FALSE = frozenset({"", "0", "false", "no"})
_NO_BROWSER = frozenset({"none", "false", "true", ":"})
_TEXT_BROWSERS = frozenset({"lynx", "w3m", "links", "links2", "elinks", "www-browser", "browsh", "carbonyl"})
_OPENERS = (
    "xdg-open",
    "x-www-browser",
    "firefox",
    "google-chrome",
    "google-chrome-stable",
    "chromium",
    "chromium-browser",
    "brave-browser",
    "microsoft-edge",
    "epiphany",
    "konqueror",
    "falkon",
)
# Programs that open a window where they run, and so in front of nobody over SSH.
_GRAPHICAL = frozenset(_OPENERS) | {
    "brave",
    "chrome",
    "exo-open",
    "explorer",
    "firefox-esr",
    "gio",
    "gnome-open",
    "gnome-www-browser",
    "gvfs-open",
    "iexplore",
    "kde-open",
    "kde-open5",
    "kfmclient",
    "librewolf",
    "microsoft-edge-stable",
    "midori",
    "msedge",
    "open",
    "opera",
    "qutebrowser",
    "safari",
    "sensible-browser",
    "vivaldi",
    "vivaldi-stable",
}
# Seconds in which a program says that it cannot open anything here. One that goes on for longer is at it.
_FAILS_WITHIN = 0.3
# Environment variables carry the URL to PowerShell, so that nothing in it can be taken for a command.
_POWERSHELL_VARIABLE = "POSTERN_SIGN_IN_URL"
_POWERSHELL = (
    "powershell.exe",
    "-NoProfile",
    "-NonInteractive",
    "-Command",
    f"Start-Process $env:{_POWERSHELL_VARIABLE}",
)

Command = tuple[str, ...]


def _which(name: str, path: str | None) -> str | None:
    from shutil import which

    return which(name, path=path)


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the machine: its platform, whether a file is there, where a program is on a PATH, and which
    kernel runs.
    """

    platform: str = sys.platform
    exists: Callable[[str], bool] = os.path.exists
    which: Callable[[str, str | None], str | None] = _which
    kernel: Callable[[], str] = lambda: os.uname().release


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """``commands`` are tried in turn; ``%s`` in them stands for the URL. ``reason`` is for the person to read."""

    can_open: bool
    reason: str
    commands: tuple[Command, ...] = ()


def can_open(environment: Mapping[str, str], machine: Machine | None = None) -> Decision:
    """Whether and how to open a browser, by the rules above."""
    machine = machine or Machine()
    if environment.get("CI", "").lower() not in _FALSE:
        return _no("this is a CI job (CI is set)")
    if environment.get("BROWSER", "").strip():
        return _by_variable(environment, machine)
    return _somewhere_else(environment, machine) or _by_platform(environment, machine)


def open_url(commands: tuple[Command, ...], url: str) -> bool:
    """Start the first command that can be started and does not fail at once; whether there was one. It is not waited
    for any longer, and has neither our input nor our output.
    """
    return any(_start(command, url) for command in commands)


def _no(reason: str) -> Decision:
    return Decision(can_open=False, reason=reason)


def _yes(reason: str, *commands: Command) -> Decision:
    return Decision(can_open=True, reason=reason, commands=commands)


def _by_variable(environment: Mapping[str, str], machine: Machine) -> Decision:
    named = tuple(_commands(environment["BROWSER"], machine.platform))
    if not named:
        return _no("BROWSER names no graphical browser")
    found = tuple(command for command in named if machine.which(command[0], environment.get("PATH")))
    if not found:
        return _no("BROWSER names a program that is not there")
    elsewhere = _somewhere_else(environment, machine)
    if elsewhere is None and _has_display(environment, machine):
        return _yes("BROWSER is set", *found)
    unknown = tuple(command for command in found if not _is_graphical(command, machine.platform))
    if unknown:
        return _yes("BROWSER is set", *unknown)
    return elsewhere or _by_platform(environment, machine)


def _is_graphical(command: Command, platform: str) -> bool:
    name = PurePath(command[0]).name.lower()
    return (name.removesuffix(".exe") if platform == "win32" else name) in _GRAPHICAL


def _has_display(environment: Mapping[str, str], machine: Machine) -> bool:
    return machine.platform in ("win32", "darwin") or any(environment.get(name) for name in _DISPLAYS)


def _commands(value: str, platform: str) -> Iterator[Command]:
    import shlex

    is_windows = platform == "win32"
    for entry in value.split(";" if is_windows else ":"):
        try:
            words = shlex.split(entry, posix=not is_windows)
        except ValueError:
            continue
        words = [word.strip('"') for word in words] if is_windows else words
        words = words[:-1] if words[-1:] == ["&"] else words
        if words and PurePath(words[0]).name.lower() not in _TEXT_BROWSERS | _NO_BROWSER:
            yield tuple(words) if any(_URL in word for word in words) else (*words, _URL)


def _somewhere_else(environment: Mapping[str, str], machine: Machine) -> Decision | None:
    """No, if we run where the person is not."""
    for name in _SSH:
        if environment.get(name):
            return _no(f"this is a remote shell ({name} is set)")
    if environment.get("AWS_EXECUTION_ENV") == "CloudShell":
        return _no("this is AWS CloudShell")
    for name in _CONTAINER_VARIABLES:
        if environment.get(name):
            return _no(f"this is a container ({name} is set)")
    for path in _CONTAINER_FILES:
        if machine.exists(path):
            return _no(f"this is a container ({path} is there)")
    return None


def _by_platform(environment: Mapping[str, str], machine: Machine) -> Decision:
    if machine.platform == "win32":
        return _yes("this is Windows", ("start", _URL))
    if machine.platform == "darwin":
        return _yes("this is macOS", ("/usr/bin/open", _URL))
    path = environment.get("PATH")
    is_wsl = bool(environment.get("WSL_DISTRO_NAME")) or "microsoft" in machine.kernel().lower()
    if is_wsl and machine.which("wslview", path):
        return _yes("this is WSL with wslview", ("wslview", _URL))
    if is_wsl and machine.which("powershell.exe", path):
        return _yes("this is WSL with Windows' PowerShell", _POWERSHELL)
    if not _has_display(environment, machine):
        return _no("there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)")
    found = [name for name in _OPENERS if machine.which(name, path)]
    if not found:
        return _no("no graphical browser is installed")
    return _yes("there is a display", *((name, _URL) for name in found))


def _start(command: Command, url: str) -> bool:
    if sys.platform == "win32" and command[0] == "start":
        return _start_on_windows(url)
    import subprocess

    arguments = [word.replace(_URL, url) for word in command]
    try:
        process = subprocess.Popen(  # noqa: S603  # the command is the person's own, and no shell reads the URL
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=_environment(command, url),
        )
    except (OSError, ValueError):
        return False
    return _goes_on(process)


def _goes_on(process: "Popen[bytes]") -> bool:
    """Whether the program does not fail at once."""
    from subprocess import TimeoutExpired
    from threading import Thread

    try:
        return process.wait(_FAILS_WITHIN) == 0
    except TimeoutExpired:
        Thread(target=process.wait, name="postern-browser", daemon=True).start()  # so that it is no zombie at its end
        return True


def _environment(command: Command, url: str) -> dict[str, str] | None:
    """For PowerShell the URL goes in a variable, which ``WSLENV`` lets through to Windows."""
    if command != _POWERSHELL:
        return None
    passed = f"{os.environ.get('WSLENV', '')}:{_POWERSHELL_VARIABLE}".lstrip(":")
    return {**os.environ, _POWERSHELL_VARIABLE: url, "WSLENV": passed}


def _start_on_windows(url: str) -> bool:
    startfile: Callable[[str], None] = getattr(os, "startfile")  # noqa: B009  # there is none on other platforms
    try:
        startfile(url)
    except OSError:
        return False
    return True
