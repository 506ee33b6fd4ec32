"""Importing charging stations from public data."""
