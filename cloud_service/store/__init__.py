"""The network on disk: a journal of decisions, and the JSON files that it is folded into."""
