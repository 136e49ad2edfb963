"""`postern doctor`: a sound desk, and a table of broken ones, each with what is found and what is advised."""

import shlex
import shutil
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from postern.cli.doctor.start_url import is_accepted
from tests.cli.desk import START_URL, Desk
from tests.cli.examining import AS_SSO_OIDC, append, by_url, findings, found, primary, problems
from tests.cli.stub import Answer, Stub


def test_a_sound_sign_in_has_no_problem(sound: Desk) -> None:
    outcome = sound("doctor")
    assert outcome.code == 0
    assert outcome.out.endswith("no problem, 5 warnings\n")
    assert {each["severity"] for each in findings(sound) if each["check"] != "tools"} == {"ok"}


def test_the_report_for_programs(sound: Desk) -> None:
    report = sound("doctor", "--json").json
    assert (report["session"], report["start_url"], report["sound"]) == ("lab", START_URL, True)
    assert {each["check"] for each in report["findings"]} == {
        "configuration", "token cache", "sign-in", "registration", "keyring", "start URL", "endpoint", "proxy",
        "service", "clock", "tools",
    }  # fmt: skip
    assert all(set(each) == {"check", "severity", "text", "advice"} for each in report["findings"])
    assert all(each["advice"] for each in report["findings"] if each["severity"] != "ok")


def test_both_names_of_the_token_are_shown_with_what_is_in_them(sound: Desk) -> None:
    texts = found(sound, "token cache", "ok")
    assert any(primary(sound).name in text and "refreshable" in text for text in texts)
    assert any(by_url(sound).name in text and "not refreshable" in text for text in texts)


Broken = Callable[[Desk, Stub], object]

