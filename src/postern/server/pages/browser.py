"""The browser at the other end: its cookies, its session, and the proof that a form was sent from a page of ours.

A form needs three things: a token bound to the browser session (before sign-in: to a cookie of its own), an ``Origin``
that is ours, and a ``Sec-Fetch-Site`` that is not another site. Pages send ``Referrer-Policy: no-referrer``, and that
makes browsers send ``Origin: null`` with our own forms (Fetch, "append a request Origin header"). A hostile sandboxed
frame sends ``null`` as well, so it passes only beside ``Sec-Fetch-Site: same-origin``, which no page can forge.
"""

import re

from starlette.requests import Request
from starlette.responses import Response

from postern.core import sign_in
from postern.core.records import Instance
from postern.core.service import Service
from postern.core.sign_in import ActiveSession
from postern.server.pages.errors import SignInFirst, foreign_origin, stale_page

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_OURS = ("same-origin", "none")


class Browser:
    """Cookies are ``__Host-`` and ``Secure`` on https; on http (loopback only) some browsers would refuse such ones."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._origin = service.policy.public_url
        self._secure = self._origin.startswith("https://")
        prefix = "__Host-" if self._secure else ""
        self.session_cookie = f"{prefix}postern-session"
        self.form_cookie = f"{prefix}postern-form"

    def session_secret(self, request: Request) -> str | None:
        return _cookie(request, self.session_cookie)

    async def session(self, request: Request) -> ActiveSession | None:
        return await sign_in.find_session(self._service, self.session_secret(request))

    async def require_session(
        self, request: Request, next_path: str, instance: Instance | None = None
    ) -> ActiveSession:
        """
        Raises:
            SignInFirst: nobody is signed in, or nobody of this instance.
        """
        active = await self.session(request)
        if active is None or not is_of(active, instance):
            raise SignInFirst(next_path)
        return active

    def begin_session(self, response: Response, secret: str) -> None:
        self._set(response, self.session_cookie, secret, strict=False)

    def end_session(self, response: Response) -> None:
        response.delete_cookie(self.session_cookie, path="/", secure=self._secure, httponly=True, samesite="lax")

    def csrf(self, active: ActiveSession) -> str:
        """The token that every form of a signed-in person carries."""
        return sign_in.page_token(self._service, "form", active.session.session_digest)

    def require_csrf(self, active: ActiveSession, token: str) -> None:
        """
        Raises:
            PageRefused: the form was not made for this browser session.
        """
        if not sign_in.is_page_token(self._service, token, "form", active.session.session_digest):
            raise stale_page("form token is not of this session")

    def form_secret(self, request: Request) -> str:
        """What binds a form to a browser where nobody is signed in yet; new if the browser has none."""
        return _cookie(request, self.form_cookie) or sign_in.new_secret()

    def keep_form_secret(self, response: Response, secret: str) -> None:
        self._set(response, self.form_cookie, secret, strict=True)

    def anonymous_csrf(self, form_secret: str) -> str:
        return sign_in.page_token(self._service, "anonymous form", form_secret)

    def is_anonymous_csrf(self, request: Request, token: str) -> bool:
        secret = _cookie(request, self.form_cookie)
        return secret is not None and sign_in.is_page_token(self._service, token, "anonymous form", secret)

    def require_own_origin(self, request: Request) -> None:
        """
        Raises:
            PageRefused: the browser says that another site's page sent this.
        """
        site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
        if site is not None and site not in _OURS:
            raise foreign_origin(self._origin, "Sec-Fetch-Site is not same-origin")
        if origin is None or origin == self._origin or (origin == "null" and site == "same-origin"):
            return
        raise foreign_origin(self._origin, "Origin is not this server's")

    def came_from_elsewhere(self, request: Request) -> bool:
        """Whether a link on another site led here, as far as the browser tells."""
        return request.headers.get("sec-fetch-site", "none") not in _OURS

    def _set(self, response: Response, name: str, secret: str, *, strict: bool) -> None:
        samesite = "strict" if strict else "lax"
        response.set_cookie(name, secret, path="/", secure=self._secure, httponly=True, samesite=samesite)  # type: ignore[arg-type]


def is_of(active: ActiveSession, instance: Instance | None) -> bool:
    """Whether the person is of the instance; of none they all are."""
    return instance is None or active.user.instance_id == instance.instance_id


def _cookie(request: Request, name: str) -> str | None:
    """A cookie's secret. One that comes twice was planted beside ours, and neither is believed."""
    pairs = (pair.strip().partition("=") for line in request.headers.getlist("cookie") for pair in line.split(";"))
    values = [value for found, _, value in pairs if found == name]
    return values[0] if len(values) == 1 and _SECRET.fullmatch(values[0]) else None
