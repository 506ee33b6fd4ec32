"""The words for stations, points and events on the screens of `status`, `stations` and `watch`."""

from datetime import datetime, timedelta
from typing import Final

from cloud_service.language.language import Language
from cloud_service.overview.records import Event, PointState
from cloud_service.overview.station import Station
from recharge.terminal.wording import describe_reason

STYLES: Final[dict[PointState, str]] = {
    "free": "green",
    "reserved": "yellow",
    "occupied": "cyan",
    "outOfOrder": "red",
}


def place_width(screen_width: int) -> int:
    """How wide the names of stations may be, so that the numbers beside them have their place."""
    return min(40, max(11, screen_width - 49))


def describe_state(state: PointState, say: Language) -> str:
    match state:
        case "free":
            return say("free")
        case "reserved":
            return say("reserved")
        case "occupied":
            return say("occupied")
        case "outOfOrder":
            return say("out of order")


def describe_place(station: Station, say: Language) -> str:
    """The station's name, or its address; without both, where it is."""
    place = station.place
    if place is None:
        return ""
    return place.name or place.address or say("({x}, {y})", x=say.measure(place.x), y=say.measure(place.y))


def describe_station(number: int, name: str | None, say: Language) -> str:
    """The station's name, and its number by which commands know it."""
    return say("Station {number}", number=number) if name is None else f"{name} ({number})"


def describe_event(event: Event, name: str | None, say: Language, *, with_vehicle: bool) -> str:
    """An event in one sentence. `name` is the station's, if it has one.

    The vehicle is named to those only who may see its name.
    """
    row = event.reservation
    values = {
        "station": describe_station(row.station, name, say),
        "point": row.point,
        "start": say.time(row.start),
        "finish": say.time(row.finish),
    }
    match event.type:
        case "reservationScheduled":
            text = say("{station}, point {point}: reserved from {start} to {finish}", **values)
        case "reservationChanged" if event.before is not None:
            text = say("{station}, point {point}: reservation moved, now {start} to {finish}", **values)
        case "reservationChanged":
            text = say("{station}, point {point}: reservation changed", **values)
        case "reservationCancelled":
            text = say("{station}, point {point}: reservation cancelled", **values)
        case "reservationFinished":
            text = say("{station}, point {point}: reservation over", **values)
        case "reservationNoShow":
            text = say("{station}, point {point}: no-show, the point is free again", **values)
        case other:
            text = say("{station}, point {point}: {event}", event=other, **values)
    if (reason := _describe_reason(event.reason, say)) is not None:
        text = f"{text}: {reason}"
    return f"{text} ({row.vehicle})" if with_vehicle and row.vehicle is not None else text


def _describe_reason(reason: str | None, say: Language) -> str | None:
    """Why something happened to a reservation, where that says more than what happened."""
    match reason:
        case "overrun" | "pointFailed" | "movedUp":
            return describe_reason(reason, say)
        case "pointChanged":
            return say("its vehicle charges at this point")
        case "stationMoved":
            return say("the station has moved")
        case "vehicleCancelled":
            return say("its vehicle has cancelled it")
        case "chargerCancelled":
            return say("its charger has cancelled it")
        case "pointDeleted":
            return say("its point was deleted")
        case "stationDeleted":
            return say("its station was deleted")
        case "timePassed":
            return say("its time has passed")
        case "chargingFinished":
            return say("the charge has finished")
        case "vehicleLeft":
            return say("its vehicle has left")
        case "chargedOffline":
            return say("its charger was offline, and tells of it now")
        case _:
            return None


def describe_since(since: str | None, now: datetime, say: Language) -> str:
    """A moment in ISO 8601 and how long ago it was; empty if it is not one."""
    try:
        moment = datetime.fromisoformat(since or "").astimezone()
    except ValueError:
        return ""
    return say("since {time} ({ago})", time=say.time(moment), ago=describe_length(now - moment, say))


def describe_length(length: timedelta, say: Language) -> str:
    """A length of time in its largest unit."""
    minutes = max(0, length // timedelta(minutes=1))
    if minutes < 120:
        return say("{minutes} min", minutes=minutes)
    hours = minutes // 60
    return say("{hours} h", hours=hours) if hours < 48 else say("{days} d", days=hours // 24)
