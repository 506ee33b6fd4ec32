"""What chargers tell beyond reservations: charging sessions, and that they are away (contract, section 5)."""

from datetime import datetime

from msgspec import Struct, field

from cloud_service.core.records import PointKey, ReservationKey, VehicleKey


class Session(Struct, frozen=True, gc=False, omit_defaults=True):
    """A vehicle charges at a point. There is one session on a point at most. Times are in UTC.

    `until` is how long it holds the point for now, `finish` until when it was meant to last, and `heard` when
    its charger last said something of the point. `reservation` is the active one that it serves; None for a
    walk-in, and once that reservation has ended. `vehicle` is None where no vehicle was named. `moved` has
    the vehicles whose reservations have moved because it lasts longer than it was meant to.
    """

    station_id: int = field(name="chargingStationID")
    point_id: int = field(name="chargingPointID")
    since: datetime
    until: datetime
    finish: datetime
    heard: datetime
    reservation: ReservationKey | None = None
    vehicle: VehicleKey | None = None
    moved: tuple[VehicleKey, ...] = ()

    @property
    def key(self) -> PointKey:
        return self.station_id, self.point_id


class Absence(Struct, frozen=True, gc=False):
    """The chargers of an account have been offline since this moment, by its presence topic."""

    owner: str
    since: datetime
