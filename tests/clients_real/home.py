"""A person's home folder, for the SDKs that read it."""

import json
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from pathlib import Path
from shutil import copyfile
from typing import Any

from tests.clients_real.sdks import REGION, node_environment
from tests.clients_real.servers import Server

SESSION = "demo"


class Home:
    """A home folder with a cached token, as ``aws sso login`` leaves it."""

    def __init__(self, folder: Path, server: Server, client: dict[str, Any], token: dict[str, Any]) -> None:
        self._folder = folder
        self._file = folder / ".aws" / "sso" / "cache" / f"{sha1(SESSION.encode()).hexdigest()}.json"
        self._file.parent.mkdir(parents=True)
        # Not by AWS_CONFIG_FILE: v2's provider reads no file but this.
        copyfile(server.config_file, folder / ".aws" / "config")
        (folder / ".aws" / "credentials").touch()  # without one, v2 reads no profile
        contents = {
            "startUrl": server.user["start_url"],
            "region": REGION,
            "accessToken": token["accessToken"],
            "expiresAt": _iso(datetime.now(UTC) + timedelta(minutes=2)),
            "clientId": client["clientId"],
            "clientSecret": client["clientSecret"],
            "registrationExpiresAt": _iso(datetime.fromtimestamp(client["clientSecretExpiresAt"], UTC)),
            "refreshToken": token["refreshToken"],
        }
        self._file.write_text(json.dumps(contents))

    def add_profile(self, name: str, **settings: str) -> None:
        lines = [f"[profile {name}]", *(f"{setting} = {value}" for setting, value in settings.items())]
        with (self._folder / ".aws" / "config").open("a") as config:
            print("", *lines, sep="\n", file=config)

    def start(self, program: Sequence[str], *, profile: str = "demo") -> subprocess.Popen[str]:
        return subprocess.Popen(
            program,
            env=node_environment({"HOME": str(self._folder), "AWS_PROFILE": profile}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def cached(self) -> dict[str, Any]:
        contents: dict[str, Any] = json.loads(self._file.read_text())
        return contents


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
