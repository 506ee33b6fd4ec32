"""A charge that is over when its charger tells of it: it enters the history, and takes nobody's time."""

from datetime import datetime
from decimal import Decimal
from math import isfinite

from msgspec import Struct
from msgspec.structs import replace

from cloud_service.core.changes import Changes
from cloud_service.core.exact import as_written, quotient
from cloud_service.core.life import follow
from cloud_service.core.numbers import Number
from cloud_service.core.records import Point, Reservation, Station
from cloud_service.core.rules import Rules
from cloud_service.core.tariffs import price_of, price_of_kwh


class OfflineCharge(Struct, frozen=True):
    """A vehicle has charged this much, in kWh, from `start` to `finish`, which are in UTC."""

    vehicle_id: int | str
    legacy: bool
    start: datetime
    finish: datetime
    energy: Number


def record(station: Station, point: Point, charge: OfflineCharge, rules: Rules, now: datetime) -> Changes:
    """It is booked and over at once. Raises OverflowError beyond the range of numbers."""
    energy = as_written(charge.energy)
    price, hours = _price(point, charge, energy, rules), quotient(energy, point.power)
    if not (isfinite(price) and isfinite(hours)):
        raise OverflowError
    reservation = Reservation(
        reservation_id=point.last_reservation_id + 1,
        station_id=point.station_id,
        point_id=point.point_id,
        power=point.power,
        kwh_price=price_of_kwh(price, energy) if point.tariff and energy else point.kwh_price,
        vehicle_id=charge.vehicle_id,
        start=charge.start,
        finish=charge.finish,
        duration=hours,
        price=price,
        legacy=charge.legacy,
    )
    _, events = follow(reservation, "chargedOffline", now, station.owner)
    return Changes(
        points=(replace(point, last_reservation_id=reservation.reservation_id),),
        events=tuple(replace(event, energy=charge.energy) for event in events),
    )


def _price(point: Point, charge: OfflineCharge, energy: Decimal, rules: Rules) -> float:
    return price_of(energy, point.kwh_price, point.tariff, (charge.start, charge.finish), rules.zone)
