"""The settings of a server: one declaration from which defaults, file keys, environment variables, checks and
documentation come.

A setting ``section.key`` is read from the TOML file, then from the environment variable ``POSTERN_SECTION__KEY``,
which wins. For secrets ``POSTERN_SECTION__KEY_FILE`` names a file that holds the value. What is not declared is
refused.
"""

import difflib
import ipaddress
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints
from urllib.parse import SplitResult, urlsplit

import msgspec

from postern.api.errors import InvalidRequestException
from postern.core import regions, start_urls
from postern.core.policy import (
    ClientPolicy,
    DevicePolicy,
    Help,
    IamPolicy,
    IdTokenPolicy,
    InstancePolicy,
    KeyPolicy,
    LifetimePolicy,
    LimitPolicy,
    Policy,
    Positive,
    RoleCredentialPolicy,
    Section,
    TrustedIssuerPolicy,
)

PREFIX = "POSTERN_"
_NOT_SETTINGS = frozenset({"POSTERN_REQUIRE_CLIENTS"})  # read by the tests
DEFAULT_PORT = 8765


class SettingsError(Exception):
    """A setting is unknown or has a value that it cannot have. The text names it, in one line."""


class ServerSettings(Section, frozen=True, kw_only=True):
    host: Annotated[str, Help("Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535), Help("Port to listen on.")] = DEFAULT_PORT
    public_url: Annotated[
        str,
        Help("Origin that clients and browsers use; by default http on host and port, which must be loopback."),
    ] = ""
    data: Annotated[str, Help("Folder for the embedded store and the master key.")] = ".data"
    workers: Annotated[int, Positive, Help("Worker processes.")] = 1
    tls_certificate: Annotated[
        str, Help("PEM file with the certificate chain; empty for plain HTTP behind a proxy or on loopback.")
    ] = ""
    tls_private_key: Annotated[str, Help("PEM file with the private key of the certificate.")] = ""
    trusted_proxies: Annotated[
        tuple[str, ...], Help("Addresses or networks of proxies whose X-Forwarded-For is believed; nobody else's is.")
    ] = ()
    max_body: Annotated[int, Positive, Help("Largest request body.", "bytes")] = 64 * 1024
    max_connections: Annotated[int, Positive, Help("Connections of one worker; further ones are closed at once.")] = (
        10_000
    )
    max_in_work: Annotated[
        int, Positive, Help("Requests that one worker works on at a time; fewer while answers are late.")
    ] = 400
    target_delay: Annotated[
        int,
        Positive,
        Help("Mean time to an answer above which a worker takes on less and refuses the rest.", "milliseconds"),
    ] = 40
    request_timeout: Annotated[int, Positive, Help("Time in which a request must have arrived whole.", "seconds")] = 14
    idle_timeout: Annotated[int, Positive, Help("Time after which an idle connection is closed.", "seconds")] = 75
    shutdown_timeout: Annotated[
        int, Positive, Help("Time that running requests have to end when the server stops.", "seconds")
    ] = 8


class StoreSettings(Section, frozen=True, kw_only=True):
    url: Annotated[
        str,
        Help(
            "Store: sqlite:///PATH, postgresql://USER@HOST/DATABASE or memory:. By default postern.db in the data "
            "folder.",
            secret=True,
        ),
    ] = ""
    sweep_interval: Annotated[int, Positive, Help("Time between two sweeps of expired rows.", "seconds")] = 30
    sweep_rows: Annotated[int, Positive, Help("Rows of each kind that one step of a sweep looks at.")] = 500


class MasterKeySettings(Section, frozen=True, kw_only=True):
    value: Annotated[str, Help("Master key: 32 bytes in base64. Wraps the keys in the store.", secret=True)] = ""
    file: Annotated[
        str, Help("File that holds the master key; made on first start. By default master.key in the data folder.")
    ] = ""


class LogSettings(Section, frozen=True, kw_only=True):
    level: Annotated[str, msgspec.Meta(pattern="^(debug|info|warning|error)$"), Help("Least severe level to log.")] = (
        "info"
    )
    requests: Annotated[bool, Help("Whether each request is logged.")] = True


class Settings(Section, frozen=True, kw_only=True):
    """All sections. Those after ``log`` are what the rules obey."""

    server: ServerSettings = ServerSettings()
    store: StoreSettings = StoreSettings()
    master_key: MasterKeySettings = MasterKeySettings()
    log: LogSettings = LogSettings()
    instance: InstancePolicy = InstancePolicy()
    lifetimes: LifetimePolicy = LifetimePolicy()
    clients: ClientPolicy = ClientPolicy()
    device: DevicePolicy = DevicePolicy()
    limits: LimitPolicy = LimitPolicy()
    keys: KeyPolicy = KeyPolicy()
    iam: IamPolicy = IamPolicy()
    id_tokens: IdTokenPolicy = IdTokenPolicy()
    trusted_issuers: TrustedIssuerPolicy = TrustedIssuerPolicy()
    role_credentials: RoleCredentialPolicy = RoleCredentialPolicy()

    @property
    def public_url(self) -> str:
        server = self.server
        host = f"[{server.host}]" if ":" in server.host else server.host
        return (server.public_url or f"http://{host}:{server.port}").rstrip("/")

    @property
    def store_url(self) -> str:
        return self.store.url or f"sqlite:///{Path(self.server.data).absolute() / 'postern.db'}"

    @property
    def master_key_file(self) -> Path:
        return Path(self.master_key.file) if self.master_key.file else Path(self.server.data) / "master.key"

    @property
    def policy(self) -> Policy:
        return Policy(
            public_url=self.public_url,
            instance=self.instance,
            lifetimes=self.lifetimes,
            clients=self.clients,
            device=self.device,
            limits=self.limits,
            keys=self.keys,
            iam=self.iam,
            id_tokens=self.id_tokens,
            trusted_issuers=self.trusted_issuers,
            role_credentials=self.role_credentials,
        )


class Declared(msgspec.Struct, frozen=True):
    """One setting as documentation needs it."""

    section: str
    key: str
    type: str
    help: Help
    default: object

    @property
    def name(self) -> str:
        return f"{self.section}.{self.key}"

    @property
    def variable(self) -> str:
        return f"{PREFIX}{self.section.upper()}__{self.key.upper()}"


def declared() -> Iterator[Declared]:
    """Every setting, in the order of declaration."""
    for section in msgspec.structs.fields(Settings):
        hints = get_type_hints(section.type, include_extras=True)
        for field in msgspec.structs.fields(section.type):
            kind, *metadata = get_args(hints[field.name])
            help_ = next(item for item in metadata if isinstance(item, Help))
            type_name = _type_name(kind)
            yield Declared(section.name, field.name, type_name, help_, field.default)


def _type_name(kind: Any) -> str:
    if get_origin(kind) is tuple:
        return "list of strings"
    if get_origin(kind) is Literal:
        return " or ".join(get_args(kind))
    return str(kind.__name__)


def load(
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
) -> Settings:
    """Settings from a TOML file, then the environment, then ``overrides`` (names with a dot, as the command line
    gives them).

    Raises:
        SettingsError: a setting is unknown or its value is not possible.
    """
    values = _from_file(file) if file else {}
    _require_known(values)
    for name, value in {
        **_from_environment(os.environ if environment is None else environment),
        **(overrides or {}),
    }.items():
        section, _, key = name.partition(".")
        values.setdefault(section, {})[key] = value
    try:
        settings = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(_readable(str(error))) from None
    _require_consistent(settings)
    return settings


def _from_file(file: Path) -> dict[str, dict[str, object]]:
    try:
        with file.open("rb") as stream:
            return tomllib.load(stream)
    except OSError as error:
        raise SettingsError(f"the settings file {file} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"the settings file {file} is not TOML: {error}") from None


def _from_environment(environment: Mapping[str, str]) -> dict[str, object]:
    known = {setting.variable: setting for setting in declared()}
    values: dict[str, object] = {}
    for variable, text in environment.items():
        if not variable.startswith(PREFIX) or variable in _NOT_SETTINGS:
            continue
        setting = known.get(variable)
        if setting is not None and setting.help.secret and f"{variable}_FILE" in environment:
            raise SettingsError(f"{variable} and {variable}_FILE: set one of them")
        if setting is not None:
            values[setting.name] = _split(text) if setting.type == "list of strings" else text
            continue
        setting = known.get(variable.removesuffix("_FILE"))
        if setting is None or not setting.help.secret:
            raise SettingsError(f"{variable} is not a setting{_suggestion(variable, known)}")
        values[setting.name] = _secret_from(variable, Path(text))
    return values


def _secret_from(variable: str, file: Path) -> str:
    try:
        return file.read_text("utf-8").strip()
    except OSError as error:
        raise SettingsError(f"{variable}: the file {file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{variable}: the file {file} is not text") from None


def _split(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.split(",") if item.strip())


def _require_known(values: Mapping[str, object]) -> None:
    names = {setting.name for setting in declared()}
    sections = {name.partition(".")[0] for name in names}
    for section, keys in values.items():
        if section not in sections or not isinstance(keys, dict):
            raise SettingsError(f"{section} is not a section of the settings{_suggestion(section, sections)}")
        for key in keys:
            if f"{section}.{key}" not in names:
                raise SettingsError(f"{section}.{key} is not a setting{_suggestion(f'{section}.{key}', names)}")


def _suggestion(name: str, known: Mapping[str, object] | set[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f": did you mean {close[0]}?" if close else ""


def _readable(error: str) -> str:
    text, _, path = error.partition(" - at `$.")
    return f"{path.rstrip('`')}: {text}" if path else text


def _require_consistent(settings: Settings) -> None:
    server = settings.server
    parts = _split_url(settings.public_url)
    if (
        parts is None
        or parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.path
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
    ):
        raise SettingsError("server.public_url: must be an origin such as https://login.example.org, without a path")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise SettingsError(
            "server.public_url: must be https unless it is on loopback; set it to the URL that clients use"
        )
    if bool(server.tls_certificate) != bool(server.tls_private_key):
        raise SettingsError("server.tls_certificate and server.tls_private_key: set both or none")
    for proxy in server.trusted_proxies:
        _require_network("server.trusted_proxies", proxy)
    for network in settings.trusted_issuers.allowed_networks:
        _require_network("trusted_issuers.allowed_networks", network)
    try:
        regions.siblings(settings.policy)
    except ValueError as error:
        raise SettingsError(f"instance.sibling_regions: {error}") from None
    for alias in settings.instance.start_url_aliases:
        _require_start_url(alias)
    if settings.store_url == "memory:" and server.workers > 1:
        raise SettingsError("server.workers: the memory store serves one worker only")


def _split_url(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # checked only when it is asked for
    except ValueError:
        return None
    return parts


def _require_start_url(alias: str) -> None:
    try:
        start_urls.normalise(alias)
    except InvalidRequestException:
        raise SettingsError(f"instance.start_url_aliases: {alias!r} is not an http(s) URL") from None


def _require_network(setting: str, network: str) -> None:
    try:
        ipaddress.ip_network(network)
    except ValueError:
        raise SettingsError(f"{setting}: {network!r} is not an address or network") from None


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
