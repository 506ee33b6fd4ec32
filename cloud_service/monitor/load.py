"""How many the monitor serves."""

from dataclasses import dataclass


@dataclass(slots=True)
class Load:
    """Counts that the WebSocket and the event stream keep."""

    viewers: int = 0
    """Open pages."""
    readers: int = 0
    """Programs that read the events."""
    refused: int = 0
    """Pages for which there was no room, since the start."""
