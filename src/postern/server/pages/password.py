"""Changing one's own password."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from postern.core import passwords
from postern.core.change_password import PasswordUnchanged, change_password
from postern.core.passwords import PasswordTooWeak
from postern.core.sign_in import SignInRefused, TooManyAttempts
from postern.server.callers import caller_of
from postern.server.pages import words
from postern.server.pages.endpoint import Table
from postern.server.pages.portal import Portal, Visit
from postern.server.pages.rendering import see_other

_WRONG = "The current password is wrong."
_DIFFERENT = "The new password was typed in two ways. Type it twice the same."
_UNCHANGED = "The new password is the current one. Choose another."
_UNFIT = f"A password has {passwords.MIN_LENGTH} to {passwords.MAX_LENGTH} characters."


class PasswordPages(Portal):
    def table(self) -> Table:
        well_known = {"/.well-known/change-password": {"GET": self.find}}
        return well_known | self._rooms(
            {"/password": {"GET": self.show, "POST": self.change}, "/password/changed": {"GET": self.changed}}
        )

    async def find(self, request: Request) -> Response:
        """Where password managers look for the page (W3C, "A Well-Known URL for Changing Passwords")."""
        return see_other("/start/password")

    async def show(self, request: Request) -> Response:
        return self._form(await self._enter(request))

    async def change(self, request: Request) -> Response:
        visit, form = await self._submit(request)
        new = form.get("new_password", "")
        if passwords.normalise(new) != passwords.normalise(form.get("new_password_again", "")):
            return self._form(visit, _DIFFERENT, wrong="new", status=400)
        try:
            secret = await change_password(
                self._service,
                visit.active,
                current=form.get("password", ""),
                new=new,
                caller=caller_of(request.scope),
            )
        except PasswordTooWeak:
            return self._form(visit, _UNFIT, wrong="new", status=400)
        except PasswordUnchanged:
            return self._form(visit, _UNCHANGED, wrong="new", status=400)
        except SignInRefused:
            return self._form(visit, _WRONG, wrong="current", status=403)
        except TooManyAttempts as locked:
            headers = {"Retry-After": str(locked.retry_after)}
            return self._form(visit, words.wait(locked.retry_after), status=429, headers=headers)
        response = see_other(visit.path("password/changed"))
        self._browser.begin_session(response, secret)
        return response

    async def changed(self, request: Request) -> Response:
        return self._show(await self._enter(request), "password_changed.html", {})

    def _form(
        self,
        visit: Visit,
        error: str = "",
        *,
        wrong: str = "",
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """``wrong`` is which of the fields the error is about: ``current``, ``new``, or none."""
        context = {"error": error, "wrong": wrong, "is_wait": status == 429, "min_length": passwords.MIN_LENGTH}
        return self._show(visit, "password.html", context, status=status, headers=headers)
