"""The old raw TCP protocol on port 64352, for clients that cannot change. It knows nothing of stations."""
