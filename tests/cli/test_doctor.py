"""`postern doctor`: a sound desk, and a table of broken ones, each with what is found and what is advised."""

import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from postern.cli.doctor.start_url import is_accepted
from postern.client.token_cache import SessionKey
from tests.cli.certificates import made
from tests.cli.desk import START_URL, Desk
from tests.cli.stub import Answer, Stub, refusal, serving

AS_SSO_OIDC = refusal("InvalidRequestException", "invalid_request")


@pytest.fixture
def service() -> Iterator[Stub]:
    with serving() as stub:
        stub.answers = {"/token": AS_SSO_OIDC}
        yield stub


@pytest.fixture
def sound(desk: Desk, service: Stub) -> Desk:
    """Somebody is signed in, and all is well."""
    desk.use_session(service.url)
    desk.config_file.chmod(0o600)
    desk.keep_token()
    desk.set(AWS_MAX_ATTEMPTS="1")
    return desk


def findings(desk: Desk, *arguments: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = desk("doctor", *arguments, "--json").json["findings"]
    return found


def found(desk: Desk, check: str, severity: str, *arguments: str) -> list[str]:
    """The findings of that kind: text and advice."""
    return [
        f"{each['text']} -> {each['advice']}"
        for each in findings(desk, *arguments)
        if (each["check"], each["severity"]) == (check, severity)
    ]


def append(file: Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text((file.read_text() if file.exists() else "") + text)


def primary(desk: Desk) -> Path:
    return Path(desk.cache.path(SessionKey(START_URL, "lab").primary))


def by_url(desk: Desk) -> Path:
    return Path(desk.cache.path(SessionKey(START_URL).primary))


def test_a_sound_sign_in_has_no_problem(sound: Desk) -> None:
    outcome = sound("doctor")
    assert outcome.code == 0
    assert outcome.out.endswith("no problem found\n")
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


def test_each_tool_is_shown_with_the_file_that_it_reads(sound: Desk) -> None:
    by_name, by_start_url = (text for text in found(sound, "tools", "ok"))
    assert by_name.startswith(f"{primary(sound).name} is read by AWS CLI v2 (2.13 or newer), boto3, ")
    assert by_start_url.startswith(f"{by_url(sound).name} is read by aws-sso-lib, aws-sso-util: a token good until")
    assert any("JavaScript v2" in text and "pass endpoint" in text for text in found(sound, "tools", "warn"))


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
        "sign-in", "problem", "there are several sign-ins: add --session with one of a, b",
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
        "token cache", "problem", "everybody may write to it, so we do not -> chmod o-w",
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
def test_what_is_broken_is_found_and_advised_on(sound: Desk, service: Stub, name: str) -> None:
    break_it, check, severity, text = BROKEN[name]
    before = found(sound, check, severity)
    break_it(sound, service)
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
    desk: Desk, service: Stub, prepare: Callable[[Desk, str], object], arguments: tuple[str, ...], origin: str
) -> None:
    desk.use_session()
    prepare(desk, service.url)
    given = (*arguments, service.url) if arguments else ()
    assert f"sign-in (sso_oidc) at {service.url}: {origin} -> " in found(desk, "endpoint", "ok", *given)


@pytest.mark.parametrize(
    "days, trusts, severity, text",
    [
        (365, True, "ok", "trusted by AWS_CA_BUNDLE"),
        (365, False, "problem", "not trusted by the system's authorities"),
        (5, True, "warn", "issued by CN=Lab Authority, is good until"),
        (-5, True, "problem", "it has expired"),
    ],
)
def test_a_certificate_is_shown_with_who_trusts_it(
    desk: Desk, tmp_path: Path, days: float, trusts: bool, severity: str, text: str
) -> None:
    certificate = made(tmp_path, valid_for=days)
    with serving(certificate.server) as stub:
        stub.answers = {"/token": AS_SSO_OIDC}
        desk.use_session(stub.url)
        desk.set(AWS_MAX_ATTEMPTS="1", **({"AWS_CA_BUNDLE": str(certificate.authority)} if trusts else {}))
        assert any(text in each for each in found(desk, "certificate", severity))
        is_good = trusts and days > 0
        assert bool(found(desk, "service", "ok")) == is_good
        assert desk("doctor").code == (0 if is_good else 1)


def test_a_profile_that_there_is_not_does_not_end_the_examination(desk: Desk) -> None:
    desk.configure(f"[sso-session lab]\nsso_start_url = {START_URL}\nsso_region = us-east-1\n")
    desk.set(AWS_PROFILE="gone")
    assert desk("doctor").code == 1
    assert "'gone'" in found(desk, "endpoint", "problem")[0]


def test_a_certificate_behind_a_proxy_is_not_judged(desk: Desk) -> None:
    desk.use_session("https://sso.example.test")
    desk.set(HTTPS_PROXY="http://127.0.0.1:9", AWS_MAX_ATTEMPTS="1")
    assert any("127.0.0.1:9 stands in between" in each for each in found(desk, "certificate", "ok"))


def test_the_password_of_a_proxy_is_not_shown(sound: Desk, service: Stub) -> None:
    sound.set(HTTP_PROXY=service.url.replace("http://", "http://user:hunter2@"))
    outcome = sound("doctor")
    assert "hunter2" not in outcome.out + outcome.err


def test_no_tls_where_tls_is_expected_is_a_problem(desk: Desk, service: Stub) -> None:
    desk.use_session(service.url.replace("http:", "https:"))
    desk.set(AWS_MAX_ATTEMPTS="1")
    assert found(desk, "certificate", "problem")


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


def test_colour_is_for_terminals_only(sound: Desk) -> None:
    assert "\x1b" not in sound("doctor").out


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
