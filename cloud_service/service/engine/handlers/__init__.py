"""Handlers: (network, request, caller, now) -> decision. They decide, and touch nothing."""
