"""The JSON documents in which credentials come from processes, containers and instances."""

import msgspec

from postern.client.credentials.model import Credentials
from postern.client.credentials.redaction import redacted
from postern.client.errors import CredentialsError


class Document(msgspec.Struct, frozen=True, rename="pascal"):
    """``token`` is what containers and instances call the session token; ``code`` and ``message`` are an instance's."""

    version: int | None = None
    access_key_id: str = ""
    secret_access_key: str = ""
    session_token: str | None = None
    token: str | None = None
    expiration: str | None = None
    code: str = "Success"
    message: str = ""

    def __repr__(self) -> str:
        return f"Document({self.access_key_id})"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        return [("access_key_id", self.access_key_id)]


_decode = msgspec.json.Decoder(Document).decode


def read_document(body: bytes) -> Document:
    """
    Raises:
        CredentialsError: it is no JSON object, or a member has a wrong type. The text shows no value.
    """
    try:
        return _decode(body)
    except msgspec.ValidationError as error:
        raise CredentialsError(f"the document with credentials is not understood: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise CredentialsError("the document with credentials is not JSON") from None


def credentials_in(document: Document, *, source: str) -> Credentials:
    """
    Raises:
        CredentialsError: it says an error, or lacks a member.
    """
    if document.code != "Success":
        raise CredentialsError(f"{redacted(document.code)}: {redacted(document.message)}")
    for name, value in (("AccessKeyId", document.access_key_id), ("SecretAccessKey", document.secret_access_key)):
        if not value:
            raise CredentialsError(f"the document with credentials has no {name}")
    return Credentials(
        access_key_id=document.access_key_id,
        secret_access_key=document.secret_access_key,
        session_token=document.session_token or document.token or None,
        expires_at=unix_time(document.expiration) if document.expiration else None,
        source=source,
    )


def unix_time(text: str) -> float:
    """Unix seconds of an ISO 8601 time; one without an offset is UTC.

    Raises:
        CredentialsError: it is none.
    """
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        raise CredentialsError("the expiration of the credentials is no ISO 8601 time") from None
