"""Simulated chargers and vehicles, which behave as real ones do and report what happens to an observer."""
