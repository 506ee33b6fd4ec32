"""Serves the legacy TCP protocol: translates its requests to MQTT and the replies back."""
