"""The wishes of `recharge vehicle`, as options."""

from argparse import ArgumentTypeError
from datetime import datetime
from typing import Annotated, get_args

from msgspec import Struct

from cloud_service.cli.client_options import not_negative, positive
from cloud_service.config.command_line import Argument
from cloud_service.config.values import read_count
from cloud_service.protocol.connectors import CONNECTORS, Connector
from recharge import Objective, Wishes
from recharge.records import Number


def read_moment(text: str) -> datetime:
    """Reads a moment in ISO 8601; without an offset, it is in the local time zone."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError, OSError):
        raise ArgumentTypeError(
            f"{text!r} is not a moment, such as 2026-03-01T18:30 or 2026-03-01T18:30-03:00"
        ) from None


class WishOptions(Struct, frozen=True, kw_only=True):
    """What the vehicle wishes of a charge. Over MQTT only."""

    objective: Annotated[
        Objective | None,
        Argument(
            "--objective",
            choices=get_args(Objective),
            help="what is best: the nearest station, the earliest start, the soonest finish including"
            " the way there, or the lowest price (default: nearest)",
        ),
    ] = None
    speed: Annotated[
        Number | None,
        Argument(
            "--speed",
            metavar="KMH",
            type=positive,
            help="no start before the vehicle can be there at this speed, in km/h",
        ),
    ] = None
    range_km: Annotated[
        Number | None,
        Argument("--range", metavar="KM", type=not_negative, help="how far the vehicle can still drive"),
    ] = None
    max_distance: Annotated[
        Number | None,
        Argument("--max-distance", metavar="KM", type=not_negative, help="how far it is willing to drive"),
    ] = None
    min_power: Annotated[
        Number | None,
        Argument("--min-power", metavar="KW", type=not_negative, help="lowest power of the point"),
    ] = None
    max_price: Annotated[
        Number | None,
        Argument("--max-price", metavar="AMOUNT", type=not_negative, help="highest price per kWh"),
    ] = None
    not_before: Annotated[
        datetime | None,
        Argument(
            "--not-before",
            metavar="TIME",
            type=read_moment,
            help="earliest start, such as 2026-03-01T18:30",
        ),
    ] = None
    at_station: Annotated[
        int | None,
        Argument("--at-station", metavar="ID", type=read_count, help="only at this station"),
    ] = None
    at_point: Annotated[
        int | None,
        Argument("--at-point", metavar="ID", type=read_count, help="only at this point of the station"),
    ] = None
    connector: Annotated[
        Connector | None,
        Argument(
            "--connector", metavar="TYPE", choices=CONNECTORS, help="connector of the point, as in OCPI"
        ),
    ] = None
    flexible: Annotated[
        bool,
        Argument(
            "--flexible",
            action="store_true",
            help="let the network move the reservation to an earlier time when one becomes free",
        ),
    ] = False

    def wishes(self) -> Wishes | None:
        """Returns the wishes; None without any."""
        wishes = Wishes(
            objective=self.objective or "nearest",
            speed=self.speed,
            range=self.range_km,
            max_distance=self.max_distance,
            min_power=self.min_power,
            max_price=self.max_price,
            not_before=self.not_before,
            station_id=self.at_station,
            point_id=self.at_point,
            connector=self.connector,
            flexible=self.flexible,
        )
        return None if wishes == Wishes() else wishes
