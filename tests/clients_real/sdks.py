"""The SDKs behind one face, so that a flow is written once and run by each of them."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import boto3
import msgspec
from botocore.config import Config
from botocore.exceptions import ClientError

from postern.api import portal
from postern.api.errors import ModelledError
from postern.api.operation import Shape
from postern.client.errors import ServiceError
from postern.client.options import Options
from postern.client.sso_oidc import SSOOIDC, AsyncSSOOIDC
from postern.client.sso_portal import AsyncSSOPortal, SSOPortal
from tests.clients_real.servers import ROOT, environment

NODE = Path(sys.executable).with_name("node")
JS = Path(__file__).with_name("js")
JS_PACKAGES = ROOT / ".cache" / "clients" / "js" / "node_modules"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
REGION = "us-east-1"
_OF_THE_PORTAL = frozenset(operation.name for operation in portal.SERVICE.operations)


class Credentials(NamedTuple):
    """What requests are signed with; for most operations any will do."""

    access_key_id: str = "AKIDEXAMPLE"
    secret_access_key: str = "an example"
    session_token: str | None = None

    def __repr__(self) -> str:
        return f"Credentials({self.access_key_id})"


EXAMPLE = Credentials()


class SdkError(Exception):
    """What a program sees of an error. ``typed``: it came as the very class or code that the SDK has for ``name``.
    ``endpoint`` and ``region`` are where a token belongs that came to the wrong region.
    """

    def __init__(self, seen: Mapping[str, Any]) -> None:
        super().__init__(dict(seen))
        self.name: str = seen["name"]
        self.status: int = seen["status"]
        self.error: str | None = seen.get("error")
        self.error_description: str | None = seen.get("error_description")
        self.message: str | None = seen.get("message")
        self.endpoint: str | None = seen.get("endpoint")
        self.region: str | None = seen.get("region")
        self.typed: bool = seen["typed"]


class Sdk(Protocol):
    """``call`` takes the model's names of operations and members."""

    def call(self, operation: str, **members: object) -> dict[str, Any]:
        """
        Raises:
            SdkError: the server refused.
        """


class Boto3:
    def __init__(self, endpoint: str, credentials: Credentials = EXAMPLE, *, region: str = REGION) -> None:
        session = boto3.Session(*credentials, region_name=region)
        config = Config(retries={"mode": "standard"})
        self.oidc = session.client("sso-oidc", endpoint_url=endpoint, config=config)
        self.sso = session.client("sso", endpoint_url=endpoint, config=config)

    def call(self, operation: str, **members: object) -> dict[str, Any]:
        client = self.sso if operation in _OF_THE_PORTAL else self.oidc
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
    """Our own client. What it gives and raises is turned into the model's names. ``clock_offset`` is how far this
    machine's clock is off, in seconds, which the client corrects.
    """

    def __init__(
        self, endpoint: str, credentials: Credentials = EXAMPLE, *, region: str = REGION, clock_offset: int = 0
    ) -> None:
        options = _options(endpoint, credentials, region, clock_offset)
        self._clients = [made(**options) for made in (SSOOIDC, SSOPortal)]

    def call(self, operation: str, **members: object) -> dict[str, Any]:
        oidc, sso = self._clients
        try:
            client = sso if operation in _OF_THE_PORTAL else oidc
            return _members(client.make_request(operation, members).send())
        except (ModelledError, ServiceError) as error:
            raise SdkError(_seen_by_postern(error)) from None

    def close(self) -> None:
        for client in self._clients:
            client.close()


class PosternAsync:
    """The same under asyncio, on a loop of its own."""

    def __init__(
        self, endpoint: str, credentials: Credentials = EXAMPLE, *, region: str = REGION, clock_offset: int = 0
    ) -> None:
        options = _options(endpoint, credentials, region, clock_offset)
        self._loop = asyncio.new_event_loop()
        self._clients = [made(**options) for made in (AsyncSSOOIDC, AsyncSSOPortal)]

    def call(self, operation: str, **members: object) -> dict[str, Any]:
        oidc, sso = self._clients
        request = (sso if operation in _OF_THE_PORTAL else oidc).make_request(operation, members)
        try:
            return _members(self._loop.run_until_complete(request.send()))
        except (ModelledError, ServiceError) as error:
            raise SdkError(_seen_by_postern(error)) from None

    def close(self) -> None:
        for client in self._clients:
            self._loop.run_until_complete(client.close())
        self._loop.close()


