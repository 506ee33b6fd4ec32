"""Where a reservation moves: what cannot be kept, and what can be had earlier (contract, section 5)."""

from datetime import datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from cloud_service.core.choice import ChargeTooLong, Choice, NothingFits
from cloud_service.core.demand import Demand
from cloud_service.core.exact import squared_distance
from cloud_service.core.objectives import Slot, nearest
from cloud_service.core.queue import MARGIN
from cloud_service.core.records import Point, Reservation, Station
from cloud_service.core.rules import NEVER, Rules
from cloud_service.core.view import NetworkView
from cloud_service.core.wishes import Need


def slot_instead(
    network: NetworkView, reservation: Reservation, rules: Rules, now: datetime, *, moved_before: bool = False
) -> Slot | None:
    """Returns the slot to which a reservation moves that its point cannot serve; None if there is none.

    It stays in its station if that can serve it, however late. Only a flexible one starts earlier than it was
    promised: the vehicles of others would come too late. What is over moves nowhere. Where the same cause has
    moved it before, it leaves the point if any other can take it: it would have to move again and again.
    """
    station = network.station(reservation.station_id)
    if station is None or reservation.finish <= now:
        return None
    demand = Demand.again(reservation, station)
    if not reservation.wishes.flexible:
        not_before = max(reservation.start, reservation.wishes.not_before or reservation.start)
        demand = replace(demand, wishes=replace(demand.wishes, not_before=not_before))
    if moved_before:
        elsewhere = _best(
            Choice(network, rules, now), replace(demand, apart_from=reservation.point_key), station
        )
        if elsewhere is not None:
            return elsewhere
    return _best(Choice(network, rules, now), demand, station)


def _best(choice: Choice, demand: Demand, station: Station) -> Slot | None:
    """The best slot, in this station if it has one."""
    try:
        here = choice.at_station(demand, station)
        return min(here, key=nearest) if here else choice.best(demand)[0]
    except (NothingFits, ChargeTooLong, OverflowError):
        return None


def earlier_slot(
    network: NetworkView,
    reservation: Reservation,
    station: Station,
    point: Point,
    rules: Rules,
    now: datetime,
) -> Slot | None:
    """Returns a slot at this point for which a flexible reservation gives up its own; None if it keeps that.

    The slot starts earlier, costs no more, and is no worse by the reservation's objective.
    """
    need, present = reservation.need, network.station(reservation.station_id)
    if need is None or present is None or rules.move_up == NEVER:
        return None
    latest = reservation.start - rules.move_up
    if now + MARGIN > latest:
        return None
    if reservation.wishes.objective == "nearest" and _distance(need, station) > _distance(need, present):
        return None
    try:
        if _starts_later(network, reservation, point, now, latest):
            return None
        slot = Choice(network, rules, now).at_point(Demand.again(reservation, present), station, point)
    except OverflowError:
        return None
    if slot is None or slot.start > latest or slot.price > reservation.price:
        return None
    if reservation.wishes.objective == "soonest" and slot.finish > reservation.finish:
        return None
    return slot


def _starts_later(
    network: NetworkView, reservation: Reservation, point: Point, now: datetime, latest: datetime
) -> bool:
    """Whether it is plain that a reservation starts later than this at another point.

    Most of those who wait cannot use the time that frees, and a choice takes several times as long as this.
    The duration is cut by more than floats are off.
    """
    if point.key == reservation.point_key:
        return False
    hours = reservation.duration * reservation.power / point.power * (1 - 1e-9)
    return network.queue(point.key).earliest_start(now + MARGIN, timedelta(hours=hours)) > latest


def _distance(need: Need, station: Station) -> Decimal:
    """Grows with the distance, and is exact."""
    return squared_distance((station.x, station.y), (need.x, need.y))
