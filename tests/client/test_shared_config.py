"""The shared files are read as botocore reads them, and what is wrong with one is said without what is in it."""

from collections.abc import Mapping
from pathlib import Path

import botocore.configloader
import botocore.exceptions
import botocore.session
import pytest

from postern.client.errors import ConfigurationError
from postern.client.shared_config import Section, SharedConfig

FILES = {
    "nothing": ("", ""),
    "blank lines only": ("\n \n\t\n", "\n"),
    "comments only": ("# one\n; two\n", ""),
    "default": ("[default]\nregion = eu-west-1\n", ""),
    "default with prefix": ("[profile default]\nregion = eu-west-1\n", ""),
    "default twice, bare last": ("[profile default]\na = 1\n[default]\nb = 2\n", ""),
    "default twice, bare first": ("[default]\nb = 2\n[profile default]\na = 1\n", ""),
    "named": ("[profile dev]\nregion = eu-west-1\noutput = json\n", ""),
    "quoted names": ("[profile 'my dev']\na = 1\n[profile \"it's\"]\na = 2\n[profile two words]\na = 3\n", ""),
    "one name quoted and bare": ('[profile dev]\na = 1\n[profile "dev"]\nb = 2\n', ""),
    "unbalanced quote": ('[profile "dev]\na = 1\n', ""),
    "escaped space": ("[profile my\\ dev]\na = 1\n", ""),
    "tab between": ("[profile\tdev]\na = 1\n", ""),
    "spaces around": ("[ profile dev ]\na = 1\n", ""),
    "no prefix": ("[dev]\nregion = eu-west-1\n", ""),
    "prefix in the plural": ("[profiles dev]\na = 1\n[sso-sessions corp]\na = 2\n", ""),
    "prefix alone": ("[profile]\na = 1\n[sso-session]\nb = 2\n[services]\nc = 3\n", ""),
    "upper-case keys": ("[default]\nRegion = EU\nSSO_Start_URL = https://x/A\n", ""),
    "colon": ("[default]\nregion: eu-west-1\nurl = https://a:b\n", ""),
    "no interpolation": ("[default]\nsecret = a%b%(c)s${d}\n", ""),
    "inline comment stays": ("[default]\nregion = eu-west-1 # home\nother = a ; b\n", ""),
    "inheritance from DEFAULT": ("[DEFAULT]\nregion = eu-west-1\n[profile dev]\na = 1\n", ""),
    "indented first key": ("[default]\n  region = eu-west-1\n", ""),
    "continuation": ("[default]\ncredential_process = one\n  two\n  three\n", ""),
    "nested": ("[default]\ns3 =\n  a = 1\n  B = 2 = 3\n\n  # comment\nregion = eu-west-1\n", ""),
    "services": (
        "[services local]\nsso_oidc =\n  endpoint_url = http://x\nSSO = \n\tendpoint_url=http://x\n\tB = 1\nflat = 1\n",
        "",
    ),
    "sso-session": (
        "[sso-session corp]\nsso_region = eu-west-1\nsso_registration_scopes = a, b\n[profile x]\nsso_session = corp",
        "",
    ),
    "sso-session twice": ('[sso-session corp]\na = 1\n[sso-session "corp"]\nb = 2\n', ""),
    "empty value": ("[default]\nregion =\nother = \n", ""),
    "empty section": ("[profile dev]\n[services none]\n", ""),
    "carriage returns": ("[default]\r\nregion = eu-west-1\r\ns3 =\r\n  a = 1\r\n", "[default]\r\nb = 2\r\n"),
    "beyond ASCII": ("[profile café]\nname = Zürich\n", ""),
    "credentials only": ("", "[default]\naws_access_key_id = AKID\n[dev]\naws_access_key_id = OTHER\n"),
    "credentials win": ("[profile dev]\na = config\nb = config\n", "[dev]\na = credentials\nc = credentials\n"),
    "credentials win over default": ("[default]\na = config\nregion = x\n", "[default]\na = credentials\n"),
    "prefix in credentials": ("", "[profile dev]\na = 1\n['quoted']\na = 2\n"),
}


class Home:
    """A home directory with the two files in it."""

    def __init__(self, path: Path) -> None:
        self.environment = {"HOME": str(path)}
        self.config = path / ".aws" / "config"
        self.credentials = path / ".aws" / "credentials"
        self.config.parent.mkdir()

    def write(self, config: str | bytes, credentials: str | bytes = "") -> None:
        for path, content in ((self.config, config), (self.credentials, credentials)):
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def load(self) -> SharedConfig:
        return SharedConfig.load(self.environment)

    def botocores(self) -> dict[str, dict[str, Section]]:
        session = botocore.session.Session()
        session.set_config_variable("config_file", str(self.config))
        session.set_config_variable("credentials_file", str(self.credentials))
        full: dict[str, dict[str, Section]] = session.full_config
        return {kind: full.get(kind, {}) for kind in ("profiles", "sso_sessions", "services")}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def flat(section: Section) -> Mapping[str, object]:
    return {key: value for key, value in section.items() if isinstance(value, str)}


def nested(section: Section) -> Mapping[str, object]:
    return {key: value for key, value in section.items() if not isinstance(value, str)}


