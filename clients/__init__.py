"""Chargers and vehicles: the commands, and the small library behind them."""
