"""The OCPP gateway: charging points off the shelf, over WebSocket."""
