"""The cache in the AWS CLI's files: forms, copies, modes, links, and what crashes and other tools leave behind."""

import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from postern.client.token_cache import (
    CachedToken,
    FileTokenCache,
    RegistrationKey,
    SessionKey,
    TokenCache,
    TokenCacheError,
)
from tests.client.token_cache.contract import TokenCacheContract
from tests.client.token_cache.samples import (
    LEGACY,
    NOW,
    OTHER_SESSION,
    REGISTRATION,
    REGISTRATION_KEY,
    SECRETS,
    SESSION,
    START_URL,
    TOKEN,
)

BY_NAME = f"{hashlib.sha1(b'dev').hexdigest()}.json"
BY_URL = f"{hashlib.sha1(START_URL.encode()).hexdigest()}.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def cache(folder: Path) -> FileTokenCache:
    return FileTokenCache(folder, now=lambda: NOW)


def members(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def put(folder: Path, name: str, content: object) -> Path:
    """A file as another tool, or an accident, leaves it."""
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    path.chmod(0o600)
    return path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestContract(TokenCacheContract):
    @pytest.fixture
    def cache(self, folder: Path) -> TokenCache:
        return FileTokenCache(folder, now=lambda: NOW)

    @pytest.fixture
    def twin(self, folder: Path) -> TokenCache:
        return FileTokenCache(folder, now=lambda: NOW)


class TestForm:
    def test_a_sessions_token_is_written_as_the_aws_cli_writes_it(self, cache: FileTokenCache, folder: Path) -> None:
        cache.store(SESSION, TOKEN._replace(extra={}, scopes=None, issued_at=None))

        assert members(folder / BY_NAME) == {
            "startUrl": START_URL,
            "region": "eu-west-1",
            "accessToken": "access-secret",
            "expiresAt": "2023-11-14T23:13:20Z",
            "clientId": "client-1",
            "clientSecret": "client-secret",
            "registrationExpiresAt": "2024-02-12T22:13:20Z",
            "refreshToken": "refresh-secret",
            "sessionName": "dev",
        }

    def test_members_of_other_tools_are_kept_and_never_shadow_ours(self, cache: FileTokenCache, folder: Path) -> None:
        cache.store(SESSION, TOKEN._replace(extra={"theirs": {"a": 1}, "accessToken": "stale"}))

        assert members(folder / BY_NAME)["theirs"] == {"a": 1}
        assert members(folder / BY_NAME)["accessToken"] == TOKEN.access_token

    def test_a_registration_is_kept_under_a_tool_of_its_own(self, cache: FileTokenCache, folder: Path) -> None:
        cache.store_registration(REGISTRATION_KEY, REGISTRATION)
        key = {
            "grantTypes": ["refresh_token"],
            "region": "eu-west-1",
            "scopes": ["sso:account:access"],
            "session_name": "dev",
            "startUrl": START_URL,
            "tool": "postern",
        }

        name = hashlib.sha1(json.dumps(key, sort_keys=True).encode()).hexdigest()
        assert members(folder / f"{name}.json") == {
            "clientId": "client-1",
            "clientSecret": "client-secret",
            "expiresAt": "2024-02-12T22:13:20Z",
            "scopes": ["sso:account:access"],
            "grantTypes": ["refresh_token"],
            "authorizationEndpoint": "https://sso.example.test/authorize",
        }

    def test_a_registration_that_cannot_be_read_is_none(self, cache: FileTokenCache, folder: Path) -> None:
        put(folder, f"{REGISTRATION_KEY.digest}.json", {"clientId": "c", "clientSecret": "s"})

        assert cache.load_registration(REGISTRATION_KEY) is None

    def test_empty_and_null_members_are_absent(self, cache: FileTokenCache, folder: Path) -> None:
        entry = {"accessToken": "a", "expiresAt": "2023-11-14T23:13:20Z", "refreshToken": "", "clientId": None}
        put(folder, BY_NAME, {**entry, "clientSecret": 7, "scopes": "all", "registrationExpiresAt": "soon"})

        assert cache.load(SESSION) == CachedToken(START_URL, "", "a", NOW + 3600, session_name="dev")

    def test_home_is_respected(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))

        FileTokenCache().store(SESSION, TOKEN)

        assert (tmp_path / ".aws/sso/cache" / BY_NAME).is_file()


