"""boto3, and aiobotocore for what is parallel. Run with the peers' own interpreter."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

workload, endpoint, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
options: dict[str, Any] = {"region_name": "us-east-1", "endpoint_url": endpoint}
registration: dict[str, Any] = {"clientName": "bench", "clientType": "public", "scopes": ["sso:account:access"]}
poll: dict[str, Any] = {
    "clientId": "c" * 300,
    "clientSecret": "s" * 80,
    "grantType": "urn:ietf:params:oauth:grant-type:device_code",
    "deviceCode": "d" * 86,
}


def client() -> Any:
    import boto3

    return boto3.client("sso-oidc", **options)


def cold() -> None:
    assert client().register_client(**registration)["clientId"]


def calls() -> None:
    from bench.workloads.clock import until

    made = client()
    until(seconds, lambda: made.register_client(**registration))


def errors() -> None:
    from bench.workloads.clock import until

    made = client()

    def once() -> None:
        try:
            made.create_token(**poll)
        except made.exceptions.AuthorizationPendingException:
            return
        raise AssertionError("the error is missing")

    until(seconds, once)


def parallel() -> None:
    import asyncio

    from aiobotocore.config import AioConfig
    from aiobotocore.session import get_session

    from bench.workloads.clock import until_async

    async def run() -> None:
        config = AioConfig(max_pool_connections=32)
        async with get_session().create_client("sso-oidc", config=config, **options) as made:
            await until_async(seconds, lambda: made.register_client(**registration))

    asyncio.run(run())


{"cold": cold, "calls": calls, "errors": errors, "parallel": parallel}[workload]()
