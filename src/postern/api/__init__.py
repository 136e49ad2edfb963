"""The wire: operations, shapes, errors and their bytes. No I/O and no clock; the server and the client share it."""
