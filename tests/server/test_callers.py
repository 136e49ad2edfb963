"""Who calls, as a request says."""

from postern.server.callers import caller_of


def test_a_user_agent_is_cut_to_what_is_shown() -> None:
    caller = caller_of({"client": ("192.0.2.9", 1), "headers": [(b"user-agent", b"x" * 5000)]})
    assert (caller.address, caller.user_agent) == ("192.0.2.9", "x" * 400)
