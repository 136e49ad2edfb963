from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.desk import Desk
from tests.cli.examining import AS_SSO_OIDC
from tests.cli.stub import Stub, serving


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    home = tmp_path / "home"
    home.mkdir()
    return Desk(home, monkeypatch, capsys)


@pytest.fixture
def sso_oidc() -> Iterator[Stub]:
    """A service that the doctor finds nothing wrong with."""
    with serving() as stub:
        stub.answers = {"/token": AS_SSO_OIDC}
        yield stub


@pytest.fixture
def sound(desk: Desk, sso_oidc: Stub) -> Desk:
    """Somebody is signed in, and all is well."""
    desk.use_session(sso_oidc.url)
    desk.config_file.chmod(0o600)
    desk.keep_token()
    desk.set(AWS_MAX_ATTEMPTS="1")
    return desk