BROKEN: dict[str, tuple[Broken, str, str, str]] = {
    "no configuration": (
        lambda desk, _: desk.config_file.unlink(),
        "sign-in", "problem", "no sign-in is configured: run `postern configure sso`",
    ),
    "no configuration file": (
        lambda desk, _: desk.config_file.unlink(),
        "configuration", "warn", "postern configure sso",
    ),
    "a file that makes no sense": (
        lambda desk, _: desk.configure("nonsense\n"),
        "configuration", "problem", "line 1: a setting before the first [section]",
    ),
    "several sign-ins": (
        lambda desk, _: desk.configure("[sso-session a]\nsso_region=x\n[sso-session b]\nsso_region=x\n"),
        "sign-in", "problem", "there are several sign-ins: choose a session: a, b",
    ),
    "others may write the configuration": (
        lambda desk, _: desk.config_file.chmod(0o666),
        "configuration", "problem", "chmod go-w",
    ),
    "others may read the credentials": (
        lambda desk, _: append(desk.home / ".aws" / "credentials", "[x]\n"),
        "configuration", "warn", "chmod 600",
    ),
    "a profile in the environment that there is not": (
        lambda desk, _: desk.set(AWS_PROFILE="gone"),
        "configuration", "problem", "AWS_PROFILE names profile gone, and there is none",
    ),
    "two profiles in the environment": (
        lambda desk, _: desk.set(AWS_PROFILE="lab", AWS_DEFAULT_PROFILE="other"),
        "configuration", "warn", "AWS_DEFAULT_PROFILE (other) and AWS_PROFILE (lab) differ",
    ),
    "half an sso-session": (
        lambda desk, _: append(desk.config_file, "[sso-session half]\nsso_region = x\n[default]\nsso_session = lab\n"),
        "configuration", "problem", "[sso-session half] has no sso_start_url -> run `postern configure sso",
    ),
    "a profile of no session": (
        lambda desk, _: append(desk.config_file, "[profile p]\nsso_session = gone\n"),
        "configuration", "problem", "profile p names sso-session gone, and there is none",
    ),
    "a profile of no services": (
        lambda desk, _: append(desk.config_file, "[profile p]\nservices = gone\n"),
        "configuration", "problem", "profile p names services gone, and there is no such section",
    ),
    "a profile that contradicts its session": (
        lambda desk, _: append(desk.config_file, "[default]\nsso_session = lab\nsso_start_url = https://x\n"),
        "configuration", "problem", "profile default has another sso_start_url than its sso-session lab",
    ),
    "nobody signed in": (
        lambda desk, _: primary(desk).unlink(),
        "sign-in", "warn", "nobody is signed in to lab -> run `postern login --session lab`",
    ),
    "an old sign-in": (
        lambda desk, _: desk.keep_token(expires_in=-99, refreshable=False),
        "sign-in", "warn", "a token that expired",
    ),
    "a registration that is over": (
        lambda desk, _: desk.keep_token(registered_for=-99),
        "registration", "warn", "any more -> run `postern login --session lab --force`",
    ),
    "a registration that is over soon": (
        lambda desk, _: desk.keep_token(registered_for=86400),
        "registration", "warn", "renew it at a good time",
    ),
    "a token file that is no JSON": (
        lambda desk, _: primary(desk).write_text('{"accessTok'),
        "token cache", "problem", "it is not JSON",
    ),
    "another tool's file that is no JSON": (
        lambda desk, _: append(desk.cache_folder / f"{'a' * 40}.json", "nonsense"),
        "token cache", "warn", "it is not JSON",
    ),
    "a token file that others may read": (
        lambda desk, _: primary(desk).chmod(0o644),
        "token cache", "problem", "others may read it -> chmod 600",
    ),
    "a cache that everybody may write to": (
        lambda desk, _: desk.cache_folder.chmod(0o777),
        "token cache", "problem", "everybody may write to it, so we do not, and nobody can sign in -> chmod o-w",
    ),
    "a token of another start URL": (
        lambda desk, _: desk.keep_token(start_url="https://other.awsapps.com/start"),
        "token cache", "problem", f"it is of another start URL than {START_URL}",
    ),
    "another token of the same start URL": (
        lambda desk, _: desk.keep_token(name="twin", access_token="aoaTwin"),
        "token cache", "warn", "holds another token of this start URL (twin)",
    ),
    "a token of no use": (
        lambda desk, _: desk.keep_token(
            name="old", start_url="https://old", expires_in=-9, refreshable=False, access_token="x"
        ),
        "token cache", "warn", "(old) is of no use any more",
    ),
    "a comment behind the start URL": (
        lambda desk, stub: desk.use_session(stub.url, start_url=f"{START_URL}   # mine"),
        "start URL", "problem", "is no http(s) URL -> correct sso_start_url; a comment must stand on a line of its own",
    ),
    "a start URL that is none": (
        lambda desk, stub: desk.use_session(stub.url, start_url="lab.awsapps.com/start"),
        "start URL", "problem", "is no http(s) URL",
    ),
    "a start URL that cannot be taken apart": (
        lambda desk, stub: desk.use_session(stub.url, start_url="https://[x/start"),
        "start URL", "problem", "is no http(s) URL",
    ),
    "a section whose name is two words": (
        lambda desk, _: append(desk.config_file, "[sso-session my corp]\nsso_region = x\n"),
        "configuration", "warn", ('[sso-session my corp] is read by no tool: its name is to be one word -> '
        'write [sso-session "my corp"]'),
    ),
    "a section without a name": (
        lambda desk, _: append(desk.config_file, "[profile]\nregion = x\n"),
        "configuration", "warn", "[profile] is read by no tool",
    ),
    "profiles of one session that lead to different places": (
        lambda desk, _: append(desk.config_file, "[default]\nsso_session = lab\nendpoint_url = https://x.example\n"),
        "configuration", "warn", "default to https://x.example -> give them the same `services`",
    ),
    "a file in the way of the cache": (
        lambda desk, _: both(lambda: shutil.rmtree(desk.cache_folder.parent), desk.cache_folder.parent.touch),
        "token cache", "problem", "sso is no folder: nobody can sign in -> move ",
    ),
    "a folder above the cache that everybody may write to": (
        lambda desk, _: both(lambda: shutil.rmtree(desk.cache_folder.parent), lambda: desk.home.chmod(0o777)),
        "token cache", "problem", "home: everybody may write to it, so we do not, and nobody can sign in -> chmod o-w",
    ),
    "an endpoint without a scheme": (
        lambda desk, stub: desk.use_session(stub.url.removeprefix("http://")),
        "endpoint", "problem", "has no scheme: other tools refuse it -> write http:// or https:// before it",
    ),
    "two hosts for one service": (
        lambda desk, _: desk.set(AWS_ENDPOINT_URL_SSO="https://portal.example"),
        "endpoint", "warn", "that is another host than the one that signs in",
    ),
    "a start URL that is not https": (
        lambda desk, stub: desk.use_session(stub.url, start_url="http://127.0.0.1:8765/start"),
        "start URL", "warn", "is not https: the AWS CLI from 2.35.13 on refuses it",
    ),
    "a start URL of one's own": (
        lambda desk, stub: desk.use_session(stub.url, start_url="https://sso.example.org/start"),
        "start URL", "warn", "is not of a host that AWS owns",
    ),
    "an endpoint for one of two services": (
        lambda desk, stub: both(desk.use_session, lambda: desk.set(AWS_ENDPOINT_URL_SSO_OIDC=stub.url)),
        "endpoint", "problem", "another service than the one that signs in -> configure an endpoint for sso too",
    ),
    "an endpoint that is no URL": (
        lambda desk, _: desk.set(AWS_ENDPOINT_URL="ftp://x"),
        "endpoint", "problem", "is not an http or https URL",
    ),
    "configured endpoints that are switched off": (
        lambda desk, stub: desk.set(AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="true", HTTPS_PROXY="127.0.0.1:9"),
        "endpoint", "warn", "configured endpoints count for nothing",
    ),
    "a proxy before this machine": (
        lambda desk, stub: desk.set(HTTP_PROXY=stub.url.replace("http://", "http://user:word@")),
        "proxy", "problem", "add 127.0.0.1 to NO_PROXY",
    ),
    "a proxy that cannot be": (
        lambda desk, stub: desk.set(HTTP_PROXY="socks5://127.0.0.1:1"),
        "proxy", "problem", "HTTP_PROXY",
    ),
    "nothing that answers": (
        lambda desk, _: desk.use_session("http://127.0.0.1:9"),
        "service", "problem", "127.0.0.1:9",
    ),
    "something else that answers": (
        lambda _, stub: stub.answers.clear(),
        "service", "problem", "is no SSO OIDC service (status 404, text/html)",
    ),
    "a clock that is a little off": (
        lambda _, stub: stub.answers.update({"/token": dated(-120)}),
        "clock", "warn", "s ahead of the service -> set the clock",
    ),
    "a clock that is far off": (
        lambda _, stub: stub.answers.update({"/token": dated(1000)}),
        "clock", "problem", "s behind the service: signed requests are refused",
    ),
    "a profile of the older form that finds nothing": (
        lambda desk, _: both(
            lambda: append(desk.config_file, f"[profile old]\nsso_start_url = {START_URL}\nsso_region = us-east-1\n"),
            by_url(desk).unlink,
        ),
        "tools", "warn", "profiles without sso_session (old) read",
    ),
}  # fmt: skip


