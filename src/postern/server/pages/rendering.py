"""Templates into responses, and the headers that every response of the pages carries (RFC 9700 4.16)."""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from postern.core.policy import Policy
from postern.core.records import Instance
from postern.core.sign_in import ActiveSession
from postern.server.pages.errors import PageRefused

_HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_ONE_YEAR = "max-age=31536000"


def content_security_policy(form_target: str = "", *, script: bool = False) -> str:
    """No scripts at all, or with ``script`` the one of ours, which may ask this server again. Chromium holds a form's
    redirect against ``form-action`` too, so its target is named there.
    """
    action = f"'self' {form_target}".rstrip()
    scripts = "script-src 'self'; connect-src 'self'; " if script else ""
    sources = f"default-src 'none'; {scripts}style-src 'self'; img-src 'self'; form-action {action}"
    return f"{sources}; frame-ancestors 'none'; base-uri 'none'"


class Renderer:
    """Renders templates of this package; they are compiled when first used."""

    def __init__(self, policy: Policy, *, css_url: str, icon_url: str, js_url: str) -> None:
        self._environment = Environment(
            loader=PackageLoader("postern.server.pages"), autoescape=True, undefined=StrictUndefined, auto_reload=False
        )
        self._environment.globals.update(
            instance_name=policy.instance.name, css_url=css_url, icon_url=icon_url, js_url=js_url
        )
        self._headers = _HEADERS | {"Content-Security-Policy": content_security_policy()}
        if policy.public_url.startswith("https://"):
            self._headers["Strict-Transport-Security"] = _ONE_YEAR

    def page(
        self, template: str, context: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        html = self._environment.get_template(template).render(context)
        return HTMLResponse(html, status, headers)

    def error(self, refused: PageRefused, request_id: str) -> Response:
        context = {
            "status": refused.status,
            "title": refused.title,
            "message": refused.message,
            "advice": refused.advice,
            "return_url": refused.return_url,
            "return_name": refused.return_name,
            "request_id": request_id,
        }
        return self.page("error.html", context, status=refused.status, headers=refused.headers)

    def seal(self, response: Response, request_id: str) -> Response:
        """Add the headers of every response; what a page set itself stands."""
        for name, value in self._headers.items():
            response.headers.setdefault(name, value)
        response.headers["x-amzn-RequestId"] = request_id
        return response


def see_other(location: str) -> Response:
    """303, never 307: the browser must not post a password or a decision on (RFC 9700 4.12)."""
    return Response(status_code=303, headers={"Location": location})


def instance_shown(instance: Instance | None) -> dict[str, Any]:
    """What the layout shows of an instance other than the primary one, whose shown name is a setting."""
    return {} if instance is None or instance.is_primary else {"instance_name": instance.name}


def person(active: ActiveSession, csrf: str) -> dict[str, Any]:
    """What the layout shows of whoever is signed in."""
    return {"user": active.user, "csrf": csrf}
