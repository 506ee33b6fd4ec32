"""What an operator does: accounts, certificates, backup, verification."""
