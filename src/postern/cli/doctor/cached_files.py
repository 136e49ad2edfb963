"""The token cache: what is in the files that count, what is left in others, who can read them."""

import time
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, NamedTuple

from postern.cli.doctor.findings import Case, Finding, login_command, logout_command, ok, problem, warn
from postern.cli.output import utc
from postern.client.token_cache import FileTokenCache, SessionKey
from postern.client.token_cache.entries import UnreadableEntry, read_token
from postern.client.token_cache.places import open_to_all, refuse_unfit_place
from postern.client.token_cache.port import TokenCacheError

if TYPE_CHECKING:
    from postern.client.token_cache import CachedToken, TokenCache

_CHECK = "token cache"
_SOON = 7 * 86400


class Held(NamedTuple):
    """What a file holds, in words, and whether a tool can work with it."""

    text: str
    is_live: bool


def examine(case: Case) -> Iterator[Finding]:
    yield ok(_CHECK, f"tokens are kept in {_described(case.cache)}")
    unfit = list(_folder(case))
    yield from unfit
    yield from _problems(case, is_folder_fit=not unfit)
    if case.session is not None:
        yield from _files(case)
        yield from _token(case)
        yield from _registration(case)
        yield from _others(case)


def _described(cache: "TokenCache") -> str:
    from postern.client.token_cache.encrypted import EncryptedFileTokenCache
    from postern.client.token_cache.keyring import KeyringTokenCache

    if isinstance(cache, KeyringTokenCache):
        return "the operating system's keyring"
    if isinstance(cache, EncryptedFileTokenCache):
        return f"encrypted files in {cache.folder}"
    return str(getattr(cache, "folder", type(cache).__name__))


def _folder(case: Case) -> Iterator[Finding]:
    """Whether a token, and the lock for it, could be written: there may be nothing yet, but something in the way."""
    folder = Path(getattr(case.cache, "folder", "."))
    place = next(each for each in (folder, *folder.parents) if _exists(each))
    if not place.is_dir():
        yield problem(_CHECK, f"{place} is no folder: nobody can sign in", f"move {quote(str(place))} out of the way")
        return
    try:
        open_place = open_to_all(str(place))
        if open_place is None:
            refuse_unfit_place(str(place))
    except TokenCacheError as error:
        yield problem(_CHECK, f"{error}: nobody can sign in", f"correct {quote(str(place))}, or use another --cache")
        return
    if open_place is not None:
        text = f"{open_place}: everybody may write to it, so we do not, and nobody can sign in"
        yield problem(_CHECK, text, f"chmod o-w {quote(open_place)}")


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except OSError:
        return False
    return True


def path_of(cache: "TokenCache", digest: str) -> str | None:
    """The file of that digest (or, without one, the folder) in a cache that other tools read; None in another."""
    if not isinstance(cache, FileTokenCache):
        return None
    return cache.path(digest) if digest else cache.folder


def contents(case: Case, digest: str) -> Held:
    path = Path(path_of(case.cache, digest) or "")
    try:
        token = read_token(path.read_bytes())
    except FileNotFoundError:
        return Held("it is not there", is_live=False)
    except (OSError, UnreadableEntry) as error:
        return Held(f"unreadable: {error}", is_live=False)
    if token is None:
        return Held("it holds no token", is_live=False)
    return _held(case, token)


def _held(case: Case, token: "CachedToken") -> Held:
    if token.expires_at > case.now():
        refreshable = ", refreshable" if token.is_refreshable(time.time()) else ", not refreshable"
        return Held(f"a token good until {utc(token.expires_at)}{refreshable}", is_live=True)
    if token.is_refreshable(time.time()):
        return Held(f"a token that expired {utc(token.expires_at)} and can be refreshed", is_live=True)
    return Held(f"a token that expired {utc(token.expires_at)}", is_live=False)


def _problems(case: Case, *, is_folder_fit: bool) -> Iterator[Finding]:
    """A problem if it keeps the session's own token from being used, else a warning."""
    keys = [case.session.key] if case.session else []
    own = keys[0].primary if keys else "-"
    for place, reason in case.cache.problems(keys):
        text, _, remedy = reason.partition(": chmod ")
        if text.startswith("everybody may write") or (not is_folder_fit and text.startswith("the copy")):
            continue  # it is told already, also of folders that are not there yet
        what = quote(place) if Path(place).is_absolute() else "it"
        remove = f"run {logout_command(case)}" if own in place else f"remove {what}, if nothing needs it"
        advice = f"chmod {remedy.partition(' ')[0]} {what}" if remedy else remove
        yield (problem if own in place else warn)(_CHECK, f"{place}: {text}", advice)


def _files(case: Case) -> Iterator[Finding]:
    assert case.session is not None
    if path_of(case.cache, "") is None:
        return
    names = ("the start URL",) if case.session.name is None else ("the session name", "the start URL")
    for name, digest in zip(names, case.session.key.digests, strict=True):
        yield ok(_CHECK, f"under the SHA-1 of {name}, {digest}.json: {contents(case, digest).text}")


def _token(case: Case) -> Iterator[Finding]:
    assert case.session is not None
    token = case.token
    if token is None:
        yield warn("sign-in", f"nobody is signed in to {case.session.title}", f"run {login_command(case)}")
        return
    held = _held(case, token)
    text = f"{case.session.title}: {held.text}"
    yield ok("sign-in", text) if held.is_live else warn("sign-in", text, f"run {login_command(case)}")
    if token.region and token.region != case.session.region:
        yield warn(
            "sign-in",
            f"the token is of region {token.region}, and {case.session.region} is configured",
            f"correct sso_region, or run {login_command(case, ' --force')}",
        )


def _registration(case: Case) -> Iterator[Finding]:
    assert case.session is not None
    token = case.token
    if token is None or token.registration_expires_at is None:
        return
    until = f"the client registration is good until {utc(token.registration_expires_at)}"
    if token.registration_expires_at <= case.now():
        yield warn(
            "registration", f"{until}: the token cannot be refreshed any more", f"run {login_command(case, ' --force')}"
        )
    elif token.registration_expires_at <= case.now() + _SOON:
        yield warn("registration", until, f"renew it at a good time: {login_command(case, ' --force')}")
    else:
        yield ok("registration", until)


def _others(case: Case) -> Iterator[Finding]:
    """Tokens beside the session's own: of the same start URL, and such as are of no use to anybody."""
    assert case.session is not None
    own = case.token
    shared_with_own = {own.access_token} if own else set()
    for token in case.cache.list():
        if token.access_token in shared_with_own:
            continue
        title = token.session_name or token.start_url or "an unknown sign-in"
        key = SessionKey(token.start_url, token.session_name)
        if token.start_url == case.session.start_url:
            yield warn(
                _CHECK,
                f"{key.primary}.json holds another token of this start URL ({title}): {_held(case, token).text}",
                f"tools that read {key.primary}.json act as {title}; `postern logout --all` ends both",
            )
        elif not _held(case, token).is_live:
            yield warn(
                _CHECK,
                f"{key.primary}.json ({title}) is of no use any more: {_held(case, token).text}",
                "`postern logout --all` forgets it",
            )
