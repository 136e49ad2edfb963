"""`postern token`, `status` and `logout`, with a cache on disk and a stub for the service. Signing in is in
test_whole_trip.py.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from postern.client.token_cache import SessionKey
from tests.cli.desk import ACCESS_TOKEN, COSTLY, REGION, SECRETS, START_URL, Desk
from tests.cli.stub import Answer, Stub, refusal, serving

NEW_TOKEN = {"accessToken": "aoaNewAccess", "tokenType": "Bearer", "expiresIn": 3600, "refreshToken": "aorNewRefresh"}


@pytest.fixture
def service(desk: Desk) -> Iterator[Stub]:
    with serving() as stub:
        stub.answers = {"/token": Answer(members=NEW_TOKEN), "/logout": Answer()}
        desk.use_session(stub.url)
        yield stub


# token


def test_a_good_token_is_printed_and_nothing_else(desk: Desk, service: Stub) -> None:
    desk.keep_token()
    assert desk("token") == (0, f"{ACCESS_TOKEN}\n", "")
    assert desk("token", "--session", "lab").out == desk("token", "--profile", "lab").out == f"{ACCESS_TOKEN}\n"
    assert service.asked == []


def test_json_adds_what_a_program_wants_to_know(desk: Desk, service: Stub) -> None:
    token = desk.keep_token()
    assert desk("token", "--json").json == {
        "access_token": ACCESS_TOKEN,
        "session": "lab",
        "start_url": START_URL,
        "region": REGION,
        "expires_at": int(token.expires_at),
        "refreshable": True,
    }


@pytest.mark.parametrize(
    "expires_in, arguments, is_refreshed",
    [
        (3600, (), False),
        (3600, ("--min-ttl", "30m"), False),
        (600, ("--min-ttl", "590"), False),
        (600, ("--min-ttl", "610"), True),
        (200, (), True),
        (-10, (), True),
    ],
)
def test_a_token_is_refreshed_when_it_has_too_little_left(
    desk: Desk, service: Stub, expires_in: float, arguments: tuple[str, ...], is_refreshed: bool
) -> None:
    desk.keep_token(expires_in=expires_in)
    outcome = desk("token", *arguments)
    assert outcome.code == 0
    assert outcome.out == ("aoaNewAccess\n" if is_refreshed else f"{ACCESS_TOKEN}\n")
    assert service.paths == (["/token"] if is_refreshed else [])
    assert desk("token").out == outcome.out


@pytest.mark.parametrize("expires_in", [600, 3600])
def test_a_token_that_lives_shorter_than_is_asked_for_is_no_token(desk: Desk, service: Stub, expires_in: float) -> None:
    desk.keep_token(expires_in=expires_in)
    for _ in range(2):  # the second time within the pause between two refreshes
        outcome = desk("token", "--min-ttl", "2h")
        assert outcome == (1, "", "postern: tokens of this service live 3600 s: none has 7200 s left\n")
    assert service.paths == ["/token"]
    assert desk("token", "--min-ttl", "59m").out == "aoaNewAccess\n"


def test_login_does_not_settle_for_a_shorter_token_either(desk: Desk, service: Stub) -> None:
    desk.keep_token(expires_in=600)
    outcome = desk("login", "--min-ttl", "2h")
    assert outcome == (1, "", "postern: tokens of this service live 3600 s: none has 7200 s left\n")


def test_an_old_token_that_is_used_for_want_of_a_new_one_is_told(desk: Desk, service: Stub) -> None:
    service.answers["/token"] = Answer(503, "oops")
    desk.set(AWS_MAX_ATTEMPTS="1")
    desk.keep_token(expires_in=200)
    outcome = desk("token")
    assert (outcome.code, outcome.out) == (0, f"{ACCESS_TOKEN}\n")
    assert outcome.err.startswith("postern: the token could not be refreshed, the old one is used: ")
    assert len(outcome.err.splitlines()) == 1


@pytest.mark.parametrize("answer", [Answer(503, "oops"), Answer(404, "<h1>", {"Content-Type": "text/html"})])
def test_what_is_no_refusal_by_name_is_exit_code_5(desk: Desk, service: Stub, answer: Answer) -> None:
    service.answers["/token"] = answer
    desk.set(AWS_MAX_ATTEMPTS="1")
    desk.keep_token(expires_in=-10)
    outcome = desk("token")
    assert outcome.code == 5
    assert f"the service answers with HTTP status {answer.status}" in outcome.complaint
    assert "postern doctor" in outcome.complaint


def test_a_refresh_goes_to_the_endpoint_of_the_profile(desk: Desk, service: Stub) -> None:
    desk.keep_token(expires_in=-10)
    desk("token")
    (asked,) = service.asked
    assert json.loads(asked.body)["grantType"] == "refresh_token"


@pytest.mark.parametrize(
    "prepare, advice",
    [
        (lambda desk: None, "postern login --session lab"),
        (lambda desk: desk.keep_token(expires_in=-10, refreshable=False), "postern login --session lab"),
        (lambda desk: desk.keep_token(expires_in=-10, registered_for=-10), "postern login --session lab"),
    ],
    ids=["nobody signed in", "not refreshable", "registration over"],
)
def test_token_never_signs_in_by_itself(desk: Desk, service: Stub, prepare: object, advice: str) -> None:
    prepare(desk)  # type: ignore[operator]
    outcome = desk("token")
    assert outcome.code == 4
    assert advice in outcome.complaint
    assert service.asked == []


def test_a_refused_refresh_needs_a_sign_in(desk: Desk, service: Stub) -> None:
    service.answers["/token"] = refusal("InvalidGrantException", "invalid_grant")
    desk.keep_token(expires_in=-10)
    assert desk("token").code == 4


def test_a_service_that_cannot_be_reached_is_exit_code_5(desk: Desk) -> None:
    desk.set(AWS_MAX_ATTEMPTS="1")
    desk.use_session("http://127.0.0.1:9")
    desk.keep_token(expires_in=-10)
    outcome = desk("token")
    assert outcome.code == 5
    assert "127.0.0.1:9" in outcome.complaint
    assert "postern doctor" in outcome.complaint


def test_a_token_from_a_warm_cache_imports_hardly_anything(desk: Desk) -> None:
    desk.use_session()
    desk.keep_token()
    assert desk.imports("token") & (COSTLY | {"cryptography"}) == set()


# status


def test_status_of_nothing_says_what_to_do(desk: Desk) -> None:
    assert desk("status") == (
        4,
        "no sign-in is configured and none is cached; next: postern configure sso\n",
        "",
    )
    assert desk("status", "--json").json == []


def test_status_shows_configured_and_cached_sign_ins(desk: Desk) -> None:
    desk.use_session()
    token = desk.keep_token()
    desk.keep_token(
        name=None, start_url="https://old.example/start", expires_in=-99, refreshable=False, access_token="x"
    )
    configured, cached = desk("status", "--json").json
    assert configured == {
        "token": desk.cache.path(SessionKey(START_URL, "lab").primary),
        "session": "lab",
        "start_url": START_URL,
        "region": REGION,
        "profile": "lab",
        "configured": True,
        "signed_in": True,
        "expires_at": int(token.expires_at),
        "refreshable": True,
        "registration_expires_at": int(token.registration_expires_at or 0),
    }
    assert (cached["session"], cached["configured"], cached["signed_in"]) == (None, False, False)
    assert desk("status").out.splitlines()[0].split() == ["SESSION", "START", "URL", "REGION", "SIGNED", "IN", "TOKEN"]


def test_a_sign_in_without_a_name_is_shown_by_its_profile(desk: Desk) -> None:
    desk.configure(f"[profile old]\nsso_start_url = {START_URL}\nsso_region = {REGION}\n")
    desk.keep_token(name=None)
    assert desk("status").out.splitlines()[1].startswith(f"(profile old)  {START_URL}  {REGION}  until 20")
    assert desk("token").out == f"{ACCESS_TOKEN}\n"


@pytest.mark.parametrize(
    "expires_in, refreshable, code, said",
    [
        (3600, True, 0, "until 20"),
        (3600, False, 0, "until 20"),
        (-10, True, 0, "expired, refreshable"),
        (-10, False, 4, "expired"),
    ],
)
def test_the_exit_code_of_status_is_whether_a_program_gets_a_token(
    desk: Desk, expires_in: float, refreshable: bool, code: int, said: str
) -> None:
    desk.use_session()
    desk.keep_token(expires_in=expires_in, refreshable=refreshable)
    for arguments in ((), ("--session", "lab")):
        outcome = desk("status", *arguments)
        assert (outcome.code, said in outcome.out) == (code, True)


def test_status_of_one_that_is_not_signed_in_is_exit_code_4(desk: Desk) -> None:
    desk.use_session()
    desk.keep_token(name=None, start_url="https://other.example/start")
    assert desk("status", "--session", "lab").code == 4
    assert desk("status").code == 0


def test_what_a_terminal_would_act_upon_is_not_printed(desk: Desk) -> None:
    desk.keep_token(name=None, start_url="https://x.example/\x1b[2J")
    assert "\x1b" not in desk("status").out


# logout


def test_logout_ends_the_sign_in_at_the_service_and_forgets_the_token(desk: Desk, service: Stub) -> None:
    desk.keep_token()
    assert desk("logout") == (0, "signed out of lab\n", "")
    (asked,) = service.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/logout", b"{}")
    assert asked.headers["x-amz-sso_bearer_token"] == ACCESS_TOKEN
    assert desk.cache.list() == []
    assert list(desk.cache_folder.glob("*.json")) == []


def test_logout_of_an_expired_token_refreshes_it_so_that_the_service_knows_what_to_end(
    desk: Desk, service: Stub
) -> None:
    desk.keep_token(expires_in=-10)
    assert desk("logout", "--json").json == [{"session": "lab", "start_url": START_URL, "ended_at_service": True}]
    assert service.paths == ["/token", "/logout"]
    assert service.asked[-1].headers["x-amz-sso_bearer_token"] == "aoaNewAccess"
    assert list(desk.cache_folder.glob("*.json")) == []


@pytest.mark.parametrize(
    "answer, told",
    [
        (Answer(), ""),
        (refusal("UnauthorizedException", "x", 401), ""),
        (Answer(401, "who are you?"), ""),
        (refusal("TooManyRequestsException", "x", 429), "may go on at the service"),
        (
            Answer(403, {}, {"x-amzn-ErrorType": "ForbiddenException"}),
            "may go on at the service; the service refused: ForbiddenException (No access)",
        ),
        (Answer(500, "oops"), "may go on at the service"),
    ],
)
def test_what_the_service_says_to_a_logout_is_told_and_the_token_is_forgotten(
    desk: Desk, service: Stub, answer: Answer, told: str
) -> None:
    service.answers["/logout"] = answer
    desk.keep_token()
    outcome = desk("logout")
    assert (outcome.code, outcome.out) == (0, "signed out of lab\n")
    assert (told in outcome.err, bool(outcome.err)) == (True, bool(told))
    assert desk.kept() is None


def test_logout_without_the_service_forgets_the_token(desk: Desk) -> None:
    desk.use_session("http://127.0.0.1:9")
    desk.keep_token()
    outcome = desk("logout")
    assert (outcome.code, desk.kept()) == (0, None)
    assert "lab may go on at the service" in outcome.err


def test_logout_of_all_ends_each(desk: Desk, service: Stub) -> None:
    desk.keep_token()
    desk.keep_token(name=None, start_url=START_URL.replace("lab", "old"), access_token="aoaOther")
    desk.set(AWS_ENDPOINT_URL=service.url)
    assert len(desk("logout", "--all", "--json").json) == 2
    assert {asked.headers["x-amz-sso_bearer_token"] for asked in service.asked} == {ACCESS_TOKEN, "aoaOther"}
    assert desk.cache.list() == []


def test_logout_leaves_other_sign_ins_and_registrations_alone(desk: Desk, service: Stub) -> None:
    desk.keep_token()
    desk.keep_token(name="other", start_url="https://other.example/start", access_token="aoaOther")
    registration = desk.cache_folder / f"{'a' * 40}.json"
    registration.write_text('{"clientId": "c", "clientSecret": "s", "expiresAt": "2099-01-01T00:00:00Z"}')
    desk("logout", "--session", "lab")
    assert [token.access_token for token in desk.cache.list()] == ["aoaOther"]
    assert registration.exists()


@pytest.mark.parametrize("arguments", [(), ("--session", "lab"), ("--all",)])
@pytest.mark.parametrize("content", ['{"accessToken": "aoaSecretAcc', '{"refreshToken": "aorSecretRefresh"}', "{}"])
def test_what_cannot_be_read_does_not_survive_a_logout(
    desk: Desk, service: Stub, content: str, arguments: tuple[str, ...]
) -> None:
    file = Path(desk.cache.path(SessionKey(START_URL, "lab").primary))
    desk.keep_token()
    file.write_text(content)
    outcome = desk("logout", *arguments)
    assert (outcome.code, "signed out of lab" in outcome.out) == (0, True)
    assert "lab may go on at the service" in outcome.err
    assert not file.exists()


def test_logout_of_a_session_that_was_moved_forgets_its_old_token(desk: Desk, service: Stub) -> None:
    desk.keep_token(start_url="https://old.awsapps.com/start")
    outcome = desk("logout", "--session", "lab", "--json")
    assert [each["ended_at_service"] for each in outcome.json] == [False]
    assert service.asked == []  # it is of another service than the one that is configured now
    assert desk.cache.list() == []


def test_logout_of_nothing_makes_no_folder(desk: Desk) -> None:
    desk.use_session()
    assert desk("logout") == (0, "no sign-in is cached: nothing to do\n", "")
    assert not desk.cache_folder.exists()


def test_logout_of_nothing_has_nothing_to_do(desk: Desk, service: Stub) -> None:
    assert desk("logout") == (0, "no sign-in is cached: nothing to do\n", "")
    assert desk("logout", "--all").code == 0
    assert service.asked == []


def test_logout_of_all_and_of_one_is_wrong_usage(desk: Desk, service: Stub) -> None:
    assert desk("logout", "--all", "--session", "lab").code == 2


# All of them


@pytest.mark.parametrize(
    "arguments, code",
    [
        (("token", "--session", "nobody"), 2),
        (("token", "--cache", "nonsense"), 2),
        (("token", "--min-ttl", "soon"), 2),
        (("token", "--min-ttl", "-1"), 2),
        (("login", "--callback-port", "70000"), 2),
        (("login", "--callback-port", "abc"), 2),
        (("login", "--start-url", "https://x.example/start"), 2),
        (("status", "--profile", "nobody"), 2),
        (("logout", "--session", "nobody"), 2),
    ],
)
def test_wrong_usage_and_configuration_are_exit_code_2(desk: Desk, arguments: tuple[str, ...], code: int) -> None:
    desk.use_session()
    assert desk(*arguments).code == code


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("--callback-port", "abc"), "'abc' is no port: a number up to 65535"),
        (("--callback-port", "-1"), "'-1' is no port: a number up to 65535"),
        (("--min-ttl", "soon"), "'soon' is no time, in seconds or with a unit: 90, 90s, 15m, 2h"),
        (("--timeout", "1d"), "'1d' is no time, in seconds or with a unit: 90, 90s, 15m, 2h"),
    ],
)
def test_what_cannot_be_is_said_in_words(desk: Desk, arguments: tuple[str, ...], said: str) -> None:
    assert said in desk("login", *arguments).err


def test_help_says_units_and_defaults(desk: Desk) -> None:
    help_ = " ".join(desk("login", "--help").out.split())
    assert "90, 90s, 15m, 2h (default: 10m; 0: for ever)" in help_
    assert "90, 90s, 15m, 2h (default: 0)" in help_


@pytest.mark.parametrize("arguments", [(), ("configure",)])
def test_help_has_each_command_on_one_line(desk: Desk, arguments: tuple[str, ...]) -> None:
    desk.set(COLUMNS="200")
    text = desk(*arguments, "--help").out.partition("COMMAND\n")[2].partition("\n\n")[0]
    assert all(len(line.split(maxsplit=1)) == 2 for line in text.splitlines())


@pytest.mark.parametrize("command", ["status", "logout", "doctor"])
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_no_secret_is_printed(desk: Desk, service: Stub, command: str, more: tuple[str, ...]) -> None:
    desk.keep_token()
    outcome = desk(command, *more)
    assert not [secret for secret in SECRETS if secret in outcome.out + outcome.err]


def test_a_cache_folder_of_one_s_own_is_used(desk: Desk, service: Stub) -> None:
    desk.keep_token()
    elsewhere = desk.home / "elsewhere"
    desk.cache_folder.rename(elsewhere)
    assert desk("token").code == 4
    assert desk("token", "--cache", f"aws:{elsewhere}").out == f"{ACCESS_TOKEN}\n"
    desk.set(POSTERN_TOKEN_CACHE=f"aws:{elsewhere}")
    assert desk("token").out == f"{ACCESS_TOKEN}\n"


def test_times_are_given_in_seconds_minutes_or_hours(desk: Desk, service: Stub) -> None:
    desk.keep_token(expires_in=1000)
    started = time.time()
    for span, code in (("15m", 0), ("900s", 0), ("0.25h", 0)):
        assert desk("token", "--min-ttl", span).code == code
    assert service.asked == []
    assert time.time() - started < 60
