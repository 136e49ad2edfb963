"""The cache in the operating system's keyring."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from postern.client.errors import ConfigurationError
from postern.client.token_cache import TokenCache, TokenCacheError
from postern.client.token_cache.keyring import KeyringTokenCache
from tests.client.token_cache.contract import TokenCacheContract
from tests.client.token_cache.samples import LEGACY, OTHER_SESSION, SECRETS, SESSION, TOKEN


class MemoryKeyring:
    """A keyring with the limits of a strict one: short entries, and no deleting of what is not there."""

    def __init__(self, largest: int = 1 << 20) -> None:
        self.entries: dict[tuple[str, str], str] = {}
        self.largest = largest
        self.is_locked = False
        self.hiccups: list[str] = []  # the next read of each of these fails

    def get_password(self, service: str, username: str) -> str | None:
        self._check()
        if username in self.hiccups:
            self.hiccups.remove(username)
            raise RuntimeError("the bus is busy")
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._check()
        if len(password) > self.largest:
            raise ValueError(f"too long: {password}")
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._check()
        del self.entries[service, username]

    def _check(self) -> None:
        if self.is_locked:
            raise RuntimeError("locked")


@pytest.fixture
def backend() -> MemoryKeyring:
    return MemoryKeyring()


class TestContract(TokenCacheContract):
    @pytest.fixture
    def cache(self, backend: MemoryKeyring, folder: Path) -> TokenCache:
        return KeyringTokenCache(backend=backend, folder=folder)

    @pytest.fixture
    def twin(self, backend: MemoryKeyring, folder: Path) -> TokenCache:
        return KeyringTokenCache(backend=backend, folder=folder)


class TestContractWithShortEntries(TokenCacheContract):
    @pytest.fixture
    def backend(self) -> MemoryKeyring:
        return MemoryKeyring(largest=200)

    @pytest.fixture
    def cache(self, backend: MemoryKeyring, folder: Path) -> TokenCache:
        return KeyringTokenCache(backend=backend, folder=folder, part_size=200)

    @pytest.fixture
    def twin(self, backend: MemoryKeyring, folder: Path) -> TokenCache:
        return KeyringTokenCache(backend=backend, folder=folder, part_size=200)

    def test_no_part_is_left_behind(self, cache: TokenCache, backend: MemoryKeyring) -> None:
        cache.store(SESSION, TOKEN)
        count = len(backend.entries)
        cache.store(SESSION, TOKEN)
        assert len(backend.entries) == count

        cache.delete(SESSION)
        assert list(backend.entries.values()) == ["[]"]

    def test_a_writer_that_dies_between_parts_leaves_the_old_token(
        self, cache: TokenCache, backend: MemoryKeyring
    ) -> None:
        cache.store(SESSION, TOKEN)
        backend.largest = 150

        with pytest.raises(TokenCacheError):
            cache.store(SESSION, TOKEN._replace(access_token="newer"))

        assert cache.load(SESSION) == TOKEN

    def test_an_entry_whose_part_is_missing_is_no_token(self, cache: TokenCache, backend: MemoryKeyring) -> None:
        cache.store(SESSION, TOKEN)
        del backend.entries[next(entry for entry in backend.entries if entry[1].endswith(".1"))]

        assert cache.load(SESSION) is None
        assert [problem.reason for problem in cache.problems()] == ["a part of it is missing"]

    def test_a_reader_that_a_writer_overtakes_reads_the_new_token(
        self, cache: TokenCache, backend: MemoryKeyring, folder: Path
    ) -> None:
        cache.store(SESSION, TOKEN)
        newer = TOKEN._replace(access_token="newer")
        overtaken = Overtaken(backend, lambda: cache.store(SESSION, newer))

        assert KeyringTokenCache(backend=overtaken, folder=folder).load(SESSION) == newer


class Overtaken:
    """Reads of a keyring into which somebody writes after the first one."""

    def __init__(self, backend: MemoryKeyring, write: "object") -> None:
        self._backend = backend
        self._write = write

    def get_password(self, service: str, username: str) -> str | None:
        found = self._backend.get_password(service, username)
        write, self._write = self._write, None
        if callable(write):
            write()
        return found

    def set_password(self, service: str, username: str, password: str) -> None:
        raise AssertionError("a reader writes nothing")

    def delete_password(self, service: str, username: str) -> None:
        raise AssertionError("a reader deletes nothing")


def test_a_locked_keyring_is_no_token_and_cannot_be_written(backend: MemoryKeyring, tmp_path: Path) -> None:
    cache = KeyringTokenCache(backend=backend, folder=tmp_path)
    cache.store(SESSION, TOKEN)
    backend.is_locked = True

    assert cache.load(SESSION) is None
    with pytest.raises(TokenCacheError, match="the keyring refused: RuntimeError"):
        cache.store(SESSION, TOKEN)


class TestIndexOutOfReach:
    """The index cannot be read for a moment: what it lists must not be forgotten."""

    @pytest.fixture
    def cache(self, backend: MemoryKeyring, tmp_path: Path) -> KeyringTokenCache:
        cache = KeyringTokenCache(backend=backend, folder=tmp_path)
        for key in (SESSION, OTHER_SESSION):
            cache.store(key, TOKEN)
        backend.hiccups = ["index"]
        return cache

    def test_a_token_is_renewed_all_the_same(self, cache: KeyringTokenCache, backend: MemoryKeyring) -> None:
        cache.store(SESSION, TOKEN._replace(access_token="newer"))

        assert {token.access_token for token in cache.list()} == {"newer", TOKEN.access_token}

    def test_a_new_entry_is_refused(self, cache: KeyringTokenCache, backend: MemoryKeyring) -> None:
        with pytest.raises(TokenCacheError):
            cache.store(LEGACY, TOKEN)

        assert cache.load(LEGACY) is None
        assert len(cache.list()) == 2

    def test_nothing_is_deleted(self, cache: KeyringTokenCache, backend: MemoryKeyring) -> None:
        with pytest.raises(TokenCacheError):
            cache.delete(SESSION)

        assert cache.load(SESSION) == TOKEN
        assert len(cache.list()) == 2


def test_what_a_backend_says_is_not_repeated(tmp_path: Path) -> None:
    cache = KeyringTokenCache(backend=MemoryKeyring(largest=10), folder=tmp_path)

    with pytest.raises(TokenCacheError) as refused:
        cache.store(SESSION, TOKEN)

    assert not [secret for secret in SECRETS if secret in str(refused.value)]
    assert refused.value.__suppress_context__


@pytest.mark.parametrize("index", ["{", "{}", "5", '[1, null, {"a": 1}]'])
def test_an_index_that_cannot_be_read_lists_nothing(backend: MemoryKeyring, tmp_path: Path, index: str) -> None:
    backend.entries["postern", "index"] = index

    assert KeyringTokenCache(backend=backend, folder=tmp_path).list() == []


def test_a_missing_package_is_named_with_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)

    with pytest.raises(ConfigurationError, match=r"pip install 'postern\[keyring\]'"):
        KeyringTokenCache()


@pytest.mark.parametrize("kind", ["keyring.backends.null", "keyring.backends.fail"])
def test_a_machine_without_a_keyring_is_told_what_else_there_is(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    useless = type("Keyring", (), {"__module__": kind})()
    monkeypatch.setitem(sys.modules, "keyring", keyring_of(useless))

    with pytest.raises(ConfigurationError, match="no keyring on this machine"):
        KeyringTokenCache()


def test_the_keyring_of_the_machine_is_used(
    monkeypatch: pytest.MonkeyPatch, backend: MemoryKeyring, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", keyring_of(backend))

    KeyringTokenCache(folder=tmp_path).store(SESSION, TOKEN)

    assert ("postern", SESSION.primary) in backend.entries


def keyring_of(backend: object) -> ModuleType:
    module = ModuleType("keyring")
    module.get_keyring = lambda: backend  # type: ignore[attr-defined]
    return module
