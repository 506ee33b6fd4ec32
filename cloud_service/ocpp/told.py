"""What a charger tells, in one form for all versions of OCPP, and what it is answered.

Energy is in kWh, power in kW. `at` is None if the charger has not said when, or cannot know.
"""

from datetime import datetime
from typing import Literal, TypeAlias

from msgspec import Struct

Status: TypeAlias = Literal["free", "occupied", "reserved", "unavailable", "faulted"]


class Booted(Struct, frozen=True):
    """The charger has started, or says again what it is."""

    vendor: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""


class StatusTold(Struct, frozen=True):
    """What a connector is doing. Connector 0 is the whole charger. `detail` is the charger's own word.

    `part` is the connector of an EVSE that has several.
    """

    connector: int
    status: Status
    detail: str
    at: datetime | None = None
    part: int = 0


class Meter(Struct, frozen=True):
    """A reading: what has gone through the meter since it was built, and what goes through it now."""

    energy: float | None = None
    power: float | None = None


NO_READING = Meter()


class Started(Struct, frozen=True):
    """A vehicle charges, or with `charging` false, is only plugged in yet.

    `transaction` is None where the gateway has to give it a name.
    """

    connector: int
    tag: str
    meter: float | None = None
    at: datetime | None = None
    transaction: str | None = None
    charging: bool = True


class Metered(Struct, frozen=True):
    """What a meter shows while a vehicle charges, if it does."""

    connector: int | None
    transaction: str | None
    meter: Meter
    at: datetime | None = None


class Ended(Struct, frozen=True):
    """A vehicle has stopped charging. The connector and its meter may be known from earlier only."""

    transaction: str
    connector: int | None = None
    meter: float | None = None
    meter_start: float | None = None
    at: datetime | None = None
    tag: str = ""


class TagShown(Struct, frozen=True):
    """Somebody asks to charge."""

    tag: str


class Alive(Struct, frozen=True):
    """Nothing but a sign of life."""


class ReservationEnded(Struct, frozen=True):
    """The charger has let go of a reservation: by its own clock, or because it was told to."""

    reservation: int


Told: TypeAlias = Booted | StatusTold | Started | Metered | Ended | TagShown | Alive | ReservationEnded


class Outcome(Struct, frozen=True):
    """What a charger is answered. `accepted` is about the tag, or of a boot, about the charger."""

    accepted: bool = True
    transaction: str = ""
    interval: int = 300
