"""``postern completion``: completion scripts for shells, made from the parser itself."""

import argparse
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from postern.cli.parser import Parser, command_line

# What follows an option, where a shell can help: names from the configuration, a file, a folder.
_NAMES: Mapping[str, str] = {"session": "sessions", "profile": "profiles"}
_PATHS: Mapping[object, str] = {"FILE": "file", "FOLDER": "folder"}


class Option(NamedTuple):
    """``follows`` is what comes next: nothing (""), or ``sessions``, ``profiles``, ``file``, ``folder``, ``value``."""

    names: tuple[str, ...]
    help: str
    follows: str


class Place(NamedTuple):
    """A point of the command line: after ``words``, these commands (or other fixed words, each with its explanation)
    and options are possible.
    """

    words: str
    commands: Mapping[str, str]
    options: tuple[Option, ...]


def completion(options: argparse.Namespace) -> None:
    print({"bash": bash, "zsh": zsh, "fish": fish}[options.shell](list(places(command_line()))), end="")


def places(parser: Parser, words: str = "") -> Iterator[Place]:
    """This point of the command line and all below it."""
    commands: dict[str, str] = {}
    below: dict[str, Parser] = {}
    options = []
    for action in parser.declared()._actions:
        if isinstance(action, argparse._SubParsersAction):
            below = action.choices
            commands = {each.dest: each.help or "" for each in action._choices_actions}
        elif action.option_strings:
            options.append(_option(action))
        elif action.choices:
            commands = {str(choice): "" for choice in action.choices}
    yield Place(words, commands, tuple(options))
    for name, child in below.items():
        yield from places(child, f"{words} {name}".strip())


def _option(action: argparse.Action) -> Option:
    return Option(
        names=tuple(action.option_strings), help=(action.help or "").rstrip("."), follows=_what_follows(action)
    )


