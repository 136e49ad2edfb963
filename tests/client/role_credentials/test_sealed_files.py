"""Role credentials on disk: sealed with the sign-in's token, and of use to nobody without it."""

import stat
from pathlib import Path

import pytest

from postern.client.role_credentials.demand import REFRESH_WINDOW, RoleDemand
from postern.client.role_credentials.sealed_files import (
    RoleCredentialFiles,
    RoleCredentials,
    RoleKey,
    open_role_credential_files,
)
from postern.client.token_cache.entries import SessionKey

TOKEN = "aoaSecret"
KEY = RoleKey(SessionKey("https://lab.awsapps.com/start", "lab"), "111122223333", "Admin")
FOUND = RoleCredentials("ASIAIOSFODNN7EXAMPLE", "secret access key", "session token", 1_790_000_000.5)


@pytest.fixture
def kept(tmp_path: Path) -> RoleCredentialFiles:
    return RoleCredentialFiles(str(tmp_path / "postern"))


def test_what_is_kept_is_found_again_with_the_same_token(kept: RoleCredentialFiles) -> None:
    assert kept.load(KEY, TOKEN) is None
    kept.store(KEY, TOKEN, FOUND)
    assert kept.load(KEY, TOKEN) == FOUND


def test_another_token_opens_nothing(kept: RoleCredentialFiles) -> None:
    kept.store(KEY, TOKEN, FOUND)
    for other in ("", "aoaSecreT", TOKEN + " ", "\ud800"):
        assert kept.load(KEY, other) is None


@pytest.mark.parametrize(
    "other",
    [
        KEY._replace(role_name="admin"),
        KEY._replace(account_id="111122223334"),
        KEY._replace(session=SessionKey("https://lab.awsapps.com/start")),
        KEY._replace(session=SessionKey("https://lab.awsapps.com/start", "labs")),
        KEY._replace(session=SessionKey("https://labs.awsapps.com/start", "lab")),
    ],
)
def test_each_role_of_each_sign_in_has_its_own(kept: RoleCredentialFiles, other: RoleKey) -> None:
    kept.store(KEY, TOKEN, FOUND)
    assert kept.load(other, TOKEN) is None
    (file,) = Path(kept.folder).glob("*.role")
    file.rename(file.with_name(f"{other.digest}.role"))
    assert kept.load(other, TOKEN) is None


def test_nothing_that_was_changed_opens(kept: RoleCredentialFiles) -> None:
    kept.store(KEY, TOKEN, FOUND)
    (file,) = Path(kept.folder).glob("*.role")
    sealed = file.read_bytes()
    for changed in (sealed[:-1], sealed + b"x", b"", b"short", bytes([sealed[0] ^ 1]) + sealed[1:]):
        file.write_bytes(changed)
        assert kept.load(KEY, TOKEN) is None


def test_files_are_the_person_s_own_and_hold_nothing_that_can_be_read(kept: RoleCredentialFiles) -> None:
    kept.store(KEY, TOKEN, FOUND)
    (file,) = Path(kept.folder).glob("*.role")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    content = file.read_bytes()
    for secret in (FOUND.secret_access_key, FOUND.session_token, FOUND.access_key_id, TOKEN):
        assert secret.encode() not in content
    assert KEY.role_name not in file.name
    assert FOUND.secret_access_key not in repr(FOUND)


def test_two_of_the_same_do_not_look_alike(kept: RoleCredentialFiles) -> None:
    contents = set()
    for _ in range(2):
        kept.store(KEY, TOKEN, FOUND)
        (file,) = Path(kept.folder).glob("*.role")
        contents.add(file.read_bytes())
    assert len(contents) == 2


def test_they_lie_beside_the_shared_cache(tmp_path: Path) -> None:
    assert open_role_credential_files({"HOME": str(tmp_path)}).folder == str(tmp_path / ".aws" / "sso" / "postern")


@pytest.mark.parametrize(
    "left, min_ttl, is_met",
    [
        (REFRESH_WINDOW + 1, 0, True),
        (REFRESH_WINDOW, 0, False),
        (1, 0, False),
        (-1, 0, False),
        (1000, 999, True),
        (1000, 1000, False),
        (1000, 3600, False),
    ],
)
def test_the_last_minutes_are_not_given_out(left: float, min_ttl: float, *, is_met: bool) -> None:
    demand = RoleDemand(lambda: FOUND.expires_at - left, min_ttl)
    assert demand.is_met_by(FOUND) is is_met
    assert not demand.is_met_by(None)
