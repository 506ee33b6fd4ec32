"""Request, decision, journal, reply: no socket, no clock."""
