"""Other authorization servers, each started from its own packages as its own users would run it, beside Postern."""
