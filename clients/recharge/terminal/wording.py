"""The words for what a simulation reports, and for errors."""

from cloud_service.language.language import Language
from cloud_service.language.system_errors import reason_of
from cloud_service.language.text import TextError
from cloud_service.mqtt.publisher import BrokerUnreachable
from recharge.errors import BrokerRefused, ClocksDiffer, NobodyListens, NotFound, OutcomeUnknown, RequestError
from recharge.records import Availability, Event, Offer, Reservation, Station
from recharge.simulator import observer
from recharge.simulator.car import Car
from recharge.simulator.observer import Activity, Progress, Question, Report
from recharge.simulator.saved_station import SavedStationError
from recharge.simulator.visits import reserved_energy
from recharge.station_import.afdc import InvalidLine, MissingColumns, TooManyRows
from recharge.station_import.lines import UnreadableText


def describe(report: Report, say: Language) -> str:
    """Returns a report as one sentence."""
    match report:
        case observer.Booked():
            return _describe_booking(report, say)
        case observer.AlreadyReserved():
            return say("This vehicle has a reservation already:")
        case observer.NothingBooked():
            return say("Nothing was booked")
        case observer.ReservationCancelled():
            return say("The reservation is cancelled")
        case observer.Offered(offers):
            return say("Offers: {offers}", offers="; ".join(_describe_offer(offer, say) for offer in offers))
        case observer.ReservationLost(event):
            return _describe_loss(event, say)
        case observer.ReservationMoved():
            return _describe_move(report, say)
        case observer.StationMoved():
            return say("The station moved")
        case observer.ChargingStarted(reservation):
            return say(
                "Charging with {power} kW at station {station}, point {point}",
                power=say.measure(reservation.power),
                station=reservation.station_id,
                point=reservation.point_id,
            )
        case observer.ChargingFinished():
            return _describe_charge(report, say)
        case observer.NeverComes():
            return say("This vehicle will never come")
        case observer.StaysLonger(minutes):
            return say(
                "This vehicle will stay {minutes} minutes longer than it has reserved",
                minutes=say.number(minutes, 0),
            )
        case observer.EventReceived(event):
            return _describe_event(event, say)
        case observer.VehicleLeft(reservation):
            return say(
                "{vehicle} has left point {point}",
                vehicle=reservation.vehicle_id,
                point=reservation.point_id,
            )
        case observer.PointOccupied(point_id, vehicle_id):
            return say("{vehicle} charges at point {point}", vehicle=vehicle_id, point=point_id)
        case observer.PointFreed(point_id):
            return say("Point {point} is free", point=point_id)
        case observer.PointFailed(point):
            return say(
                "Point {point} is out of order; the network moves reservations that begin there soon",
                point=point.point_id,
            )
        case observer.PointRepaired(point):
            return say("Point {point} is in order again", point=point.point_id)
        case observer.ChargingRefused(vehicle_id, point_id, error):
            return say(
                "{vehicle} cannot charge at point {point}: {reason}",
                vehicle=vehicle_id,
                point=point_id,
                reason=explain(error, say),
            )
        case observer.PointRemoved(point_id):
            return say("Point {point} is no longer registered", point=point_id)
        case observer.RequestFailed(error):
            return say("{failure} (trying again)", failure=describe_failure(error, say))
        case observer.ConnectionLost():
            return say("The connection to the network is lost; reconnecting")
        case observer.ConnectionRestored():
            return say("Connected to the network again")


def _describe_booking(booked: observer.Booked, say: Language) -> str:
    reservation = booked.reservation
    return say(
        "Reserved point {point} of station {station}, {power} kW, {start} to {finish}, for {price}",
        station=call_station(reservation.station_id, booked.station),
        point=reservation.point_id,
        power=say.measure(reservation.power),
        start=say.time(reservation.start),
        finish=say.time(reservation.finish),
        price=say.number(reservation.price, 2),
    )


def _describe_offer(offer: Offer, say: Language) -> str:
    return say(
        "station {station}, point {point}, {power} kW, {kilometres} km away, {start} to {finish},"
        " for {price}",
        station=offer.station_id,
        point=offer.point_id,
        power=say.measure(offer.power),
        kilometres=say.number(offer.distance),
        start=say.time(offer.start),
        finish=say.time(offer.finish),
        price=say.number(offer.price, 2),
    )


def _describe_loss(event: Event, say: Language) -> str:
    if event.type == "reservationNoShow":
        return say("The vehicle did not come in time, so its reservation was given up; looking for another")
    if event.reason in ("overrun", "pointFailed"):
        reason = describe_reason(event.reason, say)
        return say("The reservation was cancelled, because {reason}; looking for another", reason=reason)
    return say("The reservation was cancelled; looking for another")


