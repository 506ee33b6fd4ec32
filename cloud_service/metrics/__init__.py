"""Metrics: what a figure is, how figures become samples for Prometheus, and the endpoint that serves them."""
