"""Settings: what a setting is, the kinds of values, and reading both from flags and environment variables."""
