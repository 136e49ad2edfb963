"""Glewlwyd, a server in C, with its OIDC plugin. Debian's package brings it, and the script that makes its tables; its
administration API does the rest. Seeds are rows of its tables, with digests as it makes them.
"""

import gzip
import hashlib
import json
import secrets
import shutil
import sqlite3
import subprocess
import time
import urllib.request
from base64 import b64encode
from collections.abc import Mapping
from contextlib import closing
from http.cookiejar import CookieJar
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from bench.measure import Server
from bench.peers.peer import REGISTER, LeftOut, Peer, Seeds, device_flow
from bench.servers import url

_PROGRAM = "glewlwyd"
_TABLES = Path("/usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz")
_PLUGIN = "oidc"
_USER = "admin"  # the tables come with this one, and with its password
_PASSWORD = "password"
_CLIENT_ID, _CLIENT_SECRET = "bench", "bench-secret-of-forty-three-characters-or-so"
_SCOPE = "accounts"
_LIFE = 24 * 3600
_DEVICE_GRANT = 6  # as it counts the grants that a refresh token came from
_KEPT = "SQLite: rollback journal, synchronous FULL"

_Row = dict[str, str | int]


def _version() -> str:
    query = ["dpkg-query", "--show", "--showformat", "${Version}", _PROGRAM]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout or "unknown"


def _start(folder: Path, port: int) -> Server:
    if not shutil.which(_PROGRAM) or not _TABLES.exists():
        raise LeftOut("not installed: run scripts/setup glewlwyd")
    with closing(sqlite3.connect(_database(folder))) as connection:
        connection.executescript(gzip.decompress(_TABLES.read_bytes()).decode())
    configuration = folder / "glewlwyd.conf"
    configuration.write_text(_configuration(port, _database(folder)))
    server = Server(
        ["--config-file", str(configuration)], {}, url(port), folder / "glewlwyd.log", ready="/config", program=_PROGRAM
    )
    try:
        _set_up(_Administration(url(port)))
    except OSError as error:
        server.stop()
        raise LeftOut(f"its administration API failed: {error}") from error
    return server


def _database(folder: Path) -> Path:
    return folder / "glewlwyd.sqlite3"


def _configuration(port: int, database: Path) -> str:
    return f"""
port = {port}
bind_address = "127.0.0.1"
external_url = "{url(port)}"
api_prefix = "api"
log_mode = "console"
log_level = "ERROR"
cookie_secure = 0
session_key = "GLEWLWYD2_SESSION_ID"
session_expiration = {_LIFE}
admin_scope = "g_admin"
profile_scope = "g_profile"
user_module_path = "/usr/lib/glewlwyd/user"
client_module_path = "/usr/lib/glewlwyd/client"
user_auth_scheme_module_path = "/usr/lib/glewlwyd/scheme"
plugin_module_path = "/usr/lib/glewlwyd/plugin"
use_secure_connection = false
secure_connection_key_file = ""
secure_connection_pem_file = ""
secure_connection_ca_file = ""
hash_algorithm = "SHA512"
database = {{ type = "sqlite3"; path = "{database}"; }};
"""


class _Administration:
    """Its administration API, signed in to."""

    def __init__(self, endpoint: str) -> None:
        self._api = f"{endpoint}/api"
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        self("POST", "/auth/", {"username": _USER, "password": _PASSWORD})

    def __call__(self, method: str, path: str, body: Mapping[str, object]) -> None:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self._api + path, json.dumps(body).encode(), headers, method=method)
        self._opener.open(request, timeout=10).close()


def _set_up(administration: _Administration) -> None:
    """The plugin, a scope that the user may give, and a client that may ask for it."""
    plugin = {"module": "oidc", "name": _PLUGIN, "display_name": _PLUGIN, "parameters": _parameters()}
    administration("POST", "/mod/plugin/", plugin)
    scope = {"name": _SCOPE, "display_name": _SCOPE, "password_required": True, "scheme": {}}
    administration("POST", "/scope/", scope)
    administration("PUT", f"/user/{_USER}", {"scope": ["g_admin", "g_profile", _SCOPE], "enabled": True})
    client = {
        "client_id": _CLIENT_ID,
        "client_secret": _CLIENT_SECRET,
        "confidential": True,
        "enabled": True,
        "redirect_uri": [],
        "authorization_type": ["device_authorization", "refresh_token"],
        "token_endpoint_auth_method": ["client_secret_post"],
        "scope": [_SCOPE],
    }
    administration("POST", "/client/", client)


