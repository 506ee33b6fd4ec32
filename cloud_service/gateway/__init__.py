"""The old raw TCP protocol on port 64352, for clients that cannot be changed. It knows nothing of stations."""
