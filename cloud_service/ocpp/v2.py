"""OCPP 2.0.1 and 2.1: what their messages tell, and how they are answered. Their EVSE is our connector."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from cloud_service.ocpp.clocks import ChargerClock
from cloud_service.ocpp.fields import member, members, text, whole
from cloud_service.ocpp.meters import first_energy, read_meter
from cloud_service.ocpp.told import (
    Alive,
    Booted,
    Ended,
    Metered,
    Outcome,
    ReservationEnded,
    Started,
    Status,
    StatusTold,
    TagShown,
    Told,
)

_STATUSES: Final[Mapping[str, Status]] = {
    "Available": "free",
    "Occupied": "occupied",
    "Reserved": "reserved",
    "Unavailable": "unavailable",
    "Faulted": "faulted",
}


def read(action: str, payload: Mapping[str, Any], clock: ChargerClock) -> list[Told]:
    """What a message tells; just a sign of life if it does not concern the network."""
    match action:
        case "BootNotification":
            return [_booted(member(payload, "chargingStation"))]
        case "StatusNotification":
            detail = text(payload, "connectorStatus", 30)
            status = _STATUSES.get(detail, "occupied")
            evse, part = whole(payload, "evseId", 0), whole(payload, "connectorId", 0)
            return [StatusTold(evse, status, detail, clock.moment(payload), part)]
        case "NotifyEvent":
            return list(_statuses_of_events(payload, clock)) or [Alive()]
        case "Authorize":
            return [TagShown(text(member(payload, "idToken"), "idToken", 64))]
        case "TransactionEvent":
            return list(_transaction(payload, clock)) or [Alive()]
        case "MeterValues":
            values = members(payload, "meterValue")
            at = clock.moment(values[-1]) if values else None
            return [Metered(whole(payload, "evseId", 0), None, read_meter(values), at)]
        case "ReservationStatusUpdate":
            return [ReservationEnded(whole(payload, "reservationId", 0))]
        case _:
            return [Alive()]


def answer(action: str, outcome: Outcome, now: datetime, payload: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a message with this payload."""
    verdict = {"idTokenInfo": {"status": "Accepted" if outcome.accepted else "Invalid"}}
    match action:
        case "BootNotification":
            status = "Accepted" if outcome.accepted else "Pending"
            return {"status": status, "currentTime": now.isoformat(), "interval": outcome.interval}
        case "Heartbeat":
            return {"currentTime": now.isoformat()}
        case "Authorize":
            return verdict
        case "TransactionEvent":
            return verdict if member(payload, "idToken") or not outcome.accepted else {}
        case "DataTransfer":
            return {"status": "UnknownVendorId"}
        case _:
            return {}


def _booted(station: Mapping[str, Any]) -> Booted:
    return Booted(
        text(station, "vendorName", 50),
        text(station, "model", 50),
        text(station, "serialNumber", 50),
        text(station, "firmwareVersion", 50),
    )


def _statuses_of_events(payload: Mapping[str, Any], clock: ChargerClock) -> Iterator[StatusTold]:
    """In 2.x, the availability of a connector may come as an event about a variable."""
    for event in members(payload, "eventData"):
        if text(member(event, "variable"), "name") != "AvailabilityState":
            continue
        detail = text(event, "actualValue", 30)
        if detail in _STATUSES:
            evse = member(member(event, "component"), "evse")
            number, part = whole(evse, "id", 0), whole(evse, "connectorId", 0)
            yield StatusTold(number, _STATUSES[detail], detail, clock.moment(event), part)


def _transaction(payload: Mapping[str, Any], clock: ChargerClock) -> Iterator[Told]:
    name = text(member(payload, "transactionInfo"), "transactionId", 64)
    values = members(payload, "meterValue")
    meter = read_meter(values)
    begin = first_energy(values)
    connector = whole(member(payload, "evse"), "id", 0) or None
    tag = text(member(payload, "idToken"), "idToken", 64)
    at = clock.moment(payload)
    charging = bool(tag) or text(member(payload, "transactionInfo"), "chargingState") == "Charging"
    match text(payload, "eventType"):
        case "Started":
            yield Started(connector or 0, tag, meter.energy if begin is None else begin, at, name, charging)
        case "Ended":
            yield Ended(name, connector, meter.energy, begin, at, tag)
        case _:
            if charging:
                yield Started(connector or 0, tag, None, at, name)
            yield Metered(connector, name, meter, at)
