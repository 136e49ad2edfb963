"""The store of several nodes: a PostgreSQL database, or an engine that speaks its language."""
