"""The commands of `recharge` that start, stop and query the network."""
