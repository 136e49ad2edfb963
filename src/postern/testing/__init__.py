"""The workshop: suites that others may run against a store or a server of theirs."""
