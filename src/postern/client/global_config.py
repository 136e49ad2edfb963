"""Configuration for all clients of a program that are made after it is set: AWS.config of the reference page."""

from typing import Any, Unpack, cast

from postern.client import options as declared
from postern.client.options import Options


class Config:
    """Options that every client starts from; those given to a client's constructor win.

    ``config.update(region="eu-central-1", api_versions={"ssooidc": "2019-06-10"})`` sets some, ``config.api_versions =
    …`` one, ``config.clear()`` none. Clients that exist already keep what they have.
    """

    __slots__ = ("_options",)

    def __init__(self) -> None:
        self._options: Options = {}

    def update(self, **options: Unpack[Options]) -> None:
        """
        Raises:
            ConfigurationError: there is no such option, or its value is of a wrong type.
        """
        declared.check(options)
        self._options = cast(Options, {**self._options, **options})

    def clear(self) -> None:
        self._options = {}

    def options(self) -> Options:
        """What is set now."""
        return cast(Options, dict(self._options))

    def __getattr__(self, name: str) -> Any:
        if name not in declared.BY_NAME:
            raise AttributeError(name)
        return self._options.get(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__slots__:
            object.__setattr__(self, name, value)
        else:
            self.update(**{name: value})


config = Config()
