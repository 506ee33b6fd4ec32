"""Simulated chargers and vehicles."""
