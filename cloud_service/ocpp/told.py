"""What a charger tells, in one form for all versions of OCPP, and how it is answered.

Energy is in kWh, power in kW. `at` is None if the charger has not said when, or cannot know.
"""

from datetime import datetime
from typing import Literal, TypeAlias

from msgspec import Struct

Status: TypeAlias = Literal["free", "occupied", "reserved", "unavailable", "faulted"]


class Booted(Struct, frozen=True):
    """The charger has started, or introduces itself again."""

    vendor: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""


class StatusTold(Struct, frozen=True):
    """The state of a connector. Connector 0 is the whole charger. `detail` is the charger's own word for the
    state.

    `part` is the connector of an EVSE that has several.
    """

    connector: int
    status: Status
    detail: str
    at: datetime | None = None
    part: int = 0


class Meter(Struct, frozen=True):
    """A reading: the energy that the meter has counted in all, and the power at the moment."""

    energy: float | None = None
    power: float | None = None


NO_READING = Meter()


class Started(Struct, frozen=True):
    """A vehicle charges; if `charging` is false, it is only plugged in so far.

    `transaction` is None if the gateway has to choose its ID.
    """

    connector: int
    tag: str
    meter: float | None = None
    at: datetime | None = None
    transaction: str | None = None
    charging: bool = True


class Metered(Struct, frozen=True):
    """A reading, during a charge or outside of one."""

    connector: int | None
    transaction: str | None
    meter: Meter
    at: datetime | None = None


class Ended(Struct, frozen=True):
    """A vehicle has stopped charging. Connector and meter may be missing; then those told earlier count."""

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
    """The charger has dropped a reservation: by its own clock, or because it was told to."""

    reservation: int


Told: TypeAlias = Booted | StatusTold | Started | Metered | Ended | TagShown | Alive | ReservationEnded


class Outcome(Struct, frozen=True):
    """The answer to a charger. `accepted` is about the tag or, after a boot, about the charger."""

    accepted: bool = True
    transaction: str = ""
    interval: int = 300
