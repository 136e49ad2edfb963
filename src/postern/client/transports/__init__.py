"""Transports: HTTP/1.1 over sockets, blocking and under asyncio. What both need stands beside them and does no I/O."""
