"""Style sheet, icon and script. Their URLs carry a hash of the content, so browsers may keep them for a year."""

from hashlib import sha256
from importlib.resources import files

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from postern.server.pages.endpoint import Handler, Table
from postern.server.pages.forms import query_of

_TYPES = {
    "postern.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "portal.js": "text/javascript; charset=utf-8",
}
_KEPT = "public, max-age=31536000, immutable"


class Asset(msgspec.Struct, frozen=True):
    """A file that pages refer to."""

    name: str
    content: bytes
    media_type: str
    version: str

    @property
    def url(self) -> str:
        return f"/static/{self.name}?v={self.version}"


def load_assets() -> dict[str, Asset]:
    return {name: _load(name, media_type) for name, media_type in _TYPES.items()}


def table(assets: dict[str, Asset]) -> Table:
    routes: Table = {f"/static/{name}": {"GET": _serve(asset)} for name, asset in assets.items()}
    return routes | {"/favicon.ico": {"GET": _serve(assets["icon.svg"])}}


def _load(name: str, media_type: str) -> Asset:
    content = files("postern.server.pages").joinpath("static", name).read_bytes()
    return Asset(name, content, media_type, sha256(content).hexdigest()[:16])


def _serve(asset: Asset) -> Handler:
    async def serve(request: Request) -> Response:
        kept = _KEPT if query_of(request).get("v") == asset.version else "no-cache"
        return Response(asset.content, media_type=asset.media_type, headers={"Cache-Control": kept})

    return serve
