"""The pages: what people see in a browser. They hold no rules; each asks the core and shows what it says.

Everything is rendered here and works without scripts; those of the portal have one, for convenience. One file per
family of pages; `endpoint` makes responses of what they raise.
"""

from collections.abc import Mapping

from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from postern.core.service import Service
from postern.server.pages import assets, errors
from postern.server.pages.authorize import AuthorizePages
from postern.server.pages.browser import Browser
from postern.server.pages.device import DevicePages
from postern.server.pages.endpoint import Endpoint, Table
from postern.server.pages.password import PasswordPages
from postern.server.pages.rendering import Renderer
from postern.server.pages.role import RolePages
from postern.server.pages.sign_in import SignInPages
from postern.server.pages.start import StartPages

__all__ = ["busy_page", "create_pages"]


def create_pages(service: Service) -> ASGIApp:
    """An ASGI app that answers every HTTP request: with a page, a redirect, or an error page.

    It takes the request's id from ``scope["state"]["request_id"]`` and writes it to ``x-amzn-RequestId``.
    """
    files = assets.load_assets()
    renderer = _renderer(service, files)
    browser = Browser(service)
    table: Table = assets.table(files)
    for family in (StartPages, RolePages, PasswordPages, SignInPages, DevicePages, AuthorizePages):
        table |= family(service, browser, renderer).table()
    literal_first = sorted(table.items(), key=lambda row: "{" in row[0])
    routes = [Route(path, Endpoint(methods, renderer)) for path, methods in literal_first]
    return Router(routes, redirect_slashes=False, default=Endpoint({}, renderer))


def busy_page(service: Service, request_id: str) -> Response:
    """What is shown for any page when the server has too much to do."""
    renderer = _renderer(service, assets.load_assets())
    return renderer.seal(renderer.error(errors.busy(), request_id), request_id)


def _renderer(service: Service, files: Mapping[str, assets.Asset]) -> Renderer:
    return Renderer(
        service.policy,
        css_url=files["postern.css"].url,
        icon_url=files["icon.svg"].url,
        js_url=files["portal.js"].url,
    )
