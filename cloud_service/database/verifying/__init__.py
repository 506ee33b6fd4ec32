"""Checks a database: its schema, its rows, and whether what it holds fits together."""
