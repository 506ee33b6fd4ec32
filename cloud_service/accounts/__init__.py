"""Accounts and roles: who may do what, at the broker and in the service; certificates; the audit log."""
