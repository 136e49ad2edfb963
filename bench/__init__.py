"""The benchmarks: figures as ratios to a bare ASGI application on the same server, in the same run."""
