"""Which cache is opened, and how little that costs."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from postern.client.errors import ConfigurationError
from postern.client.token_cache import FileTokenCache, open_token_cache
from postern.client.token_cache.encrypted import EncryptedFileTokenCache
from tests.client.token_cache.samples import SESSION, TOKEN

KEY = "ab" * 32


@pytest.mark.parametrize(
    "spec, environment, folder",
    [
        (None, {}, "{home}/.aws/sso/cache"),
        ("aws", {}, "{home}/.aws/sso/cache"),
        ("aws:/elsewhere", {}, "/elsewhere"),
        ("aws:~/elsewhere", {}, "{home}/elsewhere"),
        (None, {"POSTERN_TOKEN_CACHE": "aws:/by-variable"}, "/by-variable"),
        ("aws:/elsewhere", {"POSTERN_TOKEN_CACHE": "aws:/by-variable"}, "/elsewhere"),
        (None, {"POSTERN_TOKEN_CACHE": ""}, "{home}/.aws/sso/cache"),
    ],
)
def test_files_of_the_aws_cli(tmp_path: Path, spec: str | None, environment: Mapping[str, str], folder: str) -> None:
    cache = open_token_cache(spec, {"HOME": str(tmp_path), **environment})

    assert isinstance(cache, FileTokenCache)
    assert cache.folder == folder.format(home=tmp_path)


def test_encrypted_files_have_their_key_from_a_variable_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY)
    by_variable = open_token_cache(f"encrypted:{tmp_path}/cache", {"POSTERN_TOKEN_CACHE_KEY": KEY})
    by_file = open_token_cache(
        "encrypted:~/cache",
        {"HOME": str(tmp_path), "POSTERN_TOKEN_CACHE_KEY_FILE": "key"}
        | {"POSTERN_TOKEN_CACHE_KEY_FILE": str(tmp_path / "key")},
    )
    by_variable.store(SESSION, TOKEN)

    assert isinstance(by_file, EncryptedFileTokenCache)
    assert by_file.load(SESSION) == TOKEN


def test_encrypted_files_may_have_a_passphrase(tmp_path: Path) -> None:
    spec = f"encrypted:{tmp_path}/cache"
    open_token_cache(spec, {}, passphrase=lambda: "correct horse").store(SESSION, TOKEN)

    with pytest.raises(ConfigurationError, match="this is not the passphrase"):
        open_token_cache(spec, {}, passphrase=lambda: "battery staple")


@pytest.mark.parametrize("spec", ["cloud", "aws2:/x", "encrypted", "encrypted:", "keyring:/x", ":", "/folder"])
def test_what_is_no_cache_is_refused_with_what_there_is(spec: str) -> None:
    with pytest.raises(ConfigurationError, match="it is aws, aws:/folder, keyring or encrypted:/folder"):
        open_token_cache(spec, {})


def test_encrypted_files_without_a_key_name_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="set POSTERN_TOKEN_CACHE_KEY or POSTERN_TOKEN_CACHE_KEY_FILE"):
        open_token_cache(f"encrypted:{tmp_path}", {})


def test_a_warm_cache_is_read_without_what_takes_long_to_import(tmp_path: Path) -> None:
    FileTokenCache(tmp_path).store(SESSION, TOKEN)
    script = f"""
import sys
from postern.client.token_cache import SessionKey, open_token_cache
token = open_token_cache("aws:{tmp_path}", {{}}).load(SessionKey({SESSION.start_url!r}, {SESSION.session_name!r}))
slow = "msgspec asyncio ssl socket threading logging datetime dataclasses pathlib tempfile cryptography keyring base64"
print(token.access_token, *sorted(set(slow.split()) & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"sys = __import__('sys'); sys.path[:0] = {sys.path!r}\n{script}"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ},
    )

    assert done.stdout.split() == [TOKEN.access_token]
