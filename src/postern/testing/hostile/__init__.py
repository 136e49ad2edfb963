"""Hostile load: more than a server can do, connections that do nothing or are slow, requests that are not as they
should be, and hours of it. Faults F11 to F15 of the programme in `postern.testing.faults`.

The load is asyncio in the process that runs the fault; servers are processes of their own.
"""
