"""The SDKs behind one face, so that a flow is written once and run by each of them."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import boto3
import msgspec
from botocore.config import Config
from botocore.exceptions import ClientError

from postern.api.errors import ModelledError
from postern.api.operation import Shape
from postern.api.portal import LOGOUT
from postern.client.options import Options
from postern.client.service import AsyncService, Service
from postern.client.sso_oidc import SSOOIDC, AsyncSSOOIDC
from tests.clients_real.servers import ROOT, environment

NODE = Path(sys.executable).with_name("node")
JS = Path(__file__).with_name("js")
JS_PACKAGES = ROOT / ".cache" / "clients" / "js" / "node_modules"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
REGION = "us-east-1"


class SdkError(Exception):
    """What a program sees of an error. ``typed``: it came as the very class or code that the SDK has for ``name``."""

    def __init__(self, seen: Mapping[str, Any]) -> None:
        super().__init__(dict(seen))
        self.name: str = seen["name"]
        self.status: int = seen["status"]
        self.error: str | None = seen.get("error")
        self.error_description: str | None = seen.get("error_description")
        self.typed: bool = seen["typed"]


class Sdk(Protocol):
    """``call`` takes the model's names of operations and members."""

    def call(self, operation: str, **members: object) -> dict[str, Any]:
        """
        Raises:
            SdkError: the server refused.
        """


class Boto3:
    def __init__(self, endpoint: str) -> None:
        session = boto3.Session("AKIDEXAMPLE", "an example", region_name=REGION)
        config = Config(retries={"mode": "standard"})
        self.oidc = session.client("sso-oidc", endpoint_url=endpoint, config=config)
        self.sso = session.client("sso", endpoint_url=endpoint, config=config)

    def call(self, operation: str, **members: object) -> dict[str, Any]:
        client = self.sso if operation == "Logout" else self.oidc
        method = next(python for python, wire in client.meta.method_to_api_mapping.items() if wire == operation)
        try:
            output: dict[str, Any] = getattr(client, method)(**members)
        except ClientError as error:
            raise SdkError(_seen_by_botocore(client, error)) from None
        del output["ResponseMetadata"]
        return output

    def close(self) -> None:
        self.oidc.close()
        self.sso.close()


class Postern:
    """Our own client. What it gives and raises is turned into the model's names."""

    def __init__(self, endpoint: str) -> None:
        portal = Service.define_service("sso", operations=[LOGOUT])
        self._clients = [made(**_options(endpoint)) for made in (SSOOIDC, portal)]

    def call(self, operation: str, **members: object) -> dict[str, Any]:
        oidc, sso = self._clients
        try:
            return _members((sso if operation == "Logout" else oidc).make_request(operation, members).send())
        except ModelledError as error:
            raise SdkError(_seen_by_postern(error)) from None

    def close(self) -> None:
        for client in self._clients:
            client.close()


class PosternAsync:
    """The same under asyncio, on a loop of its own."""

    def __init__(self, endpoint: str) -> None:
        portal = AsyncService.define_service("sso", operations=[LOGOUT])
        self._loop = asyncio.new_event_loop()
        self._clients = [made(**_options(endpoint)) for made in (AsyncSSOOIDC, portal)]

    def call(self, operation: str, **members: object) -> dict[str, Any]:
        oidc, sso = self._clients
        request = (sso if operation == "Logout" else oidc).make_request(operation, members)
        try:
            return _members(self._loop.run_until_complete(request.send()))
        except ModelledError as error:
            raise SdkError(_seen_by_postern(error)) from None

    def close(self) -> None:
        for client in self._clients:
            self._loop.run_until_complete(client.close())
        self._loop.close()


def _options(endpoint: str) -> Options:
    # The server judges: the tests send what does not fit on purpose.
    return {
        "endpoint": endpoint,
        "region": REGION,
        "access_key_id": "AKIDEXAMPLE",
        "secret_access_key": "an example",
        "param_validation": False,
        "environment": {"AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"},
    }


def _members(output: Shape) -> dict[str, Any]:
    members: dict[str, Any] = msgspec.to_builtins(output)
    return members


def _seen_by_postern(error: ModelledError) -> dict[str, Any]:
    return {
        "name": error.wire_name(),
        "status": error.status,
        "error": getattr(error, "error", None),
        "error_description": getattr(error, "error_description", None),
        "typed": error.request_id is not None,
    }


def _seen_by_botocore(client: Any, error: ClientError) -> dict[str, Any]:
    name = error.response["Error"]["Code"]
    return {
        "name": name,
        "status": error.response["ResponseMetadata"]["HTTPStatusCode"],
        "error": error.response.get("error"),
        "error_description": error.response.get("error_description"),
        "typed": type(error) is not ClientError and type(error) is getattr(client.exceptions, name),
    }


class Node:
    """A Node.js process that holds an SDK and makes the calls that it is told."""

    def __init__(self, script: str, endpoint: str) -> None:
        self._process = subprocess.Popen(
            (str(NODE), str(JS / script), endpoint),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=node_environment({}),
        )

    def call(self, operation: str, **members: object) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps({"operation": operation, "input": members}), file=self._process.stdin, flush=True)
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise SdkError(answer["error"])
        output: dict[str, Any] = answer["output"]
        return output

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(timeout=20)
        self._process.stdout.close()


IN_PROCESS: dict[str, type[Boto3 | Postern | PosternAsync]] = {
    "boto3": Boto3,
    "postern": Postern,
    "postern-async": PosternAsync,
}


def node_environment(variables: Mapping[str, str]) -> dict[str, str]:
    quiet = {
        "AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE": "1",
        "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED": "true",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return environment({"NODE_PATH": str(JS_PACKAGES), **quiet, **variables})


def open_sdk(name: str, endpoint: str) -> Boto3 | Node | Postern | PosternAsync:
    if name in IN_PROCESS:
        return IN_PROCESS[name](endpoint)
    return Node({"js-v2": "sdk_v2.js", "js-v3": "sdk_v3.js"}[name], endpoint)
