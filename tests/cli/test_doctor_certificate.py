"""`postern doctor` on TLS: each thing that can be wrong with a certificate is told once, with advice of its own."""

from pathlib import Path

import pytest

from tests.cli.certificates import made
from tests.cli.desk import Desk
from tests.cli.examining import AS_SSO_OIDC, found, problems
from tests.cli.stub import Stub, serving


@pytest.mark.parametrize(
    "days, trusts, severity, text",
    [
        (365, True, "ok", "trusted by AWS_CA_BUNDLE"),
        (
            365,
            False,
            "problem",
            (
                "CN=Lab Authority, who issued it, is not among the system's authorities -> if it is the "
                "right authority: put it into a file, with all others that are needed, and name that in AWS_CA_BUNDLE: "
                "it replaces the system's authorities"
            ),
        ),
        (5, True, "warn", "issued by CN=Lab Authority, is good until"),
        (-5, True, "problem", "it has expired"),
    ],
)
def test_a_certificate_is_shown_with_who_trusts_it(
    desk: Desk, tmp_path: Path, days: float, trusts: bool, severity: str, text: str
) -> None:
    certificate = made(tmp_path, valid_for=days)
    with serving(certificate.server) as stub:
        stub.answers = {"/token": AS_SSO_OIDC}
        desk.use_session(stub.url)
        desk.set(AWS_MAX_ATTEMPTS="1", **({"AWS_CA_BUNDLE": str(certificate.authority)} if trusts else {}))
        assert any(text in each for each in found(desk, "certificate", severity))
        is_good = trusts and days > 0
        assert len(problems(desk)) == (0 if is_good else 1)
        assert bool(found(desk, "service", "ok")) == is_good
        assert desk("doctor").code == (0 if is_good else 1)


@pytest.mark.parametrize("kind", ["missing", "no certificate"])
def test_a_file_of_authorities_that_cannot_be_used_is_told_once(desk: Desk, tmp_path: Path, kind: str) -> None:
    bundle = tmp_path / "bundle.pem"
    if kind != "missing":
        bundle.write_text("nonsense")
    with serving(made(tmp_path).server) as stub:
        desk.use_session(stub.url)
        desk.set(AWS_CA_BUNDLE=str(bundle))
        (told,) = problems(desk)
    assert told.startswith(f"AWS_CA_BUNDLE ({bundle}) cannot be used: ")
    assert "name a PEM file of authorities there, or nothing" in told


def test_a_certificate_of_another_name_is_told_with_its_names(desk: Desk, tmp_path: Path) -> None:
    certificate = made(tmp_path, name="other.example")
    with serving(certificate.server) as stub:
        desk.use_session(stub.url)
        desk.set(AWS_CA_BUNDLE=str(certificate.authority))
        (told,) = problems(desk)
    assert " is for other.example -> use a name of the certificate in the endpoint URL" in told


def test_authorities_of_one_s_own_that_do_not_know_the_service_are_told(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    bundle = made(tmp_path / "other").authority
    with serving(made(tmp_path).server) as stub:
        desk.use_session(stub.url)
        desk.set(AWS_CA_BUNDLE=str(bundle))
        (told,) = problems(desk)
    assert f"is not among AWS_CA_BUNDLE ({bundle}) -> if it is the right authority, add it to {bundle}" in told


def test_a_bundle_that_hides_the_system_s_authorities_is_told(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    certificate, bundle = made(tmp_path), made(tmp_path / "other").authority
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.authority))
    with serving(certificate.server) as stub:
        desk.use_session(stub.url)
        desk.set(AWS_CA_BUNDLE=str(bundle))
        (told,) = problems(desk)
    assert "which replaces the system's authorities; they know it -> take that setting away, or add" in told


def test_a_certificate_behind_a_proxy_is_not_judged(desk: Desk) -> None:
    desk.use_session("https://sso.example.test")
    desk.set(HTTPS_PROXY="http://127.0.0.1:9", AWS_MAX_ATTEMPTS="1")
    assert any("127.0.0.1:9 stands in between" in each for each in found(desk, "certificate", "ok"))


def test_no_tls_where_tls_is_expected_is_a_problem(desk: Desk, sso_oidc: Stub) -> None:
    desk.use_session(sso_oidc.url.replace("http:", "https:"))
    desk.set(AWS_MAX_ATTEMPTS="1")
    (told,) = problems(desk)
    assert "does not speak TLS" in told
    assert "the endpoint URL must begin with http:" in told
    assert "_ssl.c" not in told


def test_a_service_that_is_not_there_is_told_once(desk: Desk) -> None:
    desk.use_session("https://127.0.0.1:9")
    desk.set(AWS_MAX_ATTEMPTS="1")
    (told,) = problems(desk)
    assert "127.0.0.1:9" in told
