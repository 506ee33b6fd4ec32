"""The network on PostgreSQL: its schema, and how batches are loaded from it and written to it."""