def _describe_move(moved: observer.ReservationMoved, say: Language) -> str:
    reservation = moved.event.reservation
    return say(
        "The reservation has moved, because {reason}: now station {station}, point {point}, {power} kW,"
        " {start} to {finish}, for {price}",
        reason=describe_reason(moved.event.reason, say),
        station=call_station(reservation.station_id, moved.station),
        point=reservation.point_id,
        power=say.measure(reservation.power),
        start=say.time(reservation.start),
        finish=say.time(reservation.finish),
        price=say.number(reservation.price, 2),
    )


def _describe_charge(finished: observer.ChargingFinished, say: Language) -> str:
    battery, energy = say.number(finished.battery, 0), say.number(finished.energy)
    price, promised = say.number(finished.price, 2), say.number(finished.reservation.price, 2)
    if price == promised:
        return say(
            "Charged to {battery}% with {energy} kWh for {price}; left the charging point",
            battery=battery,
            energy=energy,
            price=price,
        )
    return say(
        "Charged to {battery}% with {energy} of {reserved} kWh, for {price} instead of {promised}; left the"
        " charging point",
        battery=battery,
        energy=energy,
        reserved=say.number(reserved_energy(finished.reservation)),
        price=price,
        promised=promised,
    )


def _describe_event(event: Event, say: Language) -> str:
    vehicle, point = event.reservation.vehicle_id, event.reservation.point_id
    match event.type:
        case "reservationScheduled":
            return say(
                "Point {point} is reserved for {vehicle}, {start} to {finish}",
                point=point,
                vehicle=vehicle,
                start=say.time(event.reservation.start),
                finish=say.time(event.reservation.finish),
            )
        case "reservationChanged" if event.before is not None:
            return say(
                "{vehicle} moves from {old} to {new}: {reason}",
                vehicle=vehicle,
                old=_place_and_time(event.before, say),
                new=_place_and_time(event.reservation, say),
                reason=describe_reason(event.reason, say),
            )
        case "reservationChanged":
            return say(
                "The reservation of {vehicle} on point {point} was changed", vehicle=vehicle, point=point
            )
        case "reservationCancelled" if event.reason in ("overrun", "pointFailed"):
            return say(
                "The reservation of {vehicle} on point {point} was cancelled: {reason}",
                vehicle=vehicle,
                point=point,
                reason=describe_reason(event.reason, say),
            )
        case "reservationCancelled":
            return say(
                "The reservation of {vehicle} on point {point} was cancelled", vehicle=vehicle, point=point
            )
        case "reservationFinished" if event.reason == "chargedOffline":
            return say(
                "{vehicle} has charged at point {point} while it was offline", vehicle=vehicle, point=point
            )
        case "reservationFinished":
            return say("The reservation of {vehicle} on point {point} is over", vehicle=vehicle, point=point)
        case "reservationNoShow":
            return say(
                "{vehicle} has not come to point {point}; it is free again", vehicle=vehicle, point=point
            )


def _place_and_time(reservation: Reservation, say: Language) -> str:
    return say(
        "station {station}, point {point}, {start}",
        station=reservation.station_id,
        point=reservation.point_id,
        start=say.time(reservation.start),
    )


def describe_reason(reason: str | None, say: Language) -> str:
    """Returns why a reservation has moved, or was cancelled."""
    match reason:
        case "overrun":
            return say("another vehicle stays longer at the point")
        case "pointFailed":
            return say("the point is out of order")
        case "movedUp":
            return say("an earlier time is free")
        case "pointChanged":
            return say("it charges at another point")
        case _:
            return say("the network has changed it")


def call_station(station_id: int, station: Station | Offer | None) -> str:
    """Returns what a station is called: its ID, with its name if it has one.

    Others wrote the name: what would move the cursor does not reach the terminal.
    """
    name = "" if station is None or station.name is None else station.name
    plain = "".join(letter if letter.isprintable() else " " for letter in name).strip()
    return f"{station_id} ({plain})" if plain else str(station_id)


def describe_activity(activity: Activity, say: Language) -> str:
    """Returns what a vehicle is doing."""
    match activity:
        case Activity.DRIVING_ABOUT:
            return say("Driving about")
        case Activity.DRIVING_TO_STATION:
            return say("Driving to the station")
        case Activity.WAITING:
            return say("Waiting at the station")
        case Activity.CHARGING:
            return say("Charging")


def describe_rest(progress: Progress, say: Language) -> str:
    """Returns what is left of an activity; an empty text when nobody knows."""
    if progress.kilometres_left is not None:
        return say("{kilometres} km to go", kilometres=say.number(progress.kilometres_left))
    if progress.minutes_left is not None:
        return say("{minutes} min to go", minutes=say.number(progress.minutes_left, 0))
    return ""


