"""Makes the JSON files beside it out of raw recordings: ``python -m tests.clients_real.recorded.rewrite FOLDER``.

A raw recording is a text file of requests as an unmodified client sent them to a stub, each followed by the stub's
answer. Kept are the facts that a server must cope with: order, pauses, methods, targets, headers in their order, bodies
to the byte. What differs each time becomes a ``${placeholder}``; what tells of the recording machine is left out.
Requests to a path that a server need not have (of an endpoint with a prefix) are left out too.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
STS = "/"
SERVED = (
    "/client/register",
    "/device_authorization",
    "/token",
    "/authorize",
    "/assignment/accounts",
    "/assignment/roles",
    "/federation/credentials",
    STS,
    "/logout",
)
_MEMBERS = (
    "clientId",
    "clientSecret",
    "deviceCode",
    "code",
    "codeVerifier",
    "redirectUri",
    "refreshToken",
    "startUrl",
    "issuerUrl",
)
_PARAMETERS = {
    "client_id": "clientId",
    "redirect_uri": "redirectUriEncoded",
    "state": "state",
    "code_challenge": "codeChallenge",
}
_HEADERS = {
    "host": "${host}",
    "content-length": "${contentLength}",
    "x-amz-content-sha256": "${bodySha256}",
    "amz-sdk-invocation-id": "${uuid}",
    "x-amz-sso_bearer_token": "${accessToken}",
}
# A role's own: the player signs anew. Other signatures stay as old as they are.
_ROLE_HEADERS = {
    "x-amz-date": "${signedAt}",
    "x-amz-security-token": "${sessionToken}",
}
_MACHINE = (
    (re.compile(r"(os/linux#|Linux/)\S+"), r"\g<1>6"),
    (re.compile(r" sid/\S+"), ""),
    (re.compile(r"(Signature=)\w+"), r"\g<1>${signature}"),
)
_CREDENTIAL = re.compile(r"(Credential=)\w+/\d+/")
_REQUEST = re.compile(
    r"^=== request \d+ t=([\d.]+)\n(.*?)\n\n(.*?)\n--- response: (\d+) (\{.*?\}) ", re.MULTILINE | re.DOTALL
)


def rewrite(text: str) -> list[dict[str, Any]]:
    """The requests of a raw recording."""
    requests = []
    before = None
    for time, head, body, status, answer_headers in _REQUEST.findall(text):
        request_line, *header_lines = head.split("\n")
        method, target, _ = request_line.split(" ")
        pause = 0.0 if before is None else float(time) - before
        before = float(time)
        if target.partition("?")[0] not in SERVED:
            continue
        error = re.search(r"'x-amzn-ErrorType': '(\w+)'", answer_headers)
        requests.append(
            {
                "pause": round(pause, 2),
                "method": method,
                "target": _target(target),
                "headers": [] if _by_browser(target) else [_header(line, target) for line in header_lines],
                "body": _body(body.strip("\n")),
                "status": int(status),
                "error": error[1] if error else None,
            }
        )
    return requests


def _by_browser(target: str) -> bool:
    return target.startswith("/authorize?")


def _target(target: str) -> str:
    path, _, query = target.partition("?")
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    written = [
        f"{name}={_placeholder(_PARAMETERS[name]) if name in _PARAMETERS else value}" for name, _, value in pairs
    ]
    return "?".join([path, "&".join(written)] if written else [path])


def _header(line: str, target: str) -> str:
    name, value = line.split(": ", 1)
    for pattern, replacement in _MACHINE:
        value = pattern.sub(replacement, value)
    known = _HEADERS
    if target == STS:
        known = _HEADERS | _ROLE_HEADERS
        value = _CREDENTIAL.sub(r"\g<1>${accessKeyId}/${signedOn}/", value)
    return f"{name}: {known.get(name.lower(), value)}"


def _body(body: str) -> str:
    """The very bytes, spaces between members included; an application's ARN stays, since nobody registers it."""
    for member in _MEMBERS:
        name = "startUrl" if member == "issuerUrl" else member
        body = re.sub(rf'("{member}": ?")(?!arn:)[^"]*"', rf'\g<1>{_placeholder(name)}"', body)
    return body


def _placeholder(name: str) -> str:
    return f"${{{name}}}"


def main(folder: Path) -> None:
    for recording in sorted(folder.glob("*.txt")):
        requests = rewrite(recording.read_text())
        # The stub's client id in a request tells that they are one sign-in, and not calls made one by one.
        is_sign_in = any('"CLIENTID"' in body for _, _, body, *_ in _REQUEST.findall(recording.read_text()))
        facts = {"client": recording.stem, "is_sign_in": is_sign_in, "requests": requests}
        (HERE / f"{recording.stem}.json").write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
