"""Postern's client, blocking and asyncio."""

import sys
from typing import Any

from postern import SSOOIDC

workload, endpoint, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
options: dict[str, Any] = {"region": "us-east-1", "endpoint": endpoint}
registration: dict[str, Any] = {"client_name": "bench", "client_type": "public", "scopes": ["sso:account:access"]}
poll: dict[str, Any] = {
    "client_id": "c" * 300,
    "client_secret": "s" * 80,
    "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
    "device_code": "d" * 86,
}


def cold() -> None:
    assert SSOOIDC(**options).register_client(**registration).client_id


def calls() -> None:
    from bench.workloads.clock import until

    with SSOOIDC(**options) as client:
        until(seconds, lambda: client.register_client(**registration))


def errors() -> None:
    from bench.workloads.clock import until
    from postern.api.errors import AuthorizationPendingException

    with SSOOIDC(**options) as client:

        def once() -> None:
            try:
                client.create_token(**poll)
            except AuthorizationPendingException:
                return
            raise AssertionError("the error is missing")

        until(seconds, once)


def parallel() -> None:
    import asyncio

    from bench.workloads.clock import until_async
    from postern import AsyncSSOOIDC

    async def run() -> None:
        async with AsyncSSOOIDC(**options) as client:
            await until_async(seconds, lambda: client.register_client(**registration))

    asyncio.run(run())


{"cold": cold, "calls": calls, "errors": errors, "parallel": parallel}[workload]()
