"""What is wrong with a record that somebody wants to keep in the directory."""


class InvalidDirectoryRecord(ValueError):
    """A record of the directory cannot be as it was asked for; the text says what of it and why."""
