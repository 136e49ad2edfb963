"""`postern accounts`, `roles`, `credentials`, `exec` and `console`: from a sign-in to what one may be."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.cli.desk import ACCESS_TOKEN, COSTLY, REGION, Desk
from tests.cli.stub import Answer, Stub, serving

ROLE = "/federation/credentials?role_name=Admin&account_id=111122223333"
CONSOLE = "/federation/console?role_name=Admin&account_id=111122223333"
CHOICE = ("--account-id", "111122223333", "--role-name", "Admin")
SECRETS = {"AWS_SECRET_ACCESS_KEY": "secret'key", "AWS_SESSION_TOKEN": "session-token"}


def credentials(life: float = 3600, key_id: str = "ASIAIOSFODNN7EXAMPLE") -> Answer:
    return Answer(
        members={
            "roleCredentials": {
                "accessKeyId": key_id,
                "secretAccessKey": SECRETS["AWS_SECRET_ACCESS_KEY"],
                "sessionToken": SECRETS["AWS_SESSION_TOKEN"],
                "expiration": int((time.time() + life) * 1000),
            }
        }
    )


def refusal(shape: str, status: int) -> Answer:
    return Answer(status, {"message": "said by the portal"}, {"x-amzn-ErrorType": shape})


@pytest.fixture
def service() -> Iterator[Stub]:
    with serving() as stub:
        stub.answers = {
            "/assignment/accounts": Answer(
                members={"accountList": [{"accountId": "1", "accountName": "One"}], "nextToken": "more"}
            ),
            "/assignment/accounts?next_token=more": Answer(
                members={"accountList": [{"accountId": "2", "accountName": "Two\x1b[31m", "emailAddress": "2@x.org"}]}
            ),
            "/assignment/roles?account_id=1": Answer(members={"roleList": [{"roleName": "Admin", "accountId": "1"}]}),
            "/assignment/roles?account_id=2": Answer(
                members={"roleList": [{"roleName": "Admin"}, {"roleName": "Reader"}]}
            ),
            ROLE: credentials(),
        }
        yield stub


@pytest.fixture
def signed_in(desk: Desk, service: Stub) -> Desk:
    desk.use_session(service.url)
    desk.keep_token()
    desk.set(AWS_MAX_ATTEMPTS="1")
    return desk


def test_all_accounts_are_listed(signed_in: Desk, service: Stub) -> None:
    outcome = signed_in("accounts")
    assert outcome.code == 0
    assert outcome.out.splitlines() == [
        "ACCOUNT ID  NAME      E-MAIL",
        "1           One",
        "2           Two\ufffd[31m  2@x.org",
    ]
    assert service.asked[0].headers["x-amz-sso_bearer_token"] == ACCESS_TOKEN
    assert signed_in("accounts", "--json").json[0] == {"account_id": "1", "account_name": "One", "email_address": ""}


def test_all_roles_are_listed_or_those_of_one_account(signed_in: Desk) -> None:
    found = signed_in("roles", "--json").json
    assert [(each["account_id"], each["role_name"]) for each in found] == [
        ("1", "Admin"),
        ("2", "Admin"),
        ("2", "Reader"),
    ]
    assert len(signed_in("roles", "2").out.splitlines()) == 3


def test_who_has_nothing_is_told(signed_in: Desk, service: Stub) -> None:
    service.answers["/assignment/accounts"] = Answer(members={"accountList": []})
    assert signed_in("accounts").out == "no account is assigned to who is signed in\n"
    assert signed_in("roles", "--json").json == []


def test_credentials_are_as_credential_process_wants_them(signed_in: Desk, service: Stub) -> None:
    outcome = signed_in("credentials", *CHOICE)
    assert outcome.code == 0
    found = json.loads(outcome.out)
    assert found == {
        "Version": 1,
        "AccessKeyId": "ASIAIOSFODNN7EXAMPLE",
        "SecretAccessKey": "secret'key",
        "SessionToken": "session-token",
        "Expiration": found["Expiration"],
    }
    assert len(outcome.out.splitlines()) == 1
    assert signed_in("credentials", *CHOICE).out == outcome.out
    assert service.paths.count(ROLE) == 1


def test_account_and_role_may_be_those_of_the_profile(signed_in: Desk) -> None:
    text = signed_in.config_file.read_text()
    more = "sso_account_id = 111122223333\nsso_role_name = Admin\n"
    signed_in.configure(text.replace("[profile lab]\n", f"[profile lab]\n{more}"))
    assert signed_in("credentials", "--json").json["access_key_id"] == "ASIAIOSFODNN7EXAMPLE"
    assert signed_in("credentials", "--profile", "lab").code == 0


def test_a_role_has_to_be_meant(signed_in: Desk) -> None:
    outcome = signed_in("credentials", "--account-id", "1")
    assert outcome.code == 2
    assert "say which role: --account-id and --role-name" in outcome.complaint


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_a_shell_takes_them(signed_in: Desk, shell: str) -> None:
    lines = signed_in("credentials", *CHOICE, "--format", "env").out
    script = f'{lines}\nprintf %s "$AWS_SECRET_ACCESS_KEY"'
    assert subprocess.run([shell, "-c", script], capture_output=True, text=True, check=True).stdout == "secret'key"


def test_powershell_quotes_in_its_own_way(signed_in: Desk) -> None:
    lines = signed_in("credentials", *CHOICE, "--format", "powershell").out.splitlines()
    assert lines[1] == "$Env:AWS_SECRET_ACCESS_KEY='secret''key'"


def test_min_ttl_asks_for_others_and_says_when_there_are_none(signed_in: Desk, service: Stub) -> None:
    signed_in("credentials", *CHOICE)
    service.answers[ROLE] = credentials(7200, "ASIALONGER")
    assert signed_in("credentials", *CHOICE, "--min-ttl", "90m", "--json").json["access_key_id"] == "ASIALONGER"
    outcome = signed_in("credentials", *CHOICE, "--min-ttl", "3h")
    assert (outcome.code, outcome.out) == (1, "")
    assert "have no 10800 s left" in outcome.complaint


@pytest.mark.parametrize(
    "answer, code, complaint",
    [
        (refusal("UnauthorizedException", 401), 4, "does not accept the sign-in"),
        (refusal("ForbiddenException", 403), 1, "role Admin of account 111122223333 is not assigned"),
        (refusal("TooManyRequestsException", 429), 1, "TooManyRequestsException"),
        (Answer(500, "oops"), 5, ""),
    ],
)
def test_why_there_are_none_is_said(signed_in: Desk, service: Stub, answer: Answer, code: int, complaint: str) -> None:
    service.answers[ROLE] = answer
    outcome = signed_in("credentials", *CHOICE)
    assert (outcome.code, outcome.out) == (code, "")
    assert complaint in outcome.complaint


@pytest.mark.parametrize("command", ["accounts", "roles", "credentials", "exec", "console"])
def test_who_is_not_signed_in_is_told_how(desk: Desk, service: Stub, command: str) -> None:
    desk.use_session(service.url)
    more = (*CHOICE, "--", "true") if command == "exec" else CHOICE if command in ("credentials", "console") else ()
    outcome = desk(command, *more)
    assert outcome.code == 4
    assert "nobody is signed in: run `postern login --session lab`" in outcome.complaint
    assert service.asked == []


def test_a_token_that_the_portal_does_not_know_any_more_is_told(signed_in: Desk, service: Stub) -> None:
    service.answers["/assignment/accounts"] = refusal("UnauthorizedException", 401)
    outcome = signed_in("accounts")
    assert outcome.code == 4
    assert "run `postern login --session lab`" in outcome.complaint


def test_nothing_secret_goes_into_the_cache(signed_in: Desk) -> None:
    signed_in("credentials", *CHOICE)
    for file in signed_in.home.rglob("*.role*"):
        for secret in SECRETS.values():
            assert secret.encode() not in file.read_bytes()


def test_from_a_warm_cache_nothing_costly_is_imported(signed_in: Desk) -> None:
    signed_in("credentials", *CHOICE)
    assert signed_in.imports("credentials", *CHOICE) & COSTLY == set()


# exec


def run(desk: Desk, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    postern = Path(sys.executable).with_name("postern")
    return subprocess.run(
        [str(postern), "exec", *CHOICE, "--", *command],
        env={"HOME": str(desk.home), "PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_command_finds_the_credentials_in_its_environment(signed_in: Desk) -> None:
    show = "import json, os; print(json.dumps({k: v for k, v in os.environ.items() if k.startswith('AWS_')}))"
    ran = run(signed_in, sys.executable, "-c", show, AWS_SECURITY_TOKEN="old", AWS_ROLE_ARN="another")
    found = json.loads(ran.stdout)
    assert found == {
        "AWS_ACCESS_KEY_ID": "ASIAIOSFODNN7EXAMPLE",
        **SECRETS,
        "AWS_CREDENTIAL_EXPIRATION": found["AWS_CREDENTIAL_EXPIRATION"],
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL_SSO": found["AWS_ENDPOINT_URL_SSO"],
        "AWS_ENDPOINT_URL_SSO_OIDC": found["AWS_ENDPOINT_URL_SSO"],
    }
    assert f"endpoint_url = {found['AWS_ENDPOINT_URL_SSO']}\n" in (signed_in.home / ".aws" / "config").read_text()


def test_the_command_s_exit_code_is_ours_and_its_options_are_its_own(signed_in: Desk) -> None:
    assert run(signed_in, sys.executable, "-c", "import sys; sys.exit(int(sys.argv[2]))", "--json", "7").returncode == 7


@pytest.mark.parametrize("command, code, said", [("no-such-command", 127, "not found"), ("/", 127, "not found")])
def test_a_command_that_cannot_be_run_is_said(signed_in: Desk, command: str, code: int, said: str) -> None:
    ran = run(signed_in, command)
    assert (ran.returncode, ran.stdout) == (code, "")
    assert said in ran.stderr


def test_a_file_that_is_no_program_is_126(signed_in: Desk, tmp_path: Path) -> None:
    file = tmp_path / "nothing"
    file.write_bytes(b"\x7fELF nothing")
    file.chmod(0o700)
    assert run(signed_in, str(file)).returncode == 126


def test_a_command_has_to_be_given(signed_in: Desk) -> None:
    outcome = signed_in("exec", *CHOICE)
    assert outcome.code == 2
    assert "what is to be run?" in outcome.complaint


# console


def test_a_server_of_one_s_own_is_asked_for_the_link(signed_in: Desk, service: Stub) -> None:
    service.answers[CONSOLE] = Answer(members={"consoleUrl": "https://console.example/login"})
    service.answers[f"{CONSOLE}&destination=https%3A%2F%2Fconsole.example%2Fs3"] = Answer(
        members={"consoleUrl": "https://console.example/login?to=s3"}
    )
    assert signed_in("console", *CHOICE).out == "https://console.example/login\n"
    outcome = signed_in("console", *CHOICE, "--destination", "https://console.example/s3", "--json")
    assert outcome.json == {"console_url": "https://console.example/login?to=s3"}


@pytest.mark.parametrize(
    "answer, complaint",
    [
        (refusal("ResourceNotFoundException", 404), "has no console to sign in to"),
        (Answer(404, "<h1>nothing</h1>", {"Content-Type": "text/html"}), "gives no links to a console"),
        (Answer(members={}), "has no link"),
        (refusal("ForbiddenException", 403), "ForbiddenException"),
    ],
)
def test_why_there_is_no_link_is_said(signed_in: Desk, service: Stub, answer: Answer, complaint: str) -> None:
    service.answers[CONSOLE] = answer
    outcome = signed_in("console", *CHOICE)
    assert outcome.code == 1
    assert complaint in outcome.complaint


def test_at_aws_it_comes_from_the_federation_endpoint(
    signed_in: Desk, service: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.answers["/federation"] = Answer(members={"SigninToken": "a token"})
    from postern.cli import console

    monkeypatch.setattr(console, "_is_of_aws", lambda portal, whose: True)
    monkeypatch.setitem(console._SIGN_IN, "aws", (f"{service.url}/federation", "https://console.aws.amazon.com/"))
    url = signed_in("console", *CHOICE).out.strip()
    asked = service.asked[-1]
    assert (asked.method, asked.path) == ("POST", "/federation")
    session = json.loads(parse_qs(asked.body.decode())["Session"][0])
    assert session["sessionKey"] == "secret'key"
    query = parse_qs(urlsplit(url).query)
    assert query == {
        "Action": ["login"],
        "Issuer": ["postern"],
        "Destination": ["https://console.aws.amazon.com/"],
        "SigninToken": ["a token"],
    }
    assert "secret" not in url
