"""Pages that are made after the server has begun to answer."""

import subprocess
import sys
from typing import Any

import pytest

from postern.core.service import Service
from postern.server import late_pages
from postern.server import pages as server_pages
from postern.server.asgi import AsgiApp
from postern.server.health import LIVE, READY, with_health
from postern.server.late_pages import LatePages
from postern.server.request_ids import ANY_ID


async def page(pages: AsgiApp, path: str) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
    await pages(scope, receive, send)
    return sent


def test_a_server_starts_without_what_makes_pages() -> None:
    script = "import sys, postern.cli.serve; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    costly = {"jinja2", "starlette.responses", "starlette.routing", "urllib.request", "http.client", "httpcore"}
    assert set(done.stdout.split()) & costly == set()


async def test_whoever_asks_for_a_page_before_it_is_made_gets_it(service: Service) -> None:
    start, body = await page(LatePages(service), "/static/icon.svg")
    assert (start["status"], body["body"][:4]) == (200, b"<svg")


async def test_after_the_warm_up_nothing_is_left_to_make(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late_pages, "_AFTER_START", 0)
    pages = LatePages(service)
    await pages.warm_up()
    monkeypatch.setattr(server_pages, "create_pages", None)
    monkeypatch.setattr(server_pages, "busy_page", None)
    assert ANY_ID.encode() in pages.busy().body
    start, _ = await page(pages, "/static/icon.svg")
    assert start["status"] == 200


async def test_without_pages_a_server_is_not_ready_and_says_why(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(late_pages, "_AFTER_START", 0)
    monkeypatch.setattr(server_pages, "create_pages", None)
    pages = LatePages(service)
    ready = with_health(service, pages)
    assert (await page(ready, READY))[0]["status"] == 200
    await pages.warm_up()
    start, body = await page(ready, READY)
    assert (start["status"], body["body"]) == (503, b"pages cannot be made\n")
    assert (await page(ready, LIVE))[0]["status"] == 200
    assert pages.busy().status == 503
    assert [record.message for record in caplog.records] == ["the pages cannot be made, so this server is not ready"]