class TestCopy:
    """What legacy profiles find under the start URL."""

    def test_the_copy_has_nothing_to_refresh_with(self, cache: FileTokenCache, folder: Path) -> None:
        cache.store(SESSION, TOKEN)

        assert members(folder / BY_URL) == {
            "startUrl": START_URL,
            "region": "eu-west-1",
            "accessToken": "access-secret",
            "expiresAt": "2023-11-14T23:13:20Z",
            "sessionName": "dev",
        }

    @pytest.mark.parametrize(
        "held",
        [
            pytest.param({"sessionName": "dev", "expiresAt": "2030-01-01T00:00:00Z"}, id="ours"),
            pytest.param({"expiresAt": "2023-11-14T22:13:20Z"}, id="expired"),
            pytest.param({"sessionName": "prod", "expiresAt": "2023-11-14T22:13:20Z"}, id="of another, expired"),
            pytest.param({"expiresAt": "2023-11-14T22:13:20Z", "refreshToken": ""}, id="expired, never refreshable"),
        ],
    )
    def test_it_takes_the_place_of(self, cache: FileTokenCache, folder: Path, held: dict[str, str]) -> None:
        put(folder, BY_URL, {"accessToken": "old", **held})

        cache.store(SESSION, TOKEN)

        assert members(folder / BY_URL)["accessToken"] == TOKEN.access_token

    @pytest.mark.parametrize(
        "held",
        [
            pytest.param({"accessToken": "a", "expiresAt": "2023-11-14T22:13:21Z"}, id="of a legacy profile"),
            pytest.param(
                {"accessToken": "a", "expiresAt": "2030-01-01T00:00:00Z", "sessionName": "prod"}, id="of another"
            ),
            pytest.param(
                {"accessToken": "a", "expiresAt": "2023-11-14T22:13:20Z", "refreshToken": "r"},
                id="of a legacy sign-in that can be refreshed",
            ),
            pytest.param({"clientId": "c"}, id="of another kind"),
            pytest.param(b"{", id="cut off"),
            pytest.param(b"", id="empty"),
        ],
    )
    def test_it_leaves_alone_what_is(self, cache: FileTokenCache, folder: Path, held: object) -> None:
        path = put(folder, BY_URL, held)
        before = path.read_bytes()

        cache.store(SESSION, TOKEN)
        cache.delete(SESSION)

        assert path.read_bytes() == before

    def test_it_is_left_alone_while_somebody_has_the_lock_of_the_start_url(
        self, cache: FileTokenCache, folder: Path
    ) -> None:
        with cache.lock(LEGACY):
            cache.store(SESSION, TOKEN)
        assert not (folder / BY_URL).exists()

        cache.store(SESSION, TOKEN)
        assert (folder / BY_URL).exists()

    def test_one_that_cannot_be_written_is_a_problem_and_no_failure(
        self, cache: FileTokenCache, folder: Path, tmp_path: Path
    ) -> None:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        elsewhere.chmod(0o777)
        folder.mkdir(mode=0o700)
        (folder / BY_URL).symlink_to(
            put(elsewhere, "token.json", {"accessToken": "a", "expiresAt": "2001-01-01 00:00:00"})
        )

        cache.store(SESSION, TOKEN)

        assert cache.load(SESSION) == TOKEN
        (told,) = cache.problems(iter([SESSION]))
        assert told.place == str(folder / BY_URL)
        assert told.reason.startswith("the copy for legacy profiles cannot be written: ")
        assert str(elsewhere) in told.reason
        elsewhere.chmod(0o700)
        assert cache.problems([SESSION]) == []

    def test_it_is_deleted_with_its_session(self, cache: FileTokenCache, folder: Path) -> None:
        cache.store(SESSION, TOKEN)

        assert cache.delete(SESSION)

        assert not list(folder.glob("*.json"))

    def test_it_is_deleted_also_when_another_tool_deleted_the_token(self, cache: FileTokenCache, folder: Path) -> None:
        cache.store(SESSION, TOKEN)
        (folder / BY_NAME).unlink()

        assert cache.delete(SESSION)
        assert not (folder / BY_URL).exists()

    def test_it_is_not_listed_beside_its_token(self, cache: FileTokenCache, folder: Path) -> None:
        cache.store(SESSION, TOKEN)
        put(folder, BY_NAME, {**members(folder / BY_NAME), "accessToken": "refreshed by botocore"})

        assert [token.access_token for token in cache.list()] == ["refreshed by botocore"]

    def test_it_is_listed_when_it_is_all_there_is(self, cache: FileTokenCache, folder: Path) -> None:
        cache.store(SESSION, TOKEN)
        (folder / BY_NAME).unlink()

        assert [token.session_name for token in cache.list()] == [None]

    def test_a_legacy_sign_in_holds_all_and_has_no_copy(self, cache: FileTokenCache, folder: Path) -> None:
        cache.store(LEGACY, TOKEN)

        assert [path.name for path in folder.glob("*.json")] == [BY_URL]
        assert members(folder / BY_URL)["refreshToken"] == "refresh-secret"

    def test_a_legacy_sign_in_is_not_taken_for_a_copy(self, cache: FileTokenCache, folder: Path) -> None:
        cache.store(SESSION, TOKEN)
        cache.store(LEGACY, TOKEN._replace(access_token="legacy"))
        cache.store(SESSION, TOKEN._replace(access_token="refreshed"))
        cache.delete(SESSION)

        assert members(folder / BY_URL)["accessToken"] == "legacy"

    def test_a_session_that_is_named_like_its_start_url_has_one_file(self, cache: FileTokenCache, folder: Path) -> None:
        key = SessionKey(START_URL, START_URL)
        cache.store(key, TOKEN)

        assert [path.name for path in folder.glob("*.json")] == [BY_URL]
        loaded = cache.load(key)
        assert loaded is not None
        assert loaded.refresh_token == TOKEN.refresh_token


