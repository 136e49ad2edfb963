import json
import os
import shlex
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from postern.client.credentials import ProcessCredentials
from postern.client.credentials.process import Run
from postern.client.credentials.profile import Profile
from postern.client.errors import CredentialsError
from tests.client.credentials.flows import CANARY, LATER, NOW, Driver, drive, found, refusal, shared_config

DOCUMENT = {
    "Version": 1,
    "AccessKeyId": "ASIAEXAMPLE",
    "SecretAccessKey": CANARY,
    "SessionToken": "session",
    "Expiration": LATER,
}


def provider(line: str, **more: Any) -> ProcessCredentials:
    return ProcessCredentials(
        Profile(shared_config({"default": {"credential_process": line}}), None), os.environ, **more
    )


def shell(script: str) -> ProcessCredentials:
    return provider(shlex.join(["sh", "-c", script]))


def printing(document: object) -> ProcessCredentials:
    text = document if isinstance(document, str) else json.dumps(document)
    return provider(shlex.join(["printf", "%s", text]))


def test_what_the_program_prints() -> None:
    credentials = found(printing(DOCUMENT).load())
    assert (credentials.access_key_id, credentials.secret_access_key) == ("ASIAEXAMPLE", CANARY)
    assert (credentials.session_token, credentials.expires_at) == ("session", NOW + 3600)
    assert credentials.source == "process (profile 'default')"


def test_without_session_token_and_expiration() -> None:
    credentials = found(printing({key: DOCUMENT[key] for key in ("Version", "AccessKeyId", "SecretAccessKey")}).load())
    assert (credentials.session_token, credentials.expires_at) == (None, None)


@pytest.mark.parametrize(
    "text", [LATER, "2023-11-15T00:13:20+01:00", "2023-11-14T23:13:20.000000+00:00", "2023-11-14T23:13:20"]
)
def test_forms_of_iso_8601(text: str) -> None:
    assert found(printing({**DOCUMENT, "Expiration": text}).load()).expires_at == NOW + 3600


def test_without_credential_process_the_next_is_asked() -> None:
    assert drive(ProcessCredentials(Profile(shared_config(), None), os.environ).load()) is None


def test_it_runs_as_a_call_that_can_be_cancelled() -> None:
    driver = Driver()
    driver.run(printing(DOCUMENT).load())
    (call,) = driver.calls
    assert call.cancel is not None


def test_the_program_gets_the_environment_that_the_client_was_given() -> None:
    script = 'printf \'{"Version":1,"AccessKeyId":"%s","SecretAccessKey":"s"}\' "$WHO"'
    settings = {"default": {"credential_process": shlex.join(["/bin/sh", "-c", script])}}
    credentials = found(ProcessCredentials(Profile(shared_config(settings), None), {"WHO": "AKIDWHO"}).load())
    assert credentials.access_key_id == "AKIDWHO"


@pytest.mark.parametrize(
    "document, says",
    [
        ({**DOCUMENT, "Version": 2}, "version 2"),
        ({key: value for key, value in DOCUMENT.items() if key != "Version"}, "version None"),
        ({**DOCUMENT, "Version": "1"}, "$.Version"),
        ({**DOCUMENT, "AccessKeyId": ""}, "no AccessKeyId"),
        ({key: value for key, value in DOCUMENT.items() if key != "SecretAccessKey"}, "no SecretAccessKey"),
        ({**DOCUMENT, "SecretAccessKey": [CANARY]}, "$.SecretAccessKey"),
        ({**DOCUMENT, "Expiration": "tomorrow " + CANARY}, "ISO 8601"),
        ([CANARY], "not understood"),
        (CANARY, "not JSON"),
        ("", "not JSON"),
    ],
)
def test_bad_documents(document: object, says: str) -> None:
    assert says in refusal(printing(document).load())


def test_a_failing_program_is_quoted_by_its_first_line_without_secrets() -> None:
    text = refusal(shell(f"printf '\\nlogin failed for {CANARY} token=abc\\nmore\\n' >&2; exit 3").load())
    assert text == "sh ended with status 3: login failed for *** token=***"


def test_a_failing_program_that_says_nothing() -> None:
    assert refusal(shell("exit 4").load()) == "sh ended with status 4"


@pytest.mark.parametrize(
    "line, says",
    [
        ("/no/such/program --secret " + CANARY, "/no/such/program cannot be started: No such file or directory"),
        (f"'/no/such {CANARY}", "quote"),
        ("  ", "names no program"),
    ],
)
def test_what_cannot_be_started(line: str, says: str) -> None:
    assert says in refusal(provider(line).load())


def test_a_program_that_takes_too_long_is_killed() -> None:
    line = shlex.join([sys.executable, "-c", "import time; time.sleep(60)", CANARY])
    assert "took longer than 0.05 seconds" in refusal(provider(line, timeout=0.05).load())


def test_a_program_of_that_program_cannot_hold_it_up() -> None:
    line = shlex.join(["sh", "-c", "sleep 2 & sleep 2"])
    assert "took longer" in refusal(provider(line, timeout=0.05).load())


@pytest.mark.parametrize("script", ["exec sleep 5", "sleep 5; echo"], ids=["itself", "and one that holds its outputs"])
def test_cancelling_ends_a_running_program(tmp_path: Path, script: str) -> None:
    started = tmp_path / "started"
    os.mkfifo(started)
    run = Run(["sh", "-c", f'echo > "$0"; {script}', str(started)], os.environ, 60.0)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        started.read_text()
        run.cancel()
        with pytest.raises(CredentialsError, match="sh was cancelled"):
            running.result(2)


def test_a_slow_program_is_waited_for_and_read_whole() -> None:
    script = f"printf '%s' '{json.dumps(DOCUMENT)[:40]}'; sleep 0.25; printf '%s' '{json.dumps(DOCUMENT)[40:]}'"
    assert found(shell(script).load()).access_key_id == "ASIAEXAMPLE"


def test_a_run_that_was_cancelled_before_it_began_starts_nothing() -> None:
    run = Run(["sh"], os.environ, 60.0)
    run.cancel()
    with pytest.raises(CredentialsError, match="cancelled"):
        run()
