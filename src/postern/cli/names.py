"""``postern __names sessions|profiles``: what a shell asks for at each press of the tab key. It never complains."""

from collections.abc import Sequence


def show_names(words: Sequence[str]) -> int:
    """One name a line; nothing for what there is none of."""
    import os

    from postern.client.errors import ConfigurationError
    from postern.client.shared_config import SharedConfig

    try:
        shared = SharedConfig.load(os.environ)
    except ConfigurationError:
        return 0
    names = {"sessions": shared.sso_session_names, "profiles": shared.profile_names}.get(" ".join(words), ())
    for name in names:
        print(name)
    return 0
