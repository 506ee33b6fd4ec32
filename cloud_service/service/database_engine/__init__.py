"""The engine of a network that is in PostgreSQL, where several services may use it at once."""
