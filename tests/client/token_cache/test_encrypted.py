"""The cache in encrypted files."""

import json
import math
import os
import shutil
from pathlib import Path

import pytest

from postern.client.errors import ConfigurationError
from postern.client.token_cache import SessionKey, TokenCache
from postern.client.token_cache.encrypted import EncryptedFileTokenCache
from postern.client.token_cache.sealing import Recipe, read_key, read_key_file
from tests.client.token_cache.contract import TokenCacheContract
from tests.client.token_cache.samples import OTHER_SESSION, REGISTRATION, REGISTRATION_KEY, SECRETS, SESSION, TOKEN

KEY = bytes(range(32))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def file_of(folder: Path, key: SessionKey) -> Path:
    return folder / f"{key.primary}.token"


class TestContract(TokenCacheContract):
    @pytest.fixture
    def cache(self, folder: Path) -> TokenCache:
        return EncryptedFileTokenCache(folder, KEY)

    @pytest.fixture
    def twin(self, cache: TokenCache, folder: Path) -> TokenCache:
        return EncryptedFileTokenCache(folder, KEY)


def test_the_files_say_nothing_and_are_for_their_owner_only(folder: Path) -> None:
    cache = EncryptedFileTokenCache(folder, KEY)
    cache.store(SESSION, TOKEN)
    cache.store_registration(REGISTRATION_KEY, REGISTRATION)
    written = b"".join(path.read_bytes() for path in folder.iterdir())

    assert not [secret for secret in (*SECRETS, TOKEN.start_url, "dev") if secret.encode() in written]
    assert KEY not in written
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_the_same_token_is_never_written_the_same_way_twice(folder: Path) -> None:
    cache = EncryptedFileTokenCache(folder, KEY)
    cache.store(SESSION, TOKEN)
    first = file_of(folder, SESSION).read_bytes()
    cache.store(SESSION, TOKEN)

    assert file_of(folder, SESSION).read_bytes() != first


def test_a_wrong_key_is_refused_and_nothing_is_lost(folder: Path) -> None:
    EncryptedFileTokenCache(folder, KEY).store(SESSION, TOKEN)

    with pytest.raises(ConfigurationError, match="this is not the key of the tokens in"):
        EncryptedFileTokenCache(folder, bytes(32))

    assert EncryptedFileTokenCache(folder, KEY).load(SESSION) == TOKEN


def test_a_passphrase_opens_what_it_closed_and_no_other_does(folder: Path) -> None:
    EncryptedFileTokenCache.from_passphrase(folder, "correct horse").store(SESSION, TOKEN)

    assert EncryptedFileTokenCache.from_passphrase(folder, "correct horse").load(SESSION) == TOKEN
    with pytest.raises(ConfigurationError, match="this is not the passphrase") as refused:
        EncryptedFileTokenCache.from_passphrase(folder, "battery staple")
    assert "battery" not in str(refused.value)


def test_the_salt_makes_another_key_of_the_same_passphrase() -> None:
    assert Recipe(b"a" * 16, 16, 1).key("same") != Recipe(b"b" * 16, 16, 1).key("same")
    assert len(Recipe(b"a" * 16, 16, 1).key("same")) == 32


def test_a_key_does_not_stand_for_a_passphrase(folder: Path) -> None:
    EncryptedFileTokenCache(folder, KEY)

    with pytest.raises(ConfigurationError, match="have a key"):
        EncryptedFileTokenCache.from_passphrase(folder, "correct horse")


def test_an_empty_passphrase_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="is empty"):
        EncryptedFileTokenCache.from_passphrase(folder, "")


def test_an_entry_under_anothers_name_is_no_token(folder: Path) -> None:
    cache = EncryptedFileTokenCache(folder, KEY)
    cache.store(SESSION, TOKEN)
    file_of(folder, SESSION).rename(file_of(folder, OTHER_SESSION))

    assert cache.load(OTHER_SESSION) is None
    assert [problem.reason for problem in cache.problems()] == ["it was changed, moved, or encrypted with another key"]


@pytest.mark.parametrize("content", [b"", b"{}", b"postern-token-1\n", b"postern-token-1\n" + bytes(50)])
def test_a_changed_entry_is_no_token_and_stays(folder: Path, content: bytes) -> None:
    cache = EncryptedFileTokenCache(folder, KEY)
    cache.store(SESSION, TOKEN)
    file_of(folder, SESSION).write_bytes(content)

    assert cache.load(SESSION) is None
    assert len(cache.problems()) == 1
    assert file_of(folder, SESSION).read_bytes() == content


def test_tokens_without_their_key_file_are_not_written_over(folder: Path) -> None:
    EncryptedFileTokenCache(folder, KEY).store(SESSION, TOKEN)
    (folder / "cache.key").unlink()

    with pytest.raises(ConfigurationError, match=r"has tokens but no cache\.key"):
        EncryptedFileTokenCache(folder, KEY)


@pytest.mark.parametrize(
    "change, text",
    [
        ({"salt": 5}, "cannot be read"),
        ({"cost": "many"}, "cannot be read"),
        ({"cost": math.inf}, "cannot be read"),
        ({"passes": math.nan}, "cannot be read"),
        ({"proof": "!"}, "cannot be read"),
        ({"cost": 1 << 40}, "unreasonable"),
        ({"passes": 1 << 20}, "unreasonable"),
        ({"passes": 0}, "unreasonable"),
        ({"cost": 3}, "unreasonable"),
        ({"cost": 0}, "unreasonable"),
    ],
)
def test_a_key_file_that_makes_no_sense_is_named(folder: Path, change: dict[str, object], text: str) -> None:
    EncryptedFileTokenCache(folder, KEY)
    path = folder / "cache.key"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))

    with pytest.raises(ConfigurationError, match=text):
        EncryptedFileTokenCache(folder, KEY)


@pytest.mark.parametrize(
    "text",
    [
        KEY.hex(),
        KEY.hex().upper() + "\n",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
    ],
)
def test_a_key_is_hex_or_base64(text: str) -> None:
    assert read_key(text.encode(), "there") == KEY


def test_a_key_may_be_in_the_url_safe_alphabet() -> None:
    assert read_key(b"_" * 43, "there") == read_key(b"/" * 43, "there")


@pytest.mark.parametrize("text", ["", "hunter2", "00" * 31, "!" * 43, "A" * 44])
def test_what_is_no_key_is_refused_without_being_told(text: str) -> None:
    with pytest.raises(ConfigurationError, match="there is not a key") as refused:
        read_key(text.encode(), "there")
    assert not text or text not in str(refused.value)


def test_a_key_file_may_be_raw(tmp_path: Path) -> None:
    path = tmp_path / "key"
    for content in (KEY, KEY.hex().encode() + b"\n"):
        path.write_bytes(content)
        assert read_key_file(str(path)) == KEY


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"there is no key file {tmp_path}{os.sep}key"):
        read_key_file(str(tmp_path / "key"))


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_of_another_length_is_refused(folder: Path, length: int) -> None:
    with pytest.raises(ConfigurationError, match="not 32 bytes"):
        EncryptedFileTokenCache(folder, bytes(length))


def test_a_folder_that_everybody_may_write_to_is_a_problem(folder: Path) -> None:
    cache = EncryptedFileTokenCache(folder, KEY)
    folder.chmod(0o777)
    assert [problem.place for problem in cache.problems()] == [str(folder)]

    shutil.rmtree(folder)
    assert cache.problems() == []