def _options(endpoint: str, credentials: Credentials, region: str, clock_offset: int) -> Options:
    # The server judges: the tests send what does not fit on purpose.
    options: Options = {
        "endpoint": endpoint,
        "region": region,
        "access_key_id": credentials.access_key_id,
        "secret_access_key": credentials.secret_access_key,
        "param_validation": False,
        "environment": {"AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"},
    }
    if credentials.session_token:
        options["session_token"] = credentials.session_token
    if clock_offset:
        options |= {"correct_clock_skew": True, "now": lambda: time.time() + clock_offset}
    return options


def _members(output: Shape) -> dict[str, Any]:
    members: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(output))
    return members


def _seen_by_postern(error: ModelledError | ServiceError) -> dict[str, Any]:
    return {
        "name": error.code if isinstance(error, ServiceError) else error.wire_name(),
        "status": error.status,
        "error": getattr(error, "error", None),
        "error_description": getattr(error, "error_description", None),
        "message": getattr(error, "message", None),
        "endpoint": getattr(error, "endpoint", None),
        "region": getattr(error, "region", None),
        "typed": isinstance(error, ModelledError) and error.request_id is not None,
    }


def _seen_by_botocore(client: Any, error: ClientError) -> dict[str, Any]:
    response: Any = error.response
    name = response["Error"]["Code"]
    return {
        "name": name,
        "status": response["ResponseMetadata"]["HTTPStatusCode"],
        "error": response.get("error"),
        "error_description": response.get("error_description"),
        "message": response["Error"]["Message"],
        "endpoint": response.get("endpoint"),
        "region": response.get("region"),
        "typed": type(error) is not ClientError and type(error) is getattr(client.exceptions, name),
    }


class Node:
    """A Node.js process that holds an SDK and makes the calls that it is told. The SDK finds its credentials and region
    in the environment, as by default. ``clock_offset`` is how far this machine's clock is off, in seconds, which the
    SDK corrects.
    """

    def __init__(
        self,
        script: str,
        endpoint: str,
        credentials: Credentials = EXAMPLE,
        *,
        region: str = REGION,
        clock_offset: int = 0,
    ) -> None:
        variables = {
            "AWS_ACCESS_KEY_ID": credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
            "AWS_REGION": region,
            "CLOCK_OFFSET": str(clock_offset),
        }
        if credentials.session_token:
            variables["AWS_SESSION_TOKEN"] = credentials.session_token
        self._process = subprocess.Popen(
            (str(NODE), str(JS / script), endpoint),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=node_environment(variables),
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
SCRIPTS = {"js-v2": "sdk_v2.js", "js-v3": "sdk_v3.js"}


def node_environment(variables: Mapping[str, str]) -> dict[str, str]:
    quiet = {
        "AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE": "1",
        "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED": "true",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return environment({"NODE_PATH": str(JS_PACKAGES), **quiet, **variables})


def open_sdk(
    name: str, endpoint: str, credentials: Credentials = EXAMPLE, *, region: str = REGION
) -> Boto3 | Node | Postern | PosternAsync:
    if name in IN_PROCESS:
        return IN_PROCESS[name](endpoint, credentials, region=region)
    return Node(SCRIPTS[name], endpoint, credentials, region=region)


def open_with_wrong_clock(
    name: str, endpoint: str, credentials: Credentials, clock_offset: int
) -> Node | Postern | PosternAsync:
    """An SDK, other than boto3, on a machine whose clock is that many seconds off."""
    if name in SCRIPTS:
        return Node(SCRIPTS[name], endpoint, credentials, clock_offset=clock_offset)
    made = Postern if name == "postern" else PosternAsync
    return made(endpoint, credentials, clock_offset=clock_offset)
