"""The street side: what listens. `create_app` makes the ASGI application, `serve` runs it."""
