"""Role credentials: fetched from the portal when they are needed, and kept sealed for less than their life.

Importing this room costs little, so that `postern credentials` has those that are still good at once.
"""
