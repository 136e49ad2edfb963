"""What every store must keep, one file per family of verbs. `postern.testing.store_conformance` puts them together."""
