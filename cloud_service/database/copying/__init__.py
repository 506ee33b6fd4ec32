"""Copies whole networks: from a data folder into a database, and back."""