def both(first: Callable[[], object], second: Callable[[], object]) -> None:
    first()
    second()


def dated(ahead: float) -> Answer:
    return AS_SSO_OIDC._replace(headers={**AS_SSO_OIDC.headers, "Date": formatdate(time.time() + ahead, usegmt=True)})


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_found_and_advised_on(sound: Desk, sso_oidc: Stub, name: str) -> None:
    break_it, check, severity, text = BROKEN[name]
    before = found(sound, check, severity)
    break_it(sound, sso_oidc)
    now_found = found(sound, check, severity)
    assert any(text in each for each in now_found), now_found
    assert not any(text in each for each in before), before
    assert sound("doctor").code == (1 if any(each["severity"] == "problem" for each in findings(sound)) else 0)


@pytest.mark.parametrize(
    "prepare, arguments, origin",
    [
        (lambda desk, url: desk.use_session(url), (), "from [services lab], which profile lab names"),
        (lambda desk, url: desk.set(AWS_ENDPOINT_URL=url), (), "from AWS_ENDPOINT_URL"),
        (lambda desk, url: desk.set(AWS_ENDPOINT_URL_SSO_OIDC=url), (), "from AWS_ENDPOINT_URL_SSO_OIDC"),
        (lambda desk, url: None, ("--endpoint-url",), "given on the command line"),
    ],
)
def test_an_endpoint_is_shown_with_who_set_it(
    desk: Desk, sso_oidc: Stub, prepare: Callable[[Desk, str], object], arguments: tuple[str, ...], origin: str
) -> None:
    desk.use_session()
    prepare(desk, sso_oidc.url)
    given = (*arguments, sso_oidc.url) if arguments else ()
    assert f"sign-in (sso_oidc) at {sso_oidc.url}: {origin} -> " in found(desk, "endpoint", "ok", *given)


