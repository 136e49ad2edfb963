"""The operating system's keyring, and whether tokens could be kept there."""

from collections.abc import Iterator

from postern.cli.doctor.findings import Case, Finding, ok


def examine(case: Case) -> Iterator[Finding]:
    from importlib.util import find_spec

    if find_spec("keyring") is None:
        yield ok(
            "keyring", "not installed: tokens are kept in files", "for the keyring: pip install 'postern[keyring]'"
        )
        return
    import keyring

    backend = keyring.get_keyring()
    name = f"{type(backend).__module__}.{type(backend).__qualname__}"
    if backend.priority <= 0:
        yield ok("keyring", "this machine has none that can be used: tokens are kept in files")
    else:
        yield ok("keyring", f"{name} can be used (--cache keyring)")
