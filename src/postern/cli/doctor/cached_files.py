"""The token cache: what is in the files that count, what is left in others, who can read them."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from postern.cli.doctor.findings import Case, Finding, login_command, ok, problem, warn
from postern.cli.output import utc
from postern.cli.sign_ins import is_refreshable
from postern.client.token_cache import FileTokenCache, SessionKey
from postern.client.token_cache.entries import UnreadableEntry, read_token

if TYPE_CHECKING:
    from postern.client.token_cache import CachedToken, TokenCache

_CHECK = "token cache"
_SOON = 7 * 86400


class Held(NamedTuple):
    """What a file holds, in words, and whether a tool can work with it."""

    text: str
    is_live: bool


def examine(case: Case) -> Iterator[Finding]:
    folder = path_of(case.cache, "")
    yield ok(_CHECK, f"tokens are kept in {folder}" if folder else f"tokens are kept in {type(case.cache).__name__}")
    yield from _problems(case)
    if case.session is not None:
        yield from _files(case)
        yield from _token(case)
        yield from _registration(case)
        yield from _others(case)
    yield from _keyring(case)


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
        refreshable = ", refreshable" if is_refreshable(token) else ", not refreshable"
        return Held(f"a token good until {utc(token.expires_at)}{refreshable}", is_live=True)
    if is_refreshable(token):
        return Held(f"a token that expired {utc(token.expires_at)} and can be refreshed", is_live=True)
    return Held(f"a token that expired {utc(token.expires_at)}", is_live=False)


def _problems(case: Case) -> Iterator[Finding]:
    """A problem if it keeps the session's own token from being used or written, else a warning."""
    keys = [case.session.key] if case.session else []
    own = keys[0].primary if keys else "-"
    for place, reason in case.cache.problems(keys):
        text, colon, remedy = reason.partition(": chmod")
        advice = f"chmod{remedy}" if colon else f"remove {place} if nothing needs it, or run `postern login`"
        yield (problem if own in place or "everybody" in text else warn)(_CHECK, f"{place}: {text}", advice)


def _files(case: Case) -> Iterator[Finding]:
    assert case.session is not None
    if path_of(case.cache, "") is None:
        return
    names = ("the start URL",) if case.session.name is None else ("the session name", "the start URL")
    for name, digest in zip(names, case.session.key.digests, strict=True):
        yield ok(_CHECK, f"under the SHA-1 of {name}, {digest}.json: {contents(case, digest).text}")


def _token(case: Case) -> Iterator[Finding]:
    assert case.session is not None
    token = case.cache.load(case.session.key)
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
    token = case.cache.load(case.session.key)
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
    own = case.cache.load(case.session.key)
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
                "tools that read that file act as that sign-in; `postern logout --all` ends them all",
            )
        elif not _held(case, token).is_live:
            yield warn(
                _CHECK,
                f"{key.primary}.json ({title}) is of no use any more: {_held(case, token).text}",
                "`postern logout --all` forgets it",
            )


def _keyring(case: Case) -> Iterator[Finding]:
    from importlib.util import find_spec

    if find_spec("keyring") is None:
        yield ok(
            "keyring", "not installed: tokens are kept in files", "for the keyring: pip install 'postern[keyring]'"
        )
        return
    import keyring

    backend = keyring.get_keyring()
    name = f"{type(backend).__module__}.{type(backend).__qualname__}"
    if backend.priority <= 0:
        yield ok("keyring", "this machine has none that can be used: tokens are kept in files")
    else:
        yield ok("keyring", f"{name} can be used (--cache keyring)")
