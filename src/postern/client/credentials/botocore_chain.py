"""botocore's whole chain of providers, for those who have it installed: the extra ``postern[botocore]``."""

import os
import threading
from typing import Any

from postern.client.credentials.given import expiry_of, frozen_credentials
from postern.client.credentials.model import Credentials
from postern.client.credentials.redaction import redacted
from postern.client.effects import Call, Flow
from postern.client.errors import CredentialsError

EXTRA = "pip install 'postern[botocore]'"


class BotocoreCredentials:
    """What botocore finds, for ``profile`` or for the one that the environment names. It reads the environment of the
    process and renews by itself. A forked child looks anew.
    """

    name = "botocore"

    def __init__(self, profile: str | None = None) -> None:
        self._profile = profile
        self._start()

    def _start(self) -> None:
        self._found: Any = None
        self._turn = threading.Lock()
        self._process = os.getpid()

    def load(self) -> Flow[Credentials | None]:
        """
        Raises:
            CredentialsError: botocore is not installed, or what it found fails.
        """
        found: Credentials | None = yield Call(self._load)
        return found

    def _load(self) -> Credentials | None:
        try:
            from botocore.exceptions import BotoCoreError, ClientError
        except ImportError:
            raise CredentialsError(f"botocore is not installed: {EXTRA}") from None
        if self._process != os.getpid():
            self._start()  # a thread of the parent may have held the lock, or one of botocore's, when it forked
        try:
            with self._turn:
                found = self._find()
            if found is None:
                return None
            frozen = found.get_frozen_credentials()
        except (BotoCoreError, ClientError) as error:
            raise CredentialsError(f"{type(error).__name__}: {redacted(str(error))}") from None
        return frozen_credentials(frozen, source=f"{self.name} ({found.method})", expires_at=expiry_of(found))

    def _find(self) -> Any:
        if self._found is None:
            from botocore.session import Session

            self._found = Session(profile=self._profile).get_credentials()
        return self._found
