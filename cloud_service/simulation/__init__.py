"""Simulations of the network in virtual time: what a policy is worth."""
