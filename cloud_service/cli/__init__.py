"""The commands of `recharge` that start, stop and question the network."""
