"""From requests to decisions, the journal and replies. It has no socket and no clock."""