def _what_follows(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    if action.choices:
        return "value"
    return _PATHS.get(action.metavar) or _NAMES.get(action.dest, "value")


def bash(all_places: list[Place]) -> str:
    known = "|".join(f'"{_parent(place.words)}"' for place in all_places if place.words)
    lines = [
        f'        "{place.words}") possible="{" ".join([*place.commands, *_option_names(place)])}" ;;'
        for place in all_places
    ]
    return f"""\
# bash completion for postern
_postern_paths() {{
    compopt -o filenames 2>/dev/null
    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen "$1" -- "$2")
}}
_postern() {{
    local program=$1 current=$2 previous=$3 place= possible= word index
    COMPREPLY=()
    # bash takes --session=NAME apart at the equals sign.
    if [[ $current == "=" ]]; then current=; fi
    if [[ $previous == "=" ]]; then previous=${{COMP_WORDS[COMP_CWORD-2]}}; fi
    for ((index = 1; index < COMP_CWORD; index++)); do
        word=${{COMP_WORDS[index]}}
        case "$place/$word" in
            {known}) place="${{place:+$place }}$word" ;;
        esac
    done
    case "$place $previous" in
        {_cases(all_places, "sessions")}) possible=$("$program" __names sessions 2>/dev/null) ;;
        {_cases(all_places, "profiles")}) possible=$("$program" __names profiles 2>/dev/null) ;;
        {_cases(all_places, "file")}) _postern_paths -f "$current"; return ;;
        {_cases(all_places, "folder")}) _postern_paths -d "$current"; return ;;
        {_cases(all_places, "value")}) return ;;
        *)
            case $place in
{_indented(lines, 8)}
            esac
            possible=${{possible// /$'\\n'}} ;;
    esac
    while IFS= read -r word; do
        if [[ -n $word && $word == "$current"* ]]; then COMPREPLY+=("$(printf %q "$word")"); fi
    done <<<"$possible"
}}
complete -F _postern postern
"""


def zsh(all_places: list[Place]) -> str:
    known = "|".join(f'"{_parent(place.words)}"' for place in all_places if place.words)
    lines = []
    for place in all_places:
        commands = " ".join(_quoted(_described(name, text)) for name, text in place.commands.items())
        options = " ".join(_quoted(_described(name, each.help)) for each in place.options for name in each.names)
        lines.append(f'        "{place.words}") commands=({commands}); options=({options}) ;;')
    return f"""\
#compdef postern
_postern_names() {{
    local -a names=(${{(f)"$($words[1] __names $1 2>/dev/null)"}})
    compadd -a names
}}
_postern() {{
    local place= word
    local -a commands options
    for word in "${{(@)words[2,CURRENT-1]}}"; do
        case "$place/$word" in
            {known}) place="${{place:+$place }}$word" ;;
        esac
    done
    case "$place ${{words[CURRENT-1]}}" in
        {_cases(all_places, "sessions")}) _postern_names sessions; return ;;
        {_cases(all_places, "profiles")}) _postern_names profiles; return ;;
        {_cases(all_places, "file")}) _files; return ;;
        {_cases(all_places, "folder")}) _files -/; return ;;
        {_cases(all_places, "value")}) return ;;
    esac
    case $place in
{_indented(lines, 0)}
    esac
    if [[ ${{words[CURRENT]}} == -* ]]; then _describe -o option options; else _describe command commands; fi
}}
if [[ ${{funcstack[1]}} == _postern ]]; then _postern "$@"; else compdef _postern postern; fi
"""


def fish(all_places: list[Place]) -> str:
    known = " ".join(f"'{_parent(place.words)}'" for place in all_places if place.words)
    lines = []
    for place in all_places:
        at = f"complete -c postern -n '__postern_at \"{place.words}\"'"
        lines += [f"{at} -a {name} -d {_quoted(text, fish=True)}" for name, text in place.commands.items()]
        lines += [f"{at} {_fish_option(option)} -d {_quoted(option.help, fish=True)}" for option in place.options]
    return f"""\
# fish completion for postern
function __postern_at
    set -l place ''
    for word in (commandline -opc)[2..-1]
        if contains -- "$place/$word" {known}
            set place (string trim -- "$place $word")
        end
    end
    test "$place" = "$argv[1]"
end
complete -c postern -f
{_indented(lines, 0)}
"""


def _parent(words: str) -> str:
    """``user add`` as ``user/add``: where one is, and the word that leads on."""
    before, _, last = words.rpartition(" ")
    return f"{before}/{last}"


def _option_names(place: Place) -> Iterator[str]:
    for option in place.options:
        yield from option.names


def _cases(all_places: list[Place], follows: str) -> str:
    """Patterns of where one is and the option before: wherever it is, if it is always followed by the same."""
    uses: dict[str, dict[str, str]] = {}
    for place in all_places:
        for option in place.options:
            for name in option.names:
                uses.setdefault(name, {})[place.words] = option.follows
    patterns = []
    for name, followers in sorted(uses.items()):
        if set(followers.values()) == {follows}:
            patterns.append(f'*" {name}"')
        else:
            patterns += [f'"{words} {name}"' for words, each in followers.items() if each == follows]
    return "|".join(patterns)


def _described(name: str, text: str) -> str:
    return f"{name.replace(':', chr(92) + ':')}:{text}"


def _quoted(text: str, *, fish: bool = False) -> str:
    if fish:
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return "'" + text.replace("'", "'\\''") + "'"


def _fish_option(option: Option) -> str:
    names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
    if option.follows in ("sessions", "profiles"):
        return f"{names} -x -a '(postern __names {option.follows})'"
    if option.follows == "folder":
        return f"{names} -x -a '(__fish_complete_directories)'"
    return f"{names} { ({'': '', 'file': '-rF', 'value': '-x'}[option.follows]) }".rstrip()


def _indented(lines: list[str], by: int) -> str:
    return "\n".join(" " * by + line for line in lines)
