"""The fault programme: what a sign-in server must survive, done to real server processes under load.

``python -m postern.testing.faults --list`` says what there is. Clients journal what they were told, with fsync, before
they go on; after each fault every acknowledged secret must work and every acknowledged consumption must stand.
"""
