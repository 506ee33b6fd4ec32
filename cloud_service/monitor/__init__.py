"""The live map: serves the page, its WebSocket and its HTTP interface. It is a client of the broker like any
other.
"""
