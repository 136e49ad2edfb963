"""Names of operations, as the model has them and as Python has them."""

import re

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def python_name(name: str) -> str:
    """``CreateTokenWithIAM`` is ``create_token_with_iam``."""
    return _WORD.sub("_", name).lower()
