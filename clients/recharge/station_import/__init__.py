"""Imports the charging stations of a published file into the network."""