def ask(question: Question, car: Car, say: Language) -> str:
    """Returns a question to the driver."""
    match question:
        case Question.BOOK:
            return say("Battery at {battery}%. Book a charge?", battery=say.number(car.battery, 0))
        case Question.DRIVE_THERE:
            return say("Drive there?")
        case Question.CANCEL:
            return say("Cancel the reservation? Otherwise it stays.")


def describe_availability(availability: Availability, say: Language) -> str:
    match availability:
        case "livre":
            return say("free")
        case "ocupado":
            return say("occupied")
        case "reservado":
            return say("reserved")


def describe_failure(error: Exception, say: Language) -> str:
    """Returns what went wrong with a request to the network, and why."""
    reason = explain(error, say)
    if isinstance(error, RequestError):
        return say("The network refuses: {reason}", reason=reason)
    return say("The network does not answer: {reason}", reason=reason)


def describe_no_slot(error: NotFound, say: Language) -> str:
    """Returns that no charging point fits. In English this is the network's own text, with the reasons."""
    reason = str(error) if say.is_english else say("no charging point fits, or there is none")
    return say("The network refuses: {reason}", reason=reason)


def explain(error: Exception, say: Language) -> str:
    """Returns why something failed. In English this is the error's own text, which has the details."""
    if say.is_english:
        return str(error)
    match error:
        case TextError():
            return say(error)
        case RequestError():
            return f"{_explain_refusal(error, say)} ({error.code})"
        case ClocksDiffer():
            return _explain_clocks(error, say)
        case OutcomeUnknown():
            return say("no reply came in time, so the request may have taken effect")
        case NobodyListens():
            return say("the cloud service is not connected to this broker, so the request had no effect")
        case BrokerRefused(account=str(account)):
            return say(
                "the broker refuses {account}: check the account's name, password and role", account=account
            )
        case BrokerRefused():
            return say("the broker rejected the account or the request")
        case SavedStationError(failed="read"):
            reason = explain(error.cause, say)
            return say("cannot read {file}: {reason}; repair or delete it", file=error.file, reason=reason)
        case SavedStationError():
            reason = explain(error.cause, say)
            return say(
                "cannot write {file}: {reason}; choose another file with --state",
                file=error.file,
                reason=reason,
            )
        case MissingColumns():
            names = ", ".join(error.names)
            if not error.found:
                return say("missing columns: {names}; the file is empty", names=names)
            return say("missing columns: {names}; the file has {found}", names=names, found=error.found)
        case InvalidLine():
            return say("line {line} is not valid CSV", line=error.line)
        case TooManyRows():
            return say("the file has too many stations; split it")
        case UnreadableText(fault="archive"):
            return say("this is a zip archive or a spreadsheet: unpack it, or save it as CSV")
        case UnreadableText(fault="damaged"):
            return say("the compressed file is damaged or cut short")
        case UnreadableText(fault="long line"):
            return say("a line is too long to be CSV")
        case UnreadableText():
            return say("the file is too large; split it")
        case BrokerUnreachable(broker=broker, __cause__=OSError() as cause):
            reason = say(reason_of(cause))
            return say("cannot connect to the broker {broker}: {reason}", broker=broker, reason=reason)
        case ConnectionError(__cause__=OSError() as cause):
            return say("cannot connect: {reason}", reason=say(reason_of(cause)))
        case ConnectionError(errno=None):
            return say("the connection was closed")
        case OSError():
            return say(reason_of(error))
        case _:
            return say("the content is not valid")


def _explain_clocks(error: ClocksDiffer, say: Language) -> str:
    seconds = say.number(abs(error.ahead))
    if error.ahead < 0:
        return say(
            "no reply came in time: the clock of this machine is {seconds} s behind the service's, so"
            " requests expire early; set the clock, or use MQTT 5",
            seconds=seconds,
        )
    return say(
        "no reply came in time, and the clock of this machine is {seconds} s ahead of the service's; set the"
        " clock, or use MQTT 5",
        seconds=seconds,
    )


def _explain_refusal(error: RequestError, say: Language) -> str:
    match error.code:
        case "BAD_REQUEST":
            return say("the request is not valid")
        case "NOT_FOUND":
            return say("what the request names does not exist")
        case "CONFLICT":
            return say("it conflicts with another station, vehicle or reservation")
        case "FORBIDDEN":
            return say("this account may not do that")
        case "ID_REUSED":
            return say("the request ID was used for another request")
        case "TOO_LARGE":
            return say("the request or its result is too large")
        case "BUSY":
            return say("too many requests at the moment; try again later")
        case "STORAGE":
            return say("the service cannot write to its disk; try again later")
        case "REFUSED":
            return say("the gateway gives no reason")
        case _:
            return say("the service failed; try again later")
