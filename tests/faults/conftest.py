"""What the tests with real processes share."""

import pytest


@pytest.fixture(autouse=True)
def impatient_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients come back within a second, however often the broker was away."""
    monkeypatch.setattr("cloud_service.mqtt.async_connection.LONGEST_PAUSE_SECONDS", 1.0)
