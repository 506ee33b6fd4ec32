"""The status of an EVSE in OCPP 2.0.1 and 2.1, whose connectors can be used only one at a time."""

from typing import Final

from msgspec.structs import replace

from cloud_service.ocpp.told import Status, StatusTold

_MOST_CONNECTORS: Final = 16
_IN_USE_FIRST: Final[tuple[Status, ...]] = ("occupied", "reserved", "free", "unavailable", "faulted")


class Evses:
    """What is known of the connectors of each EVSE, by its number."""

    def __init__(self) -> None:
        self._told: dict[int, dict[int, Status]] = {}

    def whole(self, told: StatusTold) -> StatusTold:
        """Makes the status of one connector that of its EVSE: the status of the connector that is most in
        use.
        """
        connectors = self._told.setdefault(told.connector, {})
        if told.part in connectors or len(connectors) < _MOST_CONNECTORS:
            connectors[told.part] = told.status
        return replace(told, status=min(connectors.values(), key=_IN_USE_FIRST.index))
