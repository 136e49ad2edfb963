"""What `postern doctor` says, for the tests that ask it."""

from pathlib import Path

from postern.client.token_cache import SessionKey
from tests.cli.desk import START_URL, Desk
from tests.cli.stub import refusal

# What the service answers to a request without a grant.
AS_SSO_OIDC = refusal("InvalidRequestException", "invalid_request")


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


def problems(desk: Desk) -> list[str]:
    return [f"{each['text']} -> {each['advice']}" for each in findings(desk) if each["severity"] == "problem"]


def primary(desk: Desk) -> Path:
    return Path(desk.cache.path(SessionKey(START_URL, "lab").primary))


def by_url(desk: Desk) -> Path:
    return Path(desk.cache.path(SessionKey(START_URL).primary))
