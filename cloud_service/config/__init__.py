"""What a setting is, and the values that its text can have."""