@pytest.mark.parametrize("name", FILES)
def test_files_are_read_as_botocore_reads_them(home: Home, name: str) -> None:
    home.write(*FILES[name])
    shared, expected = home.load(), home.botocores()
    assert {name: shared.profile(name) for name in shared.profile_names} == {
        name: flat(section) for name, section in expected["profiles"].items()
    }
    assert {name: shared.sso_session(name) for name in shared.sso_session_names} == {
        name: flat(section) for name, section in expected["sso_sessions"].items()
    }
    assert {name: shared.services(name) for name in expected["services"]} == {
        name: nested(section) for name, section in expected["services"].items()
    }


MALFORMED: dict[str, tuple[str | bytes, int]] = {
    "before the first section": ("region = hunter2\n[default]\n", 1),
    "no value": ("[default]\n# hunter2\nhunter2\n", 3),
    "broken header": ("[default\nregion = hunter2\n", 1),
    "section twice": ("[default]\na = hunter2\n\n[default]\n", 4),
    "key twice": ("[default]\naws_secret_access_key = a\nAWS_secret_access_key = hunter2\n", 3),
    "block without equals": ("[profile a]\nx = y\n[default]\ns3 =\n  a = 1\n  hunter2\n", 6),
    "block inherited": ("[DEFAULT]\ns3 =\n  hunter2\n[default]\n", 4),
    "not UTF-8": (b"[default]\nname = Z\xc3\xbcrich\nother = hunter2\xff\n", 3),
}


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize("which", ["config", "credentials"])
def test_a_malformed_file_is_refused_with_its_path_and_line(home: Home, name: str, which: str) -> None:
    content, line = MALFORMED[name]
    home.write(*((content, "") if which == "config" else ("", content)))
    with pytest.raises(ConfigurationError) as refusal:
        home.load()
    path = home.config if which == "config" else home.credentials
    assert str(refusal.value).startswith(f"{path}, line {line}: ")
    assert "hunter2" not in str(refusal.value)
    with pytest.raises(botocore.exceptions.ConfigParseError):
        home.botocores()


def test_missing_files_are_empty(tmp_path: Path) -> None:
    shared = SharedConfig.load({"HOME": str(tmp_path / "nowhere")})
    assert (shared.profile_names, shared.sso_session_names) == ((), ())


@pytest.mark.parametrize("path", ["/dev/null", "/dev", "/dev/null/config"])
def test_what_is_no_plain_file_is_empty(path: str) -> None:
    shared = SharedConfig.load({"AWS_CONFIG_FILE": path, "AWS_SHARED_CREDENTIALS_FILE": path})
    assert shared.profile_names == ()


def test_a_file_that_cannot_be_opened_is_refused(home: Home) -> None:
    home.config.symlink_to(home.config)
    with pytest.raises(ConfigurationError, match=str(home.config)):
        home.load()


def test_a_byte_order_mark_is_no_part_of_the_first_header(home: Home) -> None:
    home.write(b"\xef\xbb\xbf[default]\nregion = eu-west-1\n")
    assert home.load().profile("default") == {"region": "eu-west-1"}


@pytest.mark.parametrize("variable, which", [("AWS_CONFIG_FILE", 0), ("AWS_SHARED_CREDENTIALS_FILE", 1)])
@pytest.mark.parametrize("place", ["HOME/elsewhere", "~/elsewhere", "$PLACE/elsewhere", "${PLACE}/elsewhere"])
def test_the_environment_says_where_the_files_are(tmp_path: Path, variable: str, which: int, place: str) -> None:
    (tmp_path / "elsewhere").write_text(("[profile dev]\na = 1\n", "[dev]\na = 1\n")[which])
    environment = {"HOME": str(tmp_path), "PLACE": str(tmp_path), variable: place.replace("HOME", str(tmp_path))}
    assert SharedConfig.load(environment).profile("dev") == {"a": "1"}


def test_without_a_home_in_the_environment_it_is_the_process_own(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    home.write("[profile dev]\na = 1\n")
    assert SharedConfig.load({}).profile("dev") == {"a": "1"}


def test_a_name_that_is_not_there_is_refused_with_those_that_are_close(home: Home) -> None:
    home.write("[profile staging]\n[profile prod]\n[sso-session corp]\n[services local]\n", "[stagin]\n")
    shared = home.load()
    with pytest.raises(ConfigurationError, match=r"no profile 'stging' in .*: did you mean 'staging' or 'stagin'\?$"):
        shared.profile("stging")
    with pytest.raises(ConfigurationError, match=r"no sso-session 'crop' in .*: did you mean 'corp'\?$"):
        shared.sso_session("crop")
    with pytest.raises(ConfigurationError, match=r"no services section 'locale' in .*: did you mean 'local'\?$"):
        shared.services("locale")
    with pytest.raises(ConfigurationError, match=f"no profile 'zzz' in {home.config} or {home.credentials}$"):
        shared.profile("zzz")


def test_no_value_is_in_the_repr(home: Home) -> None:
    home.write("[profile dev]\ns3 =\n  key = hunter2\n", "[default]\naws_secret_access_key = hunter2\n")
    assert repr(home.load()) == "SharedConfig(dev, default)"
