"""A client library for the charging network: chargers and vehicles in a few lines of asyncio.

    async with Charger("my-charger") as charger:
        station = await charger.register_station(x=2, y=3.5)
        await charger.add_point(station.station_id, power=22, kwh_price=0.9)

    async with Vehicle("my-vehicle") as vehicle:
        reservation = await vehicle.book(x=2, y=3, battery=20, capacity=60)

Everything public is imported from here. Locations are in kilometres, power in kW, energy and capacity in
kWh, durations in hours, timeouts in seconds; dates carry an offset.

What can go wrong:

- `RequestError`: the network refused. Its subclasses say why: `BadRequest`, `NotFound`, `Conflict`,
  `Forbidden`, `IDReused`, `TooLarge`, `Busy`, `StorageFailed`, `InternalError`, and `Refused` on TCP.
- `OutcomeUnknown`: no reply in time; the request may have taken effect. `CutReply` on TCP is one, and
  `ClocksDiffer` on MQTT 3.1.1, where a wrong clock makes requests expire.
- `ConnectionError`: the broker or the gateway cannot be reached, or the connection was closed;
  `BrokerRefused` is the one for a login, a subscription or a message that the broker rejects, and
  `NobodyListens` the one for a request that reached no service.
- `ValueError`: an argument of Charger or Vehicle that cannot be used, or one that TCP does not have.
"""

from cloud_service.mqtt.address import BrokerAddress
from recharge.charger import Charger
from recharge.errors import (
    BadRequest,
    BrokerRefused,
    Busy,
    ClocksDiffer,
    Conflict,
    CutReply,
    Forbidden,
    IDReused,
    InternalError,
    NobodyListens,
    NotFound,
    OutcomeUnknown,
    Refused,
    RequestError,
    StorageFailed,
    TooLarge,
)
from recharge.records import (
    KEEP,
    Availability,
    Connector,
    Event,
    Objective,
    Offer,
    Point,
    Reservation,
    State,
    Station,
    TariffElement,
    Wishes,
)
from recharge.vehicle import Vehicle

__all__ = [
    "KEEP",
    "Availability",
    "BadRequest",
    "BrokerAddress",
    "BrokerRefused",
    "Busy",
    "Charger",
    "ClocksDiffer",
    "Conflict",
    "Connector",
    "CutReply",
    "Event",
    "Forbidden",
    "IDReused",
    "InternalError",
    "NobodyListens",
    "NotFound",
    "Objective",
    "Offer",
    "OutcomeUnknown",
    "Point",
    "Refused",
    "RequestError",
    "Reservation",
    "State",
    "Station",
    "StorageFailed",
    "TariffElement",
    "TooLarge",
    "Vehicle",
    "Wishes",
]
