"""The network on disk: a journal of batches, and the JSON files that checkpoints bring up to date with it."""
