"""Debian's AWS CLI 2.9.19. It is older than endpoint variables: rule-set files in its home lead it to the server."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.clients_real import browser
from tests.clients_real.servers import ROOT, Server, environment

AWS = ROOT / ".cache" / "clients" / "awscli-debian" / "aws"
_SERVICES = ("sso-oidc/2019-06-10", "sso/2019-06-10", "sts/2011-06-15")


class AwsCli:
    """``aws`` with a home of its own and the demo's configuration file."""

    def __init__(self, server: Server, home: Path) -> None:
        self.server = server
        self.cache = home / ".aws" / "sso" / "cache"
        self._environment = environment(
            {
                "HOME": str(home),
                "PYTHONPATH": str(ROOT),  # for the browser; the CLI itself is started without it
                "AWS_CONFIG_FILE": str(server.config_file),
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_PAGER": "",
                "BROWSER_USER_FILE": str(server.user_file),
            }
        )
        for service in _SERVICES:
            folder = home / ".aws" / "models" / service
            folder.mkdir(parents=True)
            (folder / "endpoint-rule-set-1.json").write_text(json.dumps(_rule_set(server.endpoint)))

    def run(
        self, *arguments: str, decision: str = "approve", waits: bool = True, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """``waits``: whether the browser that it launches is done before it goes on."""
        extra = {"BROWSER": browser.command(waits=waits), "BROWSER_DECISION": decision, **(variables or {})}
        return subprocess.run(
            (str(AWS), *arguments),
            env=self._environment | extra,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def paste(self, lines: str) -> subprocess.CompletedProcess[str]:
        """Lines of a shell for which this is ``aws``."""
        path = f"{AWS.parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            ("sh", "-ec", lines),
            env=self._environment | {"BROWSER": browser.command(), "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def tokens(self) -> list[dict[str, Any]]:
        """The cached tokens; the other files of the cache are registrations."""
        contents = [json.loads(file.read_text()) for file in sorted(self.cache.glob("*.json"))]
        return [content for content in contents if "accessToken" in content]


def _rule_set(endpoint: str) -> dict[str, Any]:
    def parameter(built_in: str, kind: str = "Boolean") -> dict[str, Any]:
        common = {"builtIn": built_in, "type": kind}
        return common | ({"required": True, "default": False} if kind == "Boolean" else {"required": False})

    return {
        "version": "1.0",
        "parameters": {
            "Region": parameter("AWS::Region", "String"),
            "UseDualStack": parameter("AWS::UseDualStack"),
            "UseFIPS": parameter("AWS::UseFIPS"),
            "UseGlobalEndpoint": parameter("AWS::STS::UseGlobalEndpoint"),
            "Endpoint": parameter("SDK::Endpoint", "String"),
        },
        "rules": [
            {"conditions": [], "endpoint": {"url": endpoint, "properties": {}, "headers": {}}, "type": "endpoint"}
        ],
    }
