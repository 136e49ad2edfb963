"""The rules. No HTTP, no SQL, no event loop: every rule takes the `Service` and plain values, and reads the time from
its clock.
"""
