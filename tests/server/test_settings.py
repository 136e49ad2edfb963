"""Settings: one declaration, three sources, and a clear word about everything that is wrong."""

from pathlib import Path

import pytest

from postern.cli.config import documentation
from postern.server.settings import Settings, SettingsError, declared, load
from postern.testing.processes import run_command

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "postern.toml"


def test_without_anything_the_defaults_hold() -> None:
    assert load(environment={}) == Settings()


def test_the_environment_wins_over_the_file_and_the_command_line_over_both(file: Path) -> None:
    file.write_text('[server]\nport = 1001\nworkers = 2\nhost = "127.0.0.2"\n[device]\ninterval = 9\n')
    environment = {"POSTERN_SERVER__PORT": "1002", "POSTERN_SERVER__WORKERS": "3", "POSTERN": "x", "PATH": "/bin"}
    settings = load(file, environment, {"server.port": 1003})
    assert (settings.server.port, settings.server.workers, settings.server.host) == (1003, 3, "127.0.0.2")
    assert settings.policy.device.interval == settings.device.interval == 9


def test_every_setting_can_be_set_in_file_and_environment(file: Path) -> None:
    for setting in declared():
        section, key = setting.section, setting.key
        value = setting.default
        text = ",".join(value) if isinstance(value, tuple) else str(value).lower() if value is True else str(value)
        assert load(environment={setting.variable: text}) == Settings()
        toml = str(list(value)) if isinstance(value, tuple) else repr(value) if isinstance(value, str) else text
        file.write_text(f"[{section}]\n{key} = {toml}\n")
        assert load(file, {}) == Settings()


def test_lists_and_switches_are_read_from_the_environment() -> None:
    settings = load(
        environment={
            "POSTERN_SERVER__TRUSTED_PROXIES": " 10.0.0.0/8, ::1 ,",
            "POSTERN_CLIENTS__DEVICE_GRANT": "false",
            "POSTERN_LOG__REQUESTS": "0",
        }
    )
    assert settings.server.trusted_proxies == ("10.0.0.0/8", "::1")
    assert (settings.clients.device_grant, settings.log.requests) == (False, False)


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a secret\n")
    assert load(environment={"POSTERN_MASTER_KEY__VALUE_FILE": str(secret)}).master_key.value == "a secret"


def test_a_secret_is_never_shown() -> None:
    shown = run_command("config", "show", settings={"POSTERN_MASTER_KEY__VALUE": "a-secret-value"})
    assert "a-secret-value" not in shown.stdout
    assert "(hidden)" in shown.stdout
    as_json = run_command("config", "show", "--json", settings={"POSTERN_MASTER_KEY__VALUE": "a-secret-value"})
    assert "a-secret-value" not in as_json.stdout


