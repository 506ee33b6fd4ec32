"""How much there is of everything in the database."""

from cloud_service.core.records import FREE, OCCUPIED, RESERVED
from cloud_service.service.engine.counts import NetworkCounts


def network_counts(found: dict[str, int]) -> NetworkCounts:
    """Makes them of what the database has counted."""
    return NetworkCounts(
        stations=found["stations"],
        points={name: found.get(name, 0) for name in (FREE, OCCUPIED, RESERVED)},
        points_out_of_order=found["out of order"],
        offline_owners=found["absences"],
        sessions=found["sessions"],
        reservations=found["reservations"],
    )
