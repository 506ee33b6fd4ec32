"""Which reservation a vehicle has."""

from cloud_service.core.records import Reservation, VehicleKey


class VehicleReservations:
    """The scheduled reservation of each vehicle, in two tables: keys of two parts would take much memory."""

    def __init__(self) -> None:
        self._by_name: dict[bool, dict[str, Reservation]] = {True: {}, False: {}}
        """Of legacy clients' vehicles, and of others."""

    def get(self, vehicle: VehicleKey) -> Reservation | None:
        """The reservation of a vehicle; None if it has none."""
        legacy, name = vehicle
        return self._by_name[legacy].get(name)

    def add(self, reservation: Reservation) -> None:
        """Adds a reservation. Of two of a vehicle, the later counts: old files may have one that is over."""
        by_name, name = self._by_name[reservation.legacy], str(reservation.vehicle_id)
        other = by_name.get(name)
        if other is None or other.finish < reservation.finish:
            by_name[name] = reservation

    def discard(self, reservation: Reservation) -> None:
        """Removes a reservation, if it is the one that counts."""
        by_name, name = self._by_name[reservation.legacy], str(reservation.vehicle_id)
        if by_name.get(name) is reservation:
            del by_name[name]
