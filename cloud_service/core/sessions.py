"""What chargers tell beyond reservations: charging sessions, and that they are away (contract, section 5)."""

from datetime import datetime

from msgspec import Struct, field

from cloud_service.core.numbers import Number
from cloud_service.core.records import PointKey, ReservationKey, VehicleKey


class Session(Struct, frozen=True, gc=False, omit_defaults=True):
    """A vehicle charges at a point. There is one session on a point at most. Times are in UTC.

    `until` is how long it holds the point for now, `finish` until when it was meant to last, and `heard` when
    its charger last said something of the point. `reservation` is the active one that it serves; None for a
    walk-in, and once that reservation has ended. `vehicle` is None where no vehicle was named. `moved` has
    the vehicles whose reservations have moved because it lasts longer than it was meant to. `energy`
    is what it has charged so far, in kWh, and `power` that of the last reading, in kW, if it was told.
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
    energy: Number | None = None
    power: Number | None = None

    @property
    def key(self) -> PointKey:
        return self.station_id, self.point_id

    def public(self) -> dict[str, object]:
        """The session as everybody may see it: without its vehicle, and with what the meter has told."""
        described: dict[str, object] = {"since": self.since.isoformat(), "until": self.until.isoformat()}
        if self.energy is not None:
            described["energy"] = self.energy
        if self.power is not None:
            described["power"] = self.power
        return described


class Absence(Struct, frozen=True, gc=False):
    """The chargers of an account have been offline since this moment, by its presence topic."""

    owner: str
    since: datetime
