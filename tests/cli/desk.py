"""The desk of somebody who signs in: a home folder with an AWS configuration, and the `postern` command."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from postern.cli import main
from postern.cli.aws_config_text import header
from postern.client import driver
from postern.client.token_cache import CachedToken, FileTokenCache, SessionKey

START_URL = "https://lab.awsapps.com/start"
REGION = "us-east-1"
ACCESS_TOKEN, REFRESH_TOKEN, CLIENT_SECRET = "aoaSecretAccess", "aorSecretRefresh", "SecretOfTheClient"
SECRETS = (ACCESS_TOKEN, REFRESH_TOKEN, CLIENT_SECRET)

# What takes long to import. `compile` stands for types by name in a NamedTuple: its first call in a process takes 2 ms.
COSTLY = {
    *("argparse", "asyncio", "compile", "cryptography.hazmat.primitives", "dataclasses", "gettext", "httptools"),
    *("inspect", "logging", "msgspec", "pathlib", "socket", "ssl", "subprocess", "tempfile", "threading"),
}
_IMPORTS = """
import sys
from postern.cli import main

compiled = []
sys.addaudithook(lambda event, arguments: compiled.append(arguments) if event == "compile" else None)
code = main(sys.argv[1:])
by_name = [text for text, file in compiled if file == "<string>" and not text.startswith(b"lambda")]
print(*sys.modules, *(["compile"] if by_name else []), file=sys.stderr)
sys.exit(code)
"""


class Outcome(NamedTuple):
    """Exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def complaint(self) -> str:
        """The one line of a refusal."""
        assert self.out == ""
        assert self.err.startswith("postern: ")
        assert len(self.err.splitlines()) == 1
        return self.err


class Desk:
    """Commands run in this process, with nothing in the environment but what is said here."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self.config_file = home / ".aws" / "config"
        self.cache_folder = home / ".aws" / "sso" / "cache"
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        proxies = {"http_proxy", "https_proxy", "no_proxy", "all_proxy"}
        for name in os.environ:
            if name.startswith(("AWS_", "POSTERN_", "SSH_")) or name.lower() in proxies:
                monkeypatch.delenv(name)
        self.set(HOME=str(home))

    def set(self, **variables: str) -> None:
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)

    def __call__(self, *arguments: str) -> Outcome:
        self._capsys.readouterr()
        try:
            code = main(arguments)
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        said = self._capsys.readouterr()
        return Outcome(code, said.out, said.err)

    def imports(self, *words: str) -> frozenset[str]:
        """What a process of its own imports for a command that succeeds."""
        done = subprocess.run(
            [sys.executable, "-c", _IMPORTS, *words],
            env={"HOME": str(self.home), "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        assert done.stdout
        return frozenset(done.stderr.split())

    def hurry(self) -> None:
        """What the client would wait for passes at once."""
        self._monkeypatch.setattr(driver, "time", SimpleNamespace(sleep=lambda seconds: None))

    def configure(self, text: str) -> None:
        self.config_file.parent.mkdir(exist_ok=True, mode=0o700)
        self.config_file.write_text(text)

    def use_session(self, endpoint: str | None = None, name: str = "lab", start_url: str = START_URL) -> None:
        """One session, with a profile of the same name."""
        services = f"services = {name}\n" if endpoint else ""
        text = f"[{header('sso-session', name)}]\nsso_start_url = {start_url}\nsso_region = {REGION}\n\n"
        text += f"[{header('profile', name)}]\nsso_session = {name}\nregion = {REGION}\n{services}"
        if endpoint:
            blocks = "".join(f"{each} =\n  endpoint_url = {endpoint}\n" for each in ("sso_oidc", "sso"))
            text += f"\n[services {name}]\n{blocks}"
        self.configure(text)

    @property
    def cache(self) -> FileTokenCache:
        return FileTokenCache(self.cache_folder)

    def keep_token(
        self,
        *,
        name: str | None = "lab",
        expires_in: float = 3600,
        refreshable: bool = True,
        start_url: str = START_URL,
        access_token: str = ACCESS_TOKEN,
        registered_for: float = 86400 * 60,
    ) -> CachedToken:
        """A token in the cache, as a sign-in leaves it there."""
        more: Mapping[str, Any] = {
            "refresh_token": REFRESH_TOKEN,
            "client_id": "client",
            "client_secret": CLIENT_SECRET,
            "registration_expires_at": time.time() + registered_for,
        }
        token = CachedToken(
            start_url=start_url,
            region=REGION,
            access_token=access_token,
            expires_at=time.time() + expires_in,
            session_name=name,
            **(more if refreshable else {}),
        )
        self.cache.store(SessionKey(start_url, name), token)
        return token

    def kept(self, name: str | None = "lab", start_url: str = START_URL) -> CachedToken | None:
        return self.cache.load(SessionKey(start_url, name))