def test_a_cache_whose_home_is_a_file_is_a_problem(desk: Desk) -> None:
    (desk.home / ".aws").write_text("in the way")
    assert any("nobody can sign in" in each for each in found(desk, "token cache", "problem"))
    assert desk("doctor", "--start-url", START_URL, "--region", "us-east-1").code == 1


@pytest.mark.parametrize(
    "spec, said", [("encrypted:{folder}", "encrypted files in {folder}"), ("aws:{folder}", "{folder}")]
)
def test_where_tokens_are_kept_is_said_in_words(sound: Desk, tmp_path: Path, spec: str, said: str) -> None:
    sound.set(POSTERN_TOKEN_CACHE_KEY="ab" * 32)
    folder = tmp_path / "tokens"
    assert f"tokens are kept in {said.format(folder=folder)} -> " in found(
        sound, "token cache", "ok", "--cache", spec.format(folder=folder)
    )


@pytest.mark.parametrize("name", ["with blank", "it's"])
def test_a_path_in_a_command_can_be_copied(desk: Desk, name: str) -> None:
    config = desk.home / name / "config"
    append(config, "[default]\nregion = x\n")
    config.chmod(0o666)
    desk.set(AWS_CONFIG_FILE=str(config))
    assert any(f"-> chmod go-w {shlex.quote(str(config))}" in each for each in problems(desk))


def test_a_profile_that_there_is_not_does_not_end_the_examination(desk: Desk) -> None:
    desk.configure(f"[sso-session lab]\nsso_start_url = {START_URL}\nsso_region = us-east-1\n")
    desk.set(AWS_PROFILE="gone")
    assert desk("doctor").code == 1
    assert "'gone'" in found(desk, "endpoint", "problem")[0]


def test_the_password_of_a_proxy_is_not_shown(sound: Desk, sso_oidc: Stub) -> None:
    sound.set(HTTP_PROXY=sso_oidc.url.replace("http://", "http://user:hunter2@"))
    outcome = sound("doctor")
    assert "hunter2" not in outcome.out + outcome.err


@pytest.mark.parametrize(
    "backend, text", [("keyring.backends.fail.Keyring", "none that can be used"), (None, "--cache keyring")]
)
def test_the_keyring_is_looked_at(sound: Desk, monkeypatch: pytest.MonkeyPatch, backend: str | None, text: str) -> None:
    import keyring
    import keyring.backend

    class Safe(keyring.backend.KeyringBackend):
        priority = 5

        def get_password(self, service: str, username: str) -> None:
            return None

        def set_password(self, service: str, username: str, password: str) -> None: ...

        def delete_password(self, service: str, username: str) -> None: ...

    monkeypatch.setattr(keyring, "get_keyring", Safe if backend is None else lambda: load(backend))
    assert text in found(sound, "keyring", "ok")[0]


def load(name: str) -> Any:
    import importlib

    module, _, backend = name.rpartition(".")
    return getattr(importlib.import_module(module), backend)()


@pytest.mark.parametrize(
    "is_terminal, variables, is_colored",
    [
        (True, {}, True),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (False, {}, False),
    ],
)
def test_colour_is_for_terminals_only(
    sound: Desk, monkeypatch: pytest.MonkeyPatch, is_terminal: bool, variables: dict[str, str], is_colored: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    sound.set(TERM="xterm")
    sound.set(**variables)
    monkeypatch.setattr("sys.stdout.isatty", lambda: is_terminal, raising=False)
    assert ("\x1b[32m" in sound("doctor").out) == is_colored


@pytest.mark.parametrize(
    "url, accepted",
    [
        ("https://d-1234567890.awsapps.com/start", True),
        ("https://ssoins-1.portal.us-east-1.app.aws", True),
        ("https://identitycenter.amazonaws.com/ssoins-1", True),
        ("https://lab.awsapps.com.example.org/start", False),
        ("https://notawsapps.com/start", False),
        ("http://lab.awsapps.com/start", False),
        ("https://example.org/.awsapps.com", False),
    ],
)
def test_start_urls_that_the_aws_cli_takes(url: str, accepted: bool) -> None:
    assert is_accepted(url) == accepted
