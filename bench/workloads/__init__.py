"""What each client is made to do: a script of its own, run by its own interpreter.

Called as ``SCRIPT WORKLOAD ENDPOINT SECONDS``. ``cold`` makes one call and ends; ``calls``, ``errors`` and ``parallel``
(32 at once) go on for so many seconds and then print ``{"calls", "seconds", "memory"}``, memory being the largest
resident size in MiB.
"""