@pytest.mark.parametrize(
    "environment, complaint",
    [
        ({"POSTERN_SERVER__PROT": "1"}, "POSTERN_SERVER__PROT is not a setting: did you mean POSTERN_SERVER__PORT?"),
        ({"POSTERN_XYZZY__PLUGH": "1"}, "POSTERN_XYZZY__PLUGH is not a setting"),
        ({"POSTERN_SERVER__PORT_FILE": "/dev/null"}, "POSTERN_SERVER__PORT_FILE is not a setting"),
        ({"POSTERN_MASTER_KEY__VALUE_FILE": "/nowhere/at/all"}, "/nowhere/at/all cannot be read"),
        ({"POSTERN_PORT": "1"}, "POSTERN_PORT is not a setting"),
        ({"POSTERN_MASTER_KEY__VALUE": "x", "POSTERN_MASTER_KEY__VALUE_FILE": "/dev/null"}, "set one of them"),
        ({"POSTERN_INSTANCE__START_URL_ALIASES": "mycorp.awsapps.com/start"}, "is not an http(s) URL"),
        ({"POSTERN_SERVER__PORT": "x"}, "server.port"),
        ({"POSTERN_SERVER__PORT": "65536"}, "server.port"),
        ({"POSTERN_SERVER__WORKERS": "0"}, "server.workers"),
        ({"POSTERN_LOG__LEVEL": "loud"}, "log.level"),
        ({"POSTERN_LIFETIMES__ACCESS_TOKEN": "-1"}, "lifetimes.access_token"),
        ({"POSTERN_LIFETIMES__REPLAY_WINDOW": "61"}, "lifetimes.replay_window"),
        ({"POSTERN_INSTANCE__REGION": "nowhere"}, "instance.region"),
        ({"POSTERN_SERVER__HOST": "0.0.0.0"}, "must be https unless it is on loopback"),
        ({"POSTERN_SERVER__PUBLIC_URL": "http://login.example.org"}, "must be https"),
        ({"POSTERN_SERVER__PUBLIC_URL": "https://login.example.org/x"}, "without a path"),
        ({"POSTERN_SERVER__PUBLIC_URL": "https://user@login.example.org"}, "must be an origin"),
        ({"POSTERN_SERVER__PUBLIC_URL": "https://"}, "must be an origin"),
        ({"POSTERN_SERVER__PUBLIC_URL": "ftp://login.example.org"}, "must be an origin"),
        ({"POSTERN_SERVER__PUBLIC_URL": "https://login.example.org:x"}, "server.public_url"),
        ({"POSTERN_SERVER__PUBLIC_URL": "https://[::1"}, "server.public_url"),
        ({"POSTERN_SERVER__TLS_CERTIFICATE": "x.pem"}, "set both or none"),
        ({"POSTERN_SERVER__TRUSTED_PROXIES": "everyone"}, "'everyone' is not an address"),
        ({"POSTERN_STORE__URL": "memory:", "POSTERN_SERVER__WORKERS": "2"}, "one worker only"),
    ],
)
def test_what_is_wrong_in_the_environment_is_named(environment: dict[str, str], complaint: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        load(environment=environment)
    assert complaint in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("[server]\nprot = 1\n", "server.prot is not a setting: did you mean server.port?"),
        ("[sever]\nport = 1\n", "sever is not a section of the settings: did you mean server?"),
        ("port = 1\n", "port is not a section"),
        ("server = 1\n", "server is not a section"),
        ("[server\n", "is not TOML"),
        ('[server]\nport = "x"\n', "server.port"),
        ("[server]\ntrusted_proxies = 1\n", "server.trusted_proxies"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(file: Path, text: str, complaint: str) -> None:
    file.write_text(text)
    with pytest.raises(SettingsError) as refusal:
        load(file, {})
    assert complaint in str(refusal.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml cannot be read"):
        load(tmp_path / "nowhere.toml", {})
    (tmp_path / "latin.toml").write_bytes(b'[instance]\nname = "\xff"\n')
    with pytest.raises(SettingsError, match="latin"):
        load(tmp_path / "latin.toml", {})


def test_the_public_url_is_made_from_host_and_port() -> None:
    assert load(environment={"POSTERN_SERVER__PORT": "99"}).public_url == "http://127.0.0.1:99"
    assert load(environment={"POSTERN_SERVER__HOST": "::1"}).public_url == "http://[::1]:8765"
    public = {"POSTERN_SERVER__PUBLIC_URL": "https://login.example.org/", "POSTERN_SERVER__HOST": "0.0.0.0"}
    assert load(environment=public).public_url == "https://login.example.org"


def test_the_documentation_of_the_settings_is_up_to_date() -> None:
    """``make docs`` writes it."""
    assert (REPOSITORY / "docs" / "settings.md").read_text("utf-8") == documentation()


def test_every_setting_is_documented() -> None:
    text = documentation()
    for setting in declared():
        assert f"| `{setting.key}` |" in text
        assert f"`{setting.variable}`" in text
        assert setting.help.text.endswith((".", "#"))