def _parameters() -> dict[str, object]:
    key = ec.generate_private_key(ec.SECP256R1())
    return {
        "iss": "https://glewlwyd.example.com",
        "jwt-type": "ecdsa",
        "jwt-key-size": "256",
        "key": key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode(),
        "cert": key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        "subject-type": "public",
        "access-token-duration": 3600,
        "refresh-token-duration": _LIFE,
        "code-duration": 600,
        "refresh-token-rolling": True,
        "refresh-token-one-use": "always",
        "allow-non-oidc": True,
        "auth-type-code-enabled": False,
        "auth-type-token-enabled": False,
        "auth-type-implicit-enabled": False,
        "auth-type-none-enabled": False,
        "auth-type-password-enabled": False,
        "auth-type-client-enabled": False,
        "auth-type-device-enabled": True,
        "auth-type-refresh-enabled": True,
        "device-authorization-expiration": _LIFE,
        "device-authorization-interval": 1,
        "register-client-allowed": True,
        "register-client-auth-scope": [],
        "register-client-credentials-scope": [],
        "register-client-management-allowed": False,
    }


def _seed(folder: Path, _: int, codes: int, tokens: int) -> Seeds:
    device_codes = [secrets.token_hex(16) for _ in range(codes)]
    refresh_tokens = [secrets.token_hex(64) for _ in range(tokens)]
    with closing(sqlite3.connect(_database(folder), timeout=10)) as connection, connection:
        for code in device_codes:
            _insert(connection, "gpo_device_authorization", _device_authorization(code), "gpoda_id", "gpodas")
        for token in refresh_tokens:
            _insert(connection, "gpo_refresh_token", _refresh_token(token), "gpor_id", "gpors")
    return Seeds(
        client_id=_CLIENT_ID, client_secret=_CLIENT_SECRET, device_codes=device_codes, refresh_tokens=refresh_tokens
    )


def _device_authorization(code: str) -> _Row:
    return {
        "gpoda_plugin_name": _PLUGIN,
        "gpoda_client_id": _CLIENT_ID,
        "gpoda_expires_at": int(time.time()) + _LIFE,
        "gpoda_issued_for": "127.0.0.1",
        "gpoda_device_code_hash": _digest(code),
        "gpoda_user_code_hash": _digest(f"user code of {code}"),
        "gpoda_last_check": 0,
    }


def _refresh_token(token: str) -> _Row:
    now = int(time.time())
    return {
        "gpor_plugin_name": _PLUGIN,
        "gpor_authorization_type": _DEVICE_GRANT,
        "gpor_username": _USER,
        "gpor_client_id": _CLIENT_ID,
        "gpor_claims_request": "",
        "gpor_issued_at": now,
        "gpor_last_seen": now,
        "gpor_expires_at": now + _LIFE,
        "gpor_duration": _LIFE,
        "gpor_rolling_expiration": 1,
        "gpor_issued_for": "127.0.0.1",
        "gpor_user_agent": "bench",
        "gpor_token_hash": _digest(token),
        "gpor_jti": secrets.token_hex(16),
        "gpor_enabled": 1,
    }


def _insert(connection: sqlite3.Connection, table: str, row: _Row, key: str, scopes: str) -> None:
    """A row, and the scope that goes with it."""
    number = _insert_one(connection, table, row)
    _insert_one(connection, f"{table}_scope", {key: number, f"{scopes}_scope": _SCOPE})


def _insert_one(connection: sqlite3.Connection, table: str, row: _Row) -> int:
    """Its number."""
    statement = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"
    return connection.execute(statement, list(row.values())).lastrowid or 0


def _digest(secret: str) -> str:
    return "{SHA512}" + b64encode(hashlib.sha512(secret.encode()).digest()).decode()


_REQUESTS = device_flow(
    token=f"/api/{_PLUGIN}/token",
    device_authorization=f"/api/{_PLUGIN}/device_authorization",
    registration=f"/api/{_PLUGIN}/register",
    registered={
        "grant_types": ["device_authorization", "refresh_token"],  # its own name for the device grant
        "redirect_uris": ["https://bench.example.com/callback"],
        "response_types": ["code"],
    },
    registered_status=200,
    kept=_KEPT,
    kept_of_poll=_KEPT,
)

PEER = Peer(
    name="Glewlwyd",
    setup="glewlwyd",
    version=_version,
    remark="in C, one process with threads; access tokens are JWTs (ES256); its shortest polling interval is a second, "
    "so that 12,000 codes are polled in turn, and it writes down each poll; some of several registrations at once "
    "it answers with 500, so that one connection asks for them",
    requests={**_REQUESTS, REGISTER: msgspec.structs.replace(_REQUESTS[REGISTER], connections=1)},
    start=_start,
    seed=_seed,
    polled=12_000,
)
