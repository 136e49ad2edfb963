"""The command lines of programs are what the parser makes of them."""

import pytest

from postern.cli.parser import command_line
from postern.cli.plain import COMMANDS, plain_options

ALL = [(name, f"--{text.replace('_', '-')}") for name, (texts, _) in COMMANDS.items() for text in texts]


@pytest.mark.parametrize("command", COMMANDS)
def test_without_options_all_have_the_defaults_of_the_parser(command: str) -> None:
    plain = plain_options([command])
    assert plain is not None
    assert vars(plain) == vars(command_line().parse_args([command]))


@pytest.mark.parametrize("command, option", ALL)
@pytest.mark.parametrize("value", ["lab", "", "two words", "a=b", "@file", "--", "-x", "-1", "--json"])
def test_an_option_has_the_value_that_the_parser_gives_it(command: str, option: str, value: str) -> None:
    words = [command, option, value]
    plain = plain_options(words)
    if value.startswith("-"):
        assert plain is None
    else:
        assert plain is not None
        assert vars(plain) == vars(command_line().parse_args(words))


@pytest.mark.parametrize("command", COMMANDS)
def test_of_an_option_given_twice_the_last_counts(command: str) -> None:
    words = [command, "--profile", "lab", "--region", "eu-west-1", "--profile", "other"]
    plain = plain_options(words)
    assert plain is not None
    assert vars(plain) == vars(command_line().parse_args(words))


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--version",),
        ("login",),
        ("tok",),
        ("token", "--help"),
        ("token", "--profile"),
        ("token", "--profile=lab"),
        ("token", "--prof", "lab"),
        ("token", "--min-ttl", "30m"),
        ("token", "--account-id", "111122223333"),
        ("credentials", "--export", "--json"),
        ("credentials", "--format", "env"),
        ("credentials", "lab", "--profile"),
        ("exec", "--profile", "lab"),
    ],
)
def test_of_all_else_the_parser_is_asked(words: tuple[str, ...]) -> None:
    assert plain_options(words) is None
