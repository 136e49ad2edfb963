"""What a declarative file may say."""

import datetime

import pytest

from postern.core.directory.declaration import InvalidDeclaration, Place, read
from postern.core.directory.records import (
    AuthorizationCodeOptions,
    RefreshTokenOptions,
    Status,
    TokenExchangeOptions,
)


def test_an_empty_file_declares_nothing() -> None:
    declared = read({})
    assert (declared.group, declared.trusted_token_issuer, declared.access_key, declared.application) == (
        (),
        (),
        (),
        (),
    )


def test_an_application_is_read() -> None:
    (application,) = read(
        {
            "application": [
                {
                    "name": "reports",
                    "status": "DISABLED",
                    "authorization_code": {"redirect_uris": ["https://a.example.org/"], "pkce_required": False},
                    "refresh_token": {},
                    "jwt_bearer": {
                        "authorized_token_issuers": [{"trusted_token_issuer": "corp", "authorized_audiences": ["a"]}]
                    },
                    "token_exchange": {"accepted_scopes": ["q:use"]},
                    "access_scopes": ["q:use", {"scope": "s3:access_grants"}],
                }
            ]
        }
    ).application
    assert application.status is Status.DISABLED
    assert application.authorization_code == AuthorizationCodeOptions(
        redirect_uris=("https://a.example.org/",), pkce_required=False
    )
    assert application.refresh_token == RefreshTokenOptions()
    assert application.token_exchange == TokenExchangeOptions(accepted_scopes=("q:use",))
    assert application.jwt_bearer is not None
    assert application.jwt_bearer.authorized_token_issuers[0].trusted_token_issuer == "corp"
    assert len(application.access_scopes) == 2


ISSUER = {"name": "corp", "issuer_url": "x", "claim_attribute_path": "x", "identity_store_attribute_path": "x"}
KEY = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "principal_arn": "x"}


@pytest.mark.parametrize(
    "values, text, place",
    [
        ({"people": []}, "people is not known", ("people",)),
        ({"grup": []}, "grup is not known: did you mean group?", ("grup",)),
        ({"group": {"name": "a"}}, "group: Expected `array`, got `object`", ("group",)),
        ({"group": [{}]}, "group: Object missing required field `name`", ("group", 0)),
        ({"group": [{"name": "a"}, {"name": 7}]}, "group.name: Expected `str`, got `int`", ("group", 1, "name")),
        (
            {"group": [{"name": "a", "member": []}]},
            "group.member is not known: did you mean members?",
            ("group", 0, "member"),
        ),
        ({"group": [{"name": "a"}, {"name": "a"}]}, "group 'a' is declared twice", ("group", 1)),
        (
            {"trusted_token_issuer": [ISSUER, ISSUER]},
            "trusted_token_issuer 'corp' is declared twice",
            ("trusted_token_issuer", 1),
        ),
        (
            {"trusted_token_issuer": [ISSUER | {"jwks_uri": "x"}]},
            "trusted_token_issuer.jwks_uri is not known",
            ("trusted_token_issuer", 0, "jwks_uri"),
        ),
        (
            {"access_key": [KEY, KEY]},
            "access_key 'AKIAIOSFODNN7EXAMPLE' is declared twice",
            ("access_key", 1),
        ),
        (
            {"access_key": [KEY | {"secret_access_key": "x"}]},
            "access_key.secret_access_key is not known: did you mean secret_access_key_env?",
            ("access_key", 0, "secret_access_key"),
        ),
        (
            {"access_key": [KEY | {"secret_access_key_env": "X", "secret_access_key_file": "x"}]},
            "secret_access_key_file and secret_access_key_env: set one of them",
            ("access_key", 0, "secret_access_key_env"),
        ),
        (
            {"application": [{"name": "a", "status": "off"}]},
            "application.status: Invalid enum value 'off': it is ENABLED or DISABLED",
            ("application", 0, "status"),
        ),
        (
            {"access_key": [KEY | {"status": "ENABLED"}]},
            "access_key.status: Invalid enum value 'ENABLED': it is Active or Inactive",
            ("access_key", 0, "status"),
        ),
        (
            {"application": [{"name": "a", "refresh_token": {"x": 1}}]},
            "application.refresh_token.x is not known",
            ("application", 0, "refresh_token", "x"),
        ),
        (
            {"application": [{"name": "a", "actor_policy": {"Version": "x"}, "principals": ["x"]}]},
            "actor_policy and principals: set one of them",
            ("application", 0, "principals"),
        ),
        (
            {"application": [{"name": datetime.date(2026, 1, 1)}]},
            "application.name: Expected `str`, got `date`",
            ("application", 0, "name"),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_understood_is_refused(values: dict[str, object], text: str, place: Place) -> None:
    with pytest.raises(InvalidDeclaration) as refusal:
        read(values)
    assert (str(refusal.value), refusal.value.place) == (text, place)
