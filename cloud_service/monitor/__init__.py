"""The live map: serves the page, its WebSocket and its HTTP interface. A client of the broker like others."""
