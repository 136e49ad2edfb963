"""The profile that providers read: one section of the shared files."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from postern.client.shared_config import SharedConfig

DEFAULT = "default"


class Profile:
    """A profile by its name; read when it is asked for, so that nobody minds a file that nobody needs."""

    def __init__(self, shared: "SharedConfig", name: str | None) -> None:
        self.shared = shared
        self.name = name or DEFAULT

    def __repr__(self) -> str:
        return f"profile {self.name!r}"

    @property
    def settings(self) -> Mapping[str, str]:
        """Its keys, in lower case. The default profile need not exist.

        Raises:
            ConfigurationError: there is no such profile.
        """
        if self.name == DEFAULT and DEFAULT not in self.shared.profile_names:
            return {}
        return self.shared.profile(self.name)
