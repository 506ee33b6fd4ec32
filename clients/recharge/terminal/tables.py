"""Tables of points and reservations."""

from collections.abc import Iterable

from rich.box import ROUNDED
from rich.table import Table

from cloud_service.language.language import Language
from recharge.records import Offer, Point, Reservation
from recharge.simulator.observer import Booked
from recharge.simulator.registration import RegisteredStation
from recharge.terminal.wording import call_station, describe_availability


def booking_table(booked: Booked, say: Language) -> Table:
    """A vehicle's reservation, one fact in each row."""
    reservation = booked.reservation
    table = Table(
        title=say("Reservation {number}", number=reservation.reservation_id),
        title_justify="left",
        show_header=False,
        box=ROUNDED,
    )
    table.add_column(style="dim")
    table.add_column()
    table.add_row(say("Station"), _station(booked, say))
    table.add_row(say("Charging point"), str(reservation.point_id))
    table.add_row(say("Power"), f"{say.measure(reservation.power)} kW")
    table.add_row(say("Start"), say.time(reservation.start))
    table.add_row(say("End"), say.time(reservation.finish))
    price, each = say.number(reservation.price, 2), say.number(reservation.kwh_price, 2)
    table.add_row(say("Price"), say("{price} ({each} per kWh)", price=price, each=each))
    return table


def _station(booked: Booked, say: Language) -> str:
    station = call_station(booked.reservation.station_id, booked.station)
    if booked.kilometres is None:
        return station
    return say(
        "{station}, {kilometres} km away",
        station=station,
        kilometres=say.number(booked.kilometres),
    )


def offers_table(offers: Iterable[Offer], say: Language) -> Table:
    """What a vehicle could book, one offer in each row, the best first."""
    titles = (say("Station"), say("Point"), say("Power"), say("Distance"))
    table = Table(*titles, say("Start"), say("End"), say("Price"), box=ROUNDED)
    for offer in offers:
        table.add_row(
            call_station(offer.station_id, offer),
            str(offer.point_id),
            f"{say.measure(offer.power)} kW",
            f"{say.number(offer.distance)} km",
            say.time(offer.start),
            say.time(offer.finish),
            say.number(offer.price, 2),
        )
    return table


def points_table(points: Iterable[Point], say: Language) -> Table:
    """A station's points, one in each row."""
    table = Table(say("Point"), say("Power"), say("Price per kWh"), say("Availability"), box=ROUNDED)
    for point in points:
        table.add_row(
            str(point.point_id),
            f"{say.measure(point.power)} kW",
            say.number(point.kwh_price, 2),
            describe_availability(point.availability, say),
        )
    return table


def reservations_table(reservations: Iterable[Reservation], say: Language) -> Table:
    """A station's reservations, one in each row, the next one first."""
    table = Table(say("Point"), say("Vehicle"), say("Start"), say("End"), say("Price"), box=ROUNDED)
    for reservation in sorted(reservations, key=lambda one: one.start):
        table.add_row(
            str(reservation.point_id),
            str(reservation.vehicle_id),
            say.time(reservation.start),
            say.time(reservation.finish),
            say.number(reservation.price, 2),
        )
    return table


def station_line(registered: RegisteredStation, say: Language) -> str:
    """A registered station and its points in one line."""
    return say(
        "Station {station} at ({x}, {y}), points {points}",
        station=call_station(registered.station.station_id, registered.station),
        x=say.measure(registered.station.x),
        y=say.measure(registered.station.y),
        points=", ".join(f"{point.point_id} ({say.measure(point.power)} kW)" for point in registered.points),
    )