class TestUnreadable:
    """What is no token is left as it is, and `problems` says why."""

    @pytest.mark.parametrize(
        "content, reason",
        [
            (b"", "it is not JSON: empty, cut off or overwritten"),
            (b'{"accessToken": "secr', "it is not JSON: empty, cut off or overwritten"),
            (b"\xff\xfe\x00", "it is not JSON: empty, cut off or overwritten"),
            (b"[" * 100_000, "it is not JSON: empty, cut off or overwritten"),
            (b"[]", "it is not a JSON object"),
            (b" " * (1 << 20) + b"{}", "it is too large"),
            ({"accessToken": "a"}, "its expiresAt is missing or cannot be read"),
            ({"accessToken": "a", "expiresAt": "tomorrow"}, "its expiresAt is missing or cannot be read"),
            ({"accessToken": "a", "expiresAt": 1700000000}, "its expiresAt is missing or cannot be read"),
            ({"accessToken": 1, "expiresAt": "2030-01-01T00:00:00Z"}, "its accessToken is missing or cannot be read"),
            (
                {"accessToken": "a\r\nHost: evil", "expiresAt": "2030-01-01T00:00:00Z"},
                "its accessToken has characters that cannot be sent",
            ),
        ],
    )
    def test_an_entry(self, cache: FileTokenCache, folder: Path, content: object, reason: str) -> None:
        path = put(folder, BY_NAME, content)
        before = path.read_bytes()

        assert cache.load(SESSION) is None
        assert cache.list() == []
        assert cache.problems() == [(str(path), reason)]
        assert path.read_bytes() == before

    def test_a_pipe_in_its_place_does_not_block(self, cache: FileTokenCache, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        os.mkfifo(folder / BY_NAME, 0o600)

        assert cache.load(SESSION) is None
        assert [problem.reason for problem in cache.problems()] == ["it is not a file"]

    def test_a_folder_in_its_place_is_named(self, cache: FileTokenCache, folder: Path) -> None:
        (folder / BY_NAME).mkdir(parents=True, mode=0o700)

        assert cache.load(SESSION) is None
        assert "it is not a file" in [problem.reason for problem in cache.problems()]

    def test_a_new_sign_in_takes_the_place_of_a_corrupt_one(self, cache: FileTokenCache, folder: Path) -> None:
        put(folder, BY_NAME, b"{")

        cache.store(SESSION, TOKEN)

        assert cache.load(SESSION) == TOKEN

    def test_files_of_other_tools_are_no_problem(self, cache: FileTokenCache, folder: Path) -> None:
        put(folder, "botocore-client-id-eu-west-1.json", {"clientId": "c"})
        put(folder, f"{'0' * 40}.json", {"clientId": "c", "clientSecret": "s"})
        put(folder, "notes.txt", b"{")

        assert cache.list() == []
        assert cache.problems() == []


class TestSafety:
    def test_files_and_new_folders_are_for_their_owner_only(self, tmp_path: Path) -> None:
        home = tmp_path / "home"
        old = os.umask(0)
        try:
            cache = FileTokenCache(home / ".aws/sso/cache", now=lambda: NOW)
            cache.store(SESSION, TOKEN)
            cache.store_registration(REGISTRATION_KEY, REGISTRATION)
            with cache.lock(SESSION):
                pass
        finally:
            os.umask(old)

        folders = [home, home / ".aws", home / ".aws/sso", home / ".aws/sso/cache"]
        assert {mode(folder) for folder in folders} == {0o700}
        assert {mode(path) for path in folders[-1].iterdir()} == {0o600}
        assert {path.suffix for path in folders[-1].iterdir()} == {".json", ".lock"}

    def test_a_rewrite_closes_a_file_that_was_open_to_others(self, cache: FileTokenCache, folder: Path) -> None:
        path = put(folder, BY_NAME, {"accessToken": "a", "expiresAt": "2030-01-01T00:00:00Z"})
        path.chmod(0o644)
        assert cache.problems() == [(str(path), f"others may read it: chmod 600 {path}")]

        cache.store(SESSION, TOKEN)

        assert mode(path) == 0o600
        assert cache.problems() == []

    def test_a_crash_before_the_rename_leaves_the_old_token(
        self, cache: FileTokenCache, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cache.store(SESSION, TOKEN)
        monkeypatch.setattr(os, "replace", refuse)

        with pytest.raises(TokenCacheError, match="cannot be written"):
            cache.store(SESSION, TOKEN._replace(access_token="newer"))

        assert cache.load(SESSION) == TOKEN
        assert not list(folder.glob("*.tmp"))

    def test_what_a_killed_writer_left_is_removed_by_the_next(self, cache: FileTokenCache, folder: Path) -> None:
        left = put(folder, f"{BY_NAME}.0123456789abcdef.postern.tmp", b"{")
        of_another = put(folder, "tmpabc.tmp", b"{")
        under_way = put(folder, f"{BY_NAME}.fedcba9876543210.postern.tmp", b"{")
        for path in (left, of_another):
            os.utime(path, (NOW, NOW))
        assert [problem.place for problem in cache.problems()] == [str(left)]

        cache.store(SESSION, TOKEN)

        assert not left.exists()
        assert of_another.exists()
        assert under_way.exists()

    def test_a_folder_that_is_a_link_is_followed(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir(mode=0o700)
        (tmp_path / "link").symlink_to("real")

        FileTokenCache(tmp_path / "link").store(SESSION, TOKEN)

        assert (tmp_path / "real" / BY_NAME).is_file()

    def test_a_file_that_is_a_link_is_written_where_it_points_to(self, cache: FileTokenCache, tmp_path: Path) -> None:
        target = put(tmp_path / "elsewhere", "token.json", {})
        (tmp_path / "cache").mkdir(mode=0o700)
        (tmp_path / "cache" / BY_NAME).symlink_to(target)

        cache.store(SESSION, TOKEN)

        assert (tmp_path / "cache" / BY_NAME).is_symlink()
        assert members(target)["accessToken"] == TOKEN.access_token
        assert cache.load(SESSION) == TOKEN

    def test_nothing_is_written_into_a_folder_that_everybody_may_write_to(
        self, cache: FileTokenCache, folder: Path
    ) -> None:
        folder.mkdir()
        folder.chmod(0o1777)

        with pytest.raises(TokenCacheError, match="everybody may write"):
            cache.store(SESSION, TOKEN)
        with pytest.raises(TokenCacheError, match="everybody may write"):
            cache.lock(SESSION).acquire()

        assert list(folder.iterdir()) == []
        assert [problem.place for problem in cache.problems()] == [str(folder)]

    def test_nothing_is_written_below_a_folder_that_everybody_may_exchange(self, tmp_path: Path) -> None:
        above = tmp_path / "above"
        (above / "cache").mkdir(parents=True, mode=0o700)
        above.chmod(0o777)

        with pytest.raises(TokenCacheError, match="everybody may write"):
            FileTokenCache(above / "cache").store(SESSION, TOKEN)

    def test_nothing_is_written_through_a_link_into_such_a_folder(self, cache: FileTokenCache, tmp_path: Path) -> None:
        open_place = tmp_path / "open"
        open_place.mkdir()
        open_place.chmod(0o777)
        (tmp_path / "cache").mkdir(mode=0o700)
        (tmp_path / "cache" / BY_NAME).symlink_to(open_place / "theirs.json")

        with pytest.raises(TokenCacheError, match="everybody may write"):
            cache.store(SESSION, TOKEN)
        assert list(open_place.iterdir()) == []

    def test_nothing_is_written_through_a_link_that_everybody_may_exchange(self, tmp_path: Path) -> None:
        open_place, private = tmp_path / "open", tmp_path / "private"
        open_place.mkdir()
        open_place.chmod(0o777)
        private.mkdir(mode=0o700)
        (open_place / "cache").symlink_to(private)
        (tmp_path / "straight").symlink_to("open/cache/")
        (tmp_path / "roundabout").symlink_to(private / ".." / "open" / "cache")

        for name in ("open/cache", "straight", "roundabout"):
            cache = FileTokenCache(tmp_path / name)
            with pytest.raises(TokenCacheError, match=f"everybody may write to {open_place}"):
                cache.store(SESSION, TOKEN)
            with pytest.raises(TokenCacheError, match=f"everybody may write to {open_place}"):
                cache.lock(SESSION).acquire()
            assert [problem.place for problem in cache.problems()] == [str(open_place)]
        assert list(private.iterdir()) == []

    def test_nor_is_a_file_through_a_chain_of_links(self, cache: FileTokenCache, folder: Path, tmp_path: Path) -> None:
        open_place = tmp_path / "open"
        open_place.mkdir()
        open_place.chmod(0o777)
        target = put(tmp_path / "elsewhere", "token.json", {})
        (open_place / "link").symlink_to(target)
        folder.mkdir(mode=0o700)
        (folder / BY_NAME).symlink_to(open_place / "link")

        with pytest.raises(TokenCacheError, match="everybody may write"):
            cache.store(SESSION, TOKEN)
        assert members(target) == {}

    def test_links_that_lead_to_one_another_are_an_error(self, cache: FileTokenCache, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        (folder / BY_NAME).symlink_to(BY_NAME)

        with pytest.raises(TokenCacheError, match="from link to link"):
            cache.store(SESSION, TOKEN)

    def test_a_lock_is_not_made_through_a_link(self, cache: FileTokenCache, folder: Path, tmp_path: Path) -> None:
        folder.mkdir(mode=0o700)
        (folder / BY_NAME.replace(".json", ".lock")).symlink_to(tmp_path / "precious")

        with pytest.raises(TokenCacheError, match="no lock can be made"):
            cache.lock(SESSION).acquire()
        assert not (tmp_path / "precious").exists()

    def test_a_file_where_the_folder_should_be_is_an_error_and_no_token(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        cache = FileTokenCache(tmp_path / "file" / "cache")

        assert cache.load(SESSION) is None
        with pytest.raises(TokenCacheError, match=r"cannot be made|is not a folder"):
            cache.store(SESSION, TOKEN)

    def test_no_repr_has_a_secret(self) -> None:
        shown = f"{TOKEN!r} {TOKEN} {[TOKEN]} {REGISTRATION!r} {REGISTRATION} {SESSION!r}"

        assert not [secret for secret in SECRETS if secret in shown]
        assert "dev" in shown


def test_the_names_are_the_digests_that_tools_look_under() -> None:
    assert SESSION.digests == (BY_NAME.removesuffix(".json"), BY_URL.removesuffix(".json"))
    assert LEGACY.digests == (BY_URL.removesuffix(".json"),)
    assert OTHER_SESSION.primary != SESSION.primary
    assert RegistrationKey(START_URL, "eu-west-1").digest != REGISTRATION_KEY.digest


def refuse(*_: object) -> None:
    raise OSError(28, "No space left on device")
